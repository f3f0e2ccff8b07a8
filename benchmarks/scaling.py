"""Cost against pixels, channels and kernel size, as a picture."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from app.engine.convolution import conv2d
from benchmarks.interleave import interleave

mpl.use("Agg")
from matplotlib import pyplot as plt

ROUNDS = 7


def call(x_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    x = rng.random(x_shape, dtype=np.float32)
    kernel = rng.standard_normal(kernel_shape, dtype=np.float32)
    return lambda: conv2d(x, kernel, padding="same")


def milliseconds(calls: dict[int, Callable[[], object]]) -> dict[int, float]:
    timings = interleave({str(size): one for size, one in calls.items()}, ROUNDS)
    return {int(size): timing.median * 1e3 for size, timing in timings.items()}


def slope(costs: dict[int, float]) -> float:
    """Return the exponent p of cost ~ size^p by least squares over the larger half."""
    sizes = sorted(costs)[len(costs) // 2 :]
    return float(np.polyfit(np.log(sizes), np.log([costs[size] for size in sizes]), 1)[0])


def report(picture: Path) -> str:
    """Draw the picture and return what it shows in words."""
    sides = (128, 256, 512, 1024, 2048, 4096)
    channels = (1, 2, 4, 8, 16, 32, 64)
    kernels = (1, 3, 5, 7, 9, 11, 15, 21, 31, 45, 63)
    series: dict[str, tuple[str, dict[int, float], Sequence[int]]] = {}
    pixels = {side * side: call((1, 1, side, side), (1, 1, 3, 3)) for side in sides}
    series["pixels"] = ("pixels (gray, one 3×3)", milliseconds(pixels), sides)
    maps = {c: call((1, c, 256, 256), (8, c, 3, 3)) for c in channels}
    series["channels"] = ("channels (256², 8 filters 3×3)", milliseconds(maps), channels)
    taps = {k: call((1, 1, 512, 512), (1, 1, k, k)) for k in kernels}
    series["kernel"] = ("kernel side (gray 512²)", milliseconds(taps), kernels)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), constrained_layout=True)
    for axis, (label, costs, _) in zip(axes, series.values(), strict=True):
        axis.loglog(list(costs), list(costs.values()), "o-", color="#17191c", markersize=4)
        axis.set_xlabel(label)
        axis.set_ylabel("median ms")
        axis.grid(alpha=0.3)
    figure.savefig(picture, dpi=110)
    lines = ["## Cost against size", "", "![Cost against pixels, channels and kernel size]"]
    lines[-1] += "(../docs/scaling.png)"
    lines += ["", "| what grows | exponent over the larger half |", "| --- | --- |"]
    lines += [f"| {label} | {slope(costs):.2f} |" for label, costs, _ in series.values()]
    return "\n".join(lines)
