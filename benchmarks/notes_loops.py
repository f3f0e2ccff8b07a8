"""The notes' own loops, for scale."""

import time

import numpy as np

from app.engine.convolution import conv2d
from app.engine.reference import conv2d as loops


def report() -> str:
    """Time 512×512 through 3×3 in plain Python once, and by the engine."""
    rng = np.random.default_rng(0)
    x, kernel = rng.random((1, 1, 512, 512)), rng.random((1, 1, 3, 3))
    start = time.perf_counter()
    loops(x, kernel, padding=((1, 1), (1, 1)))
    slow = time.perf_counter() - start
    single, weights = x.astype(np.float32), kernel.astype(np.float32)
    conv2d(single, weights, padding=1)
    start = time.perf_counter()
    conv2d(single, weights, padding=1)
    fast = time.perf_counter() - start
    return (
        "## The notes' loops\n\n512×512, one 3×3: "
        f"{slow * 1e3:.0f} ms in the loops of `reference.py`, {fast * 1e3:.2f} ms by the engine."
    )
