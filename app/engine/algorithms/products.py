"""Matrix products cut into the sizes that BLAS computes quickest, and operands laid out for them.

OpenBLAS computes products of up to a million multiplications where their operands lie, without
packing them first and never with threads of its own, which under ours would cost tenfold. Where
vectors are 512 bits wide this also is its quickest way, if no vector it loads lies across two cache
lines and rows are whole vectors: per thread, 64 filters of 576 values by 192 columns take 100
GFLOP/s in products of 8 filters, 61 in products of 32, and 69 if the columns begin anywhere.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from app.engine.problem import Array

# Multiplications of the largest product that is computed without packing.
SMALL_PRODUCT = 1_000_000
# Numbers of single precision that a vector holds.
VECTOR = 16
# Four vectors side by side: what a product of few columns should have a multiple of.
VECTOR_COLS = 64
# Two vectors, the next best.
HALF_COLS = 32
# So many rows share what is loaded of the columns.
PRODUCT_ROWS = 8
# Bytes of a cache line, which is also what the widest vector instructions load.
LINE = 64


class Part(NamedTuple):
    """A part of a product's result: some rows, `each` of them at a time, and some columns."""

    rows: slice
    each: int
    cols: slice


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros whose first byte begins a cache line; NumPy's own arrays begin anywhere."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def parts_of(rows: int, depth: int, cols: int, least: int = PRODUCT_ROWS) -> list[Part]:
    """Return the parts in which a product (rows, depth) @ (depth, cols) is computed.

    Args:
        rows: Of the result.
        depth: How many products each number is the sum of.
        cols: Of the result.
        least: How many rows a part should have at least.
    """
    wide = max(SMALL_PRODUCT // (depth * min(rows, least)) // VECTOR_COLS, 1) * VECTOR_COLS
    if wide < cols:
        wide = -(-even_part(cols, wide) // HALF_COLS) * HALF_COLS
    wide = min(wide, cols)
    each = fitting_part(rows, SMALL_PRODUCT // (depth * wide))
    whole = rows // each * each
    return [
        Part(part, min(each, part.stop - part.start), slice(col, min(col + wide, cols)))
        for part in (slice(0, whole), slice(whole, rows))
        if part.start < part.stop
        for col in range(0, cols, wide)
    ]


def multiply(left: Array, right: Array, out: Array, parts: list[Part]) -> None:
    """Write left @ right into `out` part by part; the parts are those of `parts_of`."""
    for part in parts:
        rows, target = left[part.rows], out[part.rows, part.cols]
        if part.each < len(rows):
            rows = rows.reshape(-1, part.each, rows.shape[1])
            target = target.reshape(-1, part.each, target.shape[1])
        np.matmul(rows, right[:, part.cols], out=target)


def even_part(whole: int, largest: int) -> int:
    """Return the size of the parts when `whole` is split evenly into parts of at most `largest`."""
    parts = -(-whole // largest)
    return -(-whole // parts)


def fitting_part(whole: int, largest: int) -> int:
    """Return the size of parts of at most `largest` (or 1): a divisor of `whole` if one is near."""
    largest = max(1, min(whole, largest))
    near = (part for part in range(largest, largest // 2, -1) if whole % part == 0)
    return next(near, even_part(whole, largest))
