"""The engine against its peers: one table of ratios, measured side by side in one run."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.engine.convolution import conv2d, conv2d_backward
from app.engine.geometry import pooled_size
from app.engine.pooling import PoolWindow, max_pool2d, max_pool2d_backward, max_pool2d_chosen
from benchmarks.interleave import Timing, interleave
from benchmarks.peers import peers_of, torch_gradients, torch_pool
from benchmarks.workloads import WORKLOADS, Workload

OURS = "convscope"
TOLERANCE = 2e-5
BACKWARD_TARGET = 0.8
POOL_TARGETS = {"forward": 0.3, "backward": 1.2}
Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One row of the table: who took how long."""

    name: str
    timings: dict[str, Timing]
    target: float
    against: str | None = None
    gigaflops: float | None = None

    @property
    def ours(self) -> Timing:
        return self.timings[OURS]

    @property
    def best_peer(self) -> str:
        """The peer that the target speaks of: the one named, else the fastest by its minimum."""
        others = {name: time for name, time in self.timings.items() if name != OURS}
        return self.against or min(others, key=lambda name: others[name].minimum)

    @property
    def ratio(self) -> float:
        """Our minimum over the best peer's minimum."""
        return self.ours.minimum / self.timings[self.best_peer].minimum

    @property
    def paired(self) -> float:
        """Median over the rounds of our time over the best peer's."""
        return self.ours.paired_ratio(self.timings[self.best_peer])

    def torch_ratio(self) -> float:
        return self.ours.paired_ratio(self.timings["torch"])


def forward_row(workload: Workload, rounds: int) -> Row:
    x, kernel = workload.arrays()
    options = {
        "stride": workload.stride,
        "padding": workload.padding,
        "groups": workload.groups,
    }
    calls: dict[str, Call] = {OURS: lambda: conv2d(x, kernel, **options)}
    calls |= peers_of(workload)
    same_values(calls[OURS](), calls["torch"](), workload.row)
    timings = interleave(calls, rounds)
    gigaflops = 2e-9 * workload.multiply_adds / timings[OURS].minimum
    return Row(workload.row, timings, workload.target, gigaflops=gigaflops)


def backward_row(workload: Workload, rounds: int) -> Row:
    x, kernel = workload.arrays()
    options = {"stride": workload.stride, "padding": workload.padding}
    shape = conv2d(x, kernel, **options).shape
    upstream = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    wanted = ("input", "kernel")
    calls: dict[str, Call] = {
        OURS: lambda: conv2d_backward(upstream, x, kernel, wanted=wanted, **options),
        "torch": torch_gradients(workload, upstream),
    }
    ours, theirs = calls[OURS](), calls["torch"]()
    same_values(ours.input, theirs[0], f"{workload.row} input gradient")
    same_values(ours.kernel, theirs[1], f"{workload.row} kernel gradient")
    name = f"{workload.row} both gradients"
    return Row(name, interleave(calls, rounds), BACKWARD_TARGET, against="torch")


def pool_rows(size: int, stride: int, padding: int, rounds: int) -> list[Row]:
    x = np.random.default_rng(2).standard_normal((1, 16, 512, 512), dtype=np.float32)
    torch_forward, torch_backward = torch_pool(x, size, stride, padding)
    rows = pooled_size(512, size, stride, 1, padding, padding, False, "H")
    window = PoolWindow(
        (size, size), (stride, stride), ((padding, padding),) * 2, (1, 1), (rows, rows)
    )
    pooled, chosen = max_pool2d_chosen(x, window)
    upstream = np.random.default_rng(3).standard_normal(pooled.shape, dtype=np.float32)
    pairs = {
        "forward": {OURS: lambda: max_pool2d(x, window), "torch": torch_forward},
        "backward": {
            OURS: lambda: max_pool2d_backward(upstream, x, window, chosen),
            "torch": torch_backward(upstream),
        },
    }
    same_values(pooled, torch_forward(), "max pooling")
    same_values(pairs["backward"][OURS](), pairs["backward"]["torch"](), "max pooling, backward")
    title = f"max pool {size}×{size} stride {stride}"
    return [
        Row(f"{title} {way}", interleave(calls, rounds), POOL_TARGETS[way], against="torch")
        for way, calls in pairs.items()
    ]


def same_values(ours: object, theirs: object, where: str) -> None:
    """Refuse to time two things that do not compute the same."""
    expected = np.asarray(theirs)
    error = np.abs(np.asarray(ours) - expected).max() / np.abs(expected).max()
    if not error <= TOLERANCE:
        raise SystemExit(f"{where}: we differ from torch by {error:.1e} of the largest value.")


def measure(rounds: int, rows: Sequence[str] | None = None) -> list[Row]:
    """Measure every row, or those whose workload is named."""
    chosen = [workload for workload in WORKLOADS if rows is None or workload.row in rows]
    table = [forward_row(workload, rounds) for workload in chosen]
    table += [backward_row(workload, rounds) for workload in chosen if workload.backward]
    if rows is None or "pool" in rows:
        table += pool_rows(2, 2, 0, rounds) + pool_rows(3, 2, 1, rounds)
    return table


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(math.log(value) for value in values))


def as_markdown(table: Sequence[Row]) -> str:
    """Return the table with medians, spread and ratios."""
    lines = [
        "| row | ours, median ms (p10–p90) | GFLOP/s | torch, median ms | best peer, median ms "
        "| ours ÷ torch | ours ÷ best peer, by minima (paired medians) | target | met |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in table:
        low, high = row.ours.spread
        peer = row.timings[row.best_peer]
        speed = f"{row.gigaflops:.0f}" if row.gigaflops else ""
        lines.append(
            f"| {row.name} | {row.ours.median * 1e3:.3f} ({low * 1e3:.3f}–{high * 1e3:.3f}) "
            f"| {speed} | {row.timings['torch'].median * 1e3:.3f} "
            f"| {row.best_peer} {peer.median * 1e3:.3f} | {row.torch_ratio():.2f} "
            f"| {row.ratio:.2f} ({row.paired:.2f}) | ≤ {row.target} "
            f"| {'yes' if row.ratio <= row.target else 'no'} |"
        )
    return "\n".join(lines)


def summary(table: Sequence[Row]) -> str:
    """Return the geometric means that the targets speak of."""
    forward = [row for row in table if row.against is None]
    backward = [row for row in table if row.name.endswith("both gradients")]
    best = geometric_mean([row.ratio for row in forward])
    torch = geometric_mean([row.torch_ratio() for row in forward])
    lines = [f"Forward, geometric mean: {best:.2f} of the best peer, {torch:.2f} of torch."]
    if backward:
        both = geometric_mean([row.torch_ratio() for row in backward])
        lines.append(f"Both gradients, geometric mean: {both:.2f} of torch.")
    return "\n".join(lines)
