"""Time the engine's convolutions, interleaved (A B C, C B A, …): median, spread, and minimum.

    python benchmarks/engine.py [--rows W1 W4c] [--seconds 20] [--backward]

Each row of the table is a workload of docs; each column an algorithm, forced where it claims the
workload, beside the whole public call, which lets the plan choose.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.engine import conv2d, conv2d_backward, plan
from app.engine.execution import ALL_GRADIENTS
from app.engine.setting import setting_2d

WORKLOADS: dict[str, tuple[tuple[int, ...], tuple[int, ...], int, int]] = {
    # name: shape of x, shape of the kernel, stride, groups; padding is always half the kernel
    "tiny": ((1, 1, 28, 28), (1, 1, 5, 5), 1, 1),
    "W1": ((1, 1, 512, 512), (1, 1, 3, 3), 1, 1),
    "W2": ((1, 3, 512, 512), (8, 3, 3, 3), 1, 1),
    "W3": ((1, 3, 1024, 1024), (1, 3, 3, 3), 1, 1),
    "W4": ((1, 1, 1024, 1024), (1, 1, 7, 7), 1, 1),
    "W4b": ((1, 1, 1024, 1024), (1, 1, 15, 15), 1, 1),
    "W4c": ((1, 1, 1024, 1024), (1, 1, 31, 31), 1, 1),
    "W5": ((1, 3, 1024, 1024), (16, 3, 5, 5), 2, 1),
    "W6": ((1, 16, 256, 256), (32, 16, 3, 3), 1, 1),
    "W7": ((16, 3, 128, 128), (32, 3, 3, 3), 1, 1),
    "W8": ((1, 64, 56, 56), (64, 64, 3, 3), 1, 1),
    "W9": ((1, 32, 256, 256), (32, 1, 3, 3), 1, 32),
    "W10": ((1, 3, 3000, 4000), (3, 1, 3, 3), 1, 3),
}


def forced(name: str, x: np.ndarray, kernel: np.ndarray, options: dict) -> Callable[[], object]:
    problem = setting_2d(
        x, kernel, options["stride"], options["padding"], "zeros", 1, options["groups"], False
    ).problem
    algorithm = plan.ALGORITHMS[name]

    def call() -> None:
        with np.errstate(all="ignore"):
            algorithm(problem, x, kernel, None, np.empty(problem.output_shape, problem.dtype))

    return call


def variants(name: str, only: list[str], backward: bool) -> dict[str, Callable[[], object]]:
    x_shape, kernel_shape, stride, groups = WORKLOADS[name]
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(s, np.float32) for s in (x_shape, kernel_shape))
    options = {"stride": stride, "padding": kernel_shape[2] // 2, "groups": groups}
    if backward:
        upstream = rng.standard_normal(conv2d(x, kernel, **options).shape, np.float32)
        return {
            wanted: lambda wanted=wanted: conv2d_backward(
                upstream, x, kernel, wanted=[wanted], **options
            )
            for wanted in ALL_GRADIENTS
        }
    calls: dict[str, Callable[[], object]] = {"conv2d": lambda: conv2d(x, kernel, **options)}
    return calls | {algorithm: forced(algorithm, x, kernel, options) for algorithm in only}


def measure(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    repeats = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(2e-3 / (time.perf_counter() - start + 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    order, end = list(calls), time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[order[0]]) < 3:
        for name in order:
            start = time.perf_counter()
            for _ in range(repeats[name]):
                calls[name]()
            times[name].append((time.perf_counter() - start) / repeats[name])
        order.reverse()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--algorithms", nargs="*", default=[], choices=list(plan.ALGORITHMS))
    parser.add_argument("--seconds", type=float, default=1.0, help="of each row")
    parser.add_argument("--backward", action="store_true")
    given = parser.parse_args()
    print(f"{'':6}{'':12}{'median':>10}{'p10':>10}{'p90':>10}{'min':>10}  ms")
    for row in given.rows:
        times = measure(variants(row, given.algorithms, given.backward), given.seconds)
        for name, samples in times.items():
            tenths = statistics.quantiles(samples, n=10)
            figures = (statistics.median(samples), tenths[0], tenths[-1], min(samples))
            print(f"{row:6}{name:12}" + "".join(f"{1e3 * t:10.4f}" for t in figures))


if __name__ == "__main__":
    main()
