"""Numbers about each channel of a feature map."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ChannelStats:
    """One channel over the whole batch; the first four are of its finite values alone.

    Attributes:
        min: Smallest value; NaN where there is no finite value.
        max: Largest value.
        mean: Arithmetic mean.
        std: Standard deviation of the population.
        zeros: How many values are exactly zero.
        nonfinite: How many values are NaN or infinite.
    """

    min: float
    max: float
    mean: float
    std: float
    zeros: int
    nonfinite: int

    def as_dict(self) -> dict[str, float | int]:
        """Return the numbers by name."""
        return asdict(self)


def channel_stats(maps: Array) -> list[ChannelStats]:
    """Return the statistics of each channel.

    Args:
        maps: Shape (N, C, ...) or (N, I), whose features count as one channel; float32 or
            float64. Anything of fewer axes counts as one channel too.
    """
    if maps.ndim < 3:
        return [_stats(maps.reshape(-1))]
    return [_stats(maps[:, channel].reshape(-1)) for channel in range(maps.shape[1])]


def _stats(values: Array) -> ChannelStats:
    """Return the statistics of a vector in few passes; non-finite values take the slow way."""
    if values.size == 0:
        return ChannelStats(np.nan, np.nan, np.nan, np.nan, 0, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = values.min(), values.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            return _stats_of_finite(values)
        mean, std = _moments(values)
        if not np.isfinite(std):
            mean, std = _moments(values.astype(np.float64))
    zeros = np.count_nonzero(values == 0) if low <= 0 <= high else 0
    return ChannelStats(float(low), float(high), mean, std, int(zeros), 0)


def _moments(values: Array) -> tuple[float, float]:
    mean = values.mean()
    centred = values - mean
    return float(mean), float(np.sqrt(np.dot(centred, centred) / values.size))


def _stats_of_finite(values: Array) -> ChannelStats:
    finite = values[np.isfinite(values)]
    stats = _stats(finite)
    return ChannelStats(
        stats.min, stats.max, stats.mean, stats.std, stats.zeros, values.size - finite.size
    )
