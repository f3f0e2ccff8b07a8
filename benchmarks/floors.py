"""What NumPy alone takes for the steps that a small kernel on a large picture cannot do without.

A peer written in C reads a pixel once and has all its products in registers. Here each step is a
call of NumPy that reads and writes memory: these are their times, on one thread, with everything
laid out as the engine lays it out, and nothing of the engine's own.
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine.algorithms.products import aligned_zeros
from app.engine.convolution import conv2d

SIDE = 512
TAPS = 3
STACK = 2
# Numbers that stay in a core's own cache while the taps pass over them.
CHUNK = 32_768
ROUNDS = 200


def least_ms(work: Callable[[], object]) -> float:
    """Return the least time of many runs, in ms."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def row_wise() -> tuple[float, float]:
    """Return the least times of copying a picture's strips and of multiplying them, in ms."""
    rng = np.random.default_rng(0)
    x = rng.random((SIDE, SIDE), dtype=np.float32)
    strips = aligned_zeros((SIDE + 2, TAPS, SIDE + 16), x.dtype)
    maps = np.empty((SIDE // STACK, STACK, SIDE), x.dtype)
    band = rng.random((STACK, (STACK + TAPS - 1) * TAPS), dtype=np.float32)
    by_row, by_strip, by_cell = strips.strides
    windows = as_strided(
        strips,
        (SIDE // STACK, band.shape[1], SIDE),
        (STACK * by_row, by_strip, by_cell),
    )
    shifted = as_strided(x, (SIDE, TAPS, SIDE - TAPS + 1), (x.strides[0], *[x.strides[1]] * 2))
    inner = strips[1:-1, :, 1 : SIDE - 1]

    def copy() -> None:
        inner[...] = shifted

    return least_ms(copy), least_ms(lambda: np.matmul(band, windows, out=maps))


def fresh_map() -> float:
    """Return the least time of writing a map that has just been allocated, in ms."""
    return least_ms(lambda: np.empty((SIDE, SIDE), np.float32).fill(1))


def tap_by_tap() -> float:
    """Return the least time of adding up a product for each tap, without a matrix, in ms."""
    rng = np.random.default_rng(0)
    width = SIDE + TAPS - 1
    padded = rng.random(width * (SIDE + TAPS), dtype=np.float32)
    taps = rng.random(TAPS * TAPS, dtype=np.float32)
    shifts = [row * width + col for row in range(TAPS) for col in range(TAPS)]
    maps = np.empty(width * SIDE, np.float32)
    product = np.empty(CHUNK, np.float32)

    def add() -> None:
        for start in range(0, len(maps), CHUNK):
            part = maps[start : start + CHUNK]
            np.multiply(padded[start : start + len(part)], taps[0], out=part)
            for shift, tap in zip(shifts[1:], taps[1:], strict=True):
                cells = padded[start + shift : start + shift + len(part)]
                np.add(part, np.multiply(cells, tap, out=product[: len(part)]), out=part)

    return least_ms(add)


def small_calls() -> list[tuple[str, float]]:
    """Return what the calls of NumPy take that a convolution of 28 × 28 by 5 × 5 needs, in µs."""
    x = np.random.default_rng(0).random((1, 1, 28, 28), dtype=np.float32)
    padded = np.zeros((1, 1, 32, 32), np.float32)
    patches = aligned_zeros((25, 28, 28), x.dtype)
    by_row, by_col = padded.strides[2:]
    windows = as_strided(padded, (5, 5, 28, 28), (by_row, by_col, by_row, by_col))
    kernel, maps = np.ones((1, 25), np.float32), np.empty((1, 784), np.float32)
    unfolded, patches_by_tap = patches.reshape(25, 784), patches.reshape(5, 5, 28, 28)
    steps: list[tuple[str, Callable[[], object]]] = [
        ("picture into its padding", lambda: np.copyto(padded[:, :, 2:-2, 2:-2], x)),
        ("unfolding", lambda: np.copyto(patches_by_tap, windows)),
        ("the product", lambda: np.matmul(kernel, unfolded, out=maps)),
    ]
    return [(name, least_ms(step) * 1e3) for name, step in steps]


def report() -> str:
    """Measure and return a section of RESULTS.md."""
    copied, multiplied = row_wise()
    rng = np.random.default_rng(0)
    x = rng.random((1, 1, SIDE, SIDE), dtype=np.float32)
    kernel = rng.random((1, 1, TAPS, TAPS), dtype=np.float32)
    whole = least_ms(lambda: conv2d(x, kernel, padding=1))
    little, five = x[:, :, :28, :28].copy(), rng.random((1, 1, 5, 5), dtype=np.float32)
    tiny = least_ms(lambda: conv2d(little, five, padding=2)) * 1e3
    calls = small_calls()
    rows = [
        ("W1: three strips of the picture, one copy", f"{copied:.3f} ms"),
        ("W1: the products, two rows stacked", f"{multiplied:.3f} ms"),
        ("W1: writing a map that is new", f"{fresh_map():.3f} ms"),
        ("W1: instead of strips and products, tap by tap", f"{tap_by_tap():.3f} ms"),
        ("W1: the engine's whole call", f"{whole:.3f} ms"),
        *((f"tiny: {name}", f"{took:.1f} µs") for name, took in calls),
        ("tiny: the engine's whole call", f"{tiny:.1f} µs"),
    ]
    table = "\n".join(f"| {step} | {took} |" for step, took in rows)
    return (
        "## What NumPy's own calls take\n\nLeast of "
        f"{ROUNDS}, one thread unless said.\n\n| step | time |\n| --- | --- |\n{table}"
    )
