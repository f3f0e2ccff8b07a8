"""Numbers about each channel of a feature map."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engine import threads

Array = NDArray[Any]

# Values looked at together: few enough to stay in a core's cache from one look to the next.
PIECE = 1 << 16
# Pieces that gain from another thread: of 16 nothing, of the 184 of 12 Mpx a fifth of the time.
WORTH_SHARING = 64
# Squares of what is smaller than this may vanish.
LEAST = {"float32": 1e-15, "float64": 1e-145}


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
    """Return the statistics of a vector in one pass; non-finite values take a second one."""
    if values.size == 0:
        return ChannelStats(np.nan, np.nan, np.nan, np.nan, 0, 0)
    found: dict[int, _Piece] = {}

    def look(numbers: Iterator[int]) -> None:
        scratch = np.empty(min(values.size, PIECE), values.dtype)
        ones = np.ones_like(scratch)
        for number in numbers:
            piece = values[number * PIECE : (number + 1) * PIECE]
            found[number] = _piece(piece, scratch, ones)

    count = -(-values.size // PIECE)
    with np.errstate(over="ignore", invalid="ignore"):
        threads.share(look, count, worth=count >= WORTH_SHARING)
    pieces = [found[number] for number in range(count)]
    low, high = min(one.low for one in pieces), max(one.high for one in pieces)
    # A NaN spoils both, but min() and max() of Python may lose it.
    if not all(np.isfinite((one.low, one.high)).all() for one in pieces):
        return _stats_of_finite(values)
    mean = sum(one.mean * one.size for one in pieces) / values.size
    squares = sum(one.squares + one.size * _square(one.mean - mean) for one in pieces)
    zeros = sum(one.zeros for one in pieces)
    largest = max(abs(low), abs(high))
    if not np.isfinite(squares) or 0 < largest < LEAST[values.dtype.name]:
        if values.dtype != np.float64:
            return _stats(values.astype(np.float64))
        # Squares of these numbers overflow or vanish, those of their shares of the largest do not.
        share = _stats(values / largest)
        return ChannelStats(low, high, share.mean * largest, share.std * largest, zeros, 0)
    # Rounding may leave less than nothing of them.
    std = float(np.sqrt(max(squares, 0.0) / values.size))
    return ChannelStats(low, high, mean, std, zeros, 0)


class _Piece(NamedTuple):
    """Part of a vector: its range, mean, summed squared deviations from it, and zeros."""

    size: int
    low: float
    high: float
    mean: float
    squares: float
    zeros: int


def _square(number: float) -> float:
    # Python's power raises where a product becomes infinite.
    return number * number


def _piece(values: Array, scratch: Array, ones: Array) -> _Piece:
    size = values.size
    low, high = float(np.minimum.reduce(values)), float(np.maximum.reduce(values))
    # Sums are taken near zero, where float32 is fine-grained, and as products with ones, which
    # BLAS does fastest.
    pivot = values[0]
    centred = np.subtract(values, pivot, out=scratch[:size])
    offset = float(np.dot(centred, ones[:size])) / size
    squares = float(np.dot(centred, centred)) - size * _square(offset)
    if size * _square(offset) > 100 * squares:
        # The pivot stands far from the rest, and the difference above has lost its digits.
        centred -= values.dtype.type(offset)
        rest = float(np.dot(centred, ones[:size])) / size
        offset = float(values.dtype.type(offset)) + rest
        squares = float(np.dot(centred, centred)) - size * _square(rest)
    zeros = int(np.count_nonzero(values == 0)) if low <= 0 <= high else 0
    return _Piece(size, low, high, float(pivot) + offset, squares, zeros)


def _stats_of_finite(values: Array) -> ChannelStats:
    finite = values[np.isfinite(values)]
    stats = _stats(finite)
    return ChannelStats(
        stats.min, stats.max, stats.mean, stats.std, stats.zeros, values.size - finite.size
    )
