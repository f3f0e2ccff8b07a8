"""Interleaved timing: A B C, C B A, …, so that a machine that drifts drifts for all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SETTLE_SECONDS = 0.01


@dataclass(frozen=True)
class Timing:
    """Seconds per call of one contestant, one entry a round."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def minimum(self) -> float:
        return min(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """Tenth and ninetieth percentile."""
        ordered = sorted(self.samples)
        last = len(ordered) - 1
        return ordered[round(0.1 * last)], ordered[round(0.9 * last)]

    def paired_ratio(self, other: "Timing") -> float:
        """Median over the rounds of this contestant's time over the other's."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def calls_per_sample(call: Callable[[], object], target_seconds: float) -> int:
    """Return how many calls fill a sample; the first call, which plans, is not counted."""
    call()
    start = time.perf_counter()
    call()
    once = max(time.perf_counter() - start, 1e-7)
    return max(1, round(target_seconds / once))


def interleave(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int = 15,
    target_seconds: float = 0.004,
) -> dict[str, Timing]:
    """Time all contestants in turn, forwards and backwards, after one call of warm-up each.

    Args:
        contestants: what to call, by name.
        rounds: samples per contestant.
        target_seconds: least length of a sample; short calls are repeated to fill it.
    """
    repeats = {name: calls_per_sample(call, target_seconds) for name, call in contestants.items()}
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    order = list(contestants)
    for _ in range(rounds):
        for name in order:
            time.sleep(SETTLE_SECONDS)
            call, count = contestants[name], repeats[name]
            call()
            start = time.perf_counter()
            for _ in range(count):
                call()
            samples[name].append((time.perf_counter() - start) / count)
        order.reverse()
    return {name: Timing(tuple(values)) for name, values in samples.items()}
