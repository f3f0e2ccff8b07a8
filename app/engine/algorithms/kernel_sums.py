"""Sums of products over many rows of pictures: what a kernel's gradient is made of.

The sums run along the rows, which is where vectors lie. With few filters, BLAS multiplies both
operands as they lie: it adds vectors of either's values, 80 GFLOP/s a thread for 36 rows of 512
values by 32, but only for small results. From some filters on it pays to turn the upstream
gradient first, so that the filters lie side by side: 90 GFLOP/s where the other way has 61.
"""

import math
import threading
from typing import Any

import numpy as np

from app.engine.algorithms.products import (
    PRODUCT_ROWS,
    SMALL_PRODUCT,
    VECTOR,
    aligned_zeros,
    even_part,
    fitting_part,
)
from app.engine.problem import Array

# So many filters fill vectors.
TURNED_FILTERS = 32
# The largest result that BLAS computes without turning an operand itself.
UNTURNED_RESULT = 1200
# How many parts a gradient is summed up in: each takes memory that is zeroed first and added up
# last, by one thread.
MOST_PARTS, FEWEST_PARTS = 8, 2
LARGE_SUMS = 1 << 13
# Bytes of the products that are added up at a time, and of the upstream gradient they are made of.
PART_BYTES = 1 << 20
# Larger memory, which a single row may need, is not kept for the next call.
KEPT_BYTES = 1 << 22

_local = threading.local()


def summed_products(windows: Array, sent: Array) -> Array:
    """Return Σ windows[n] @ sent[:, n].T over n.

    Args:
        windows: Shape (n, K, P).
        sent: Shape (F, n, P).

    Returns:
        Sums, shape (K, F).
    """
    count, depth, cells = windows.shape
    filters = len(sent)
    turned = filters >= TURNED_FILTERS
    if turned:
        run = even_part(cells, max(SMALL_PRODUCT // (filters * PRODUCT_ROWS), 1))
        each = fitting_part(depth, SMALL_PRODUCT // (filters * run))
    else:
        each = fitting_part(depth, UNTURNED_RESULT // filters)
        run = even_part(cells, max(SMALL_PRODUCT // (filters * each), 1))
    total = np.zeros((depth, filters), windows.dtype)
    held = max(depth, run) if turned else depth
    at_once = max(1, PART_BYTES // (held * filters * windows.itemsize))
    whole = depth // each * each
    for start in range(0, count, at_once):
        several = slice(start, start + at_once)
        for cell in range(0, cells, run):
            part = sent[:, several, cell : cell + run]
            right = (_turned(part) if turned else part.transpose(1, 2, 0))[:, None]
            taps = windows[several, :, cell : cell + run]
            for rows in (slice(0, whole), slice(whole, depth)):
                if rows.start < rows.stop:
                    size = min(each, rows.stop - rows.start)
                    left = taps[:, rows].reshape(len(taps), -1, size, taps.shape[2])
                    products = _scratch("products", (*left.shape[:3], filters), windows.dtype)
                    np.matmul(left, right, out=products)
                    total[rows] += np.add.reduce(products, axis=0).reshape(-1, filters)
    return total


def part_count(tiles: int, sums: tuple[int, ...]) -> int:
    """Return in how many parts, each with sums of this shape, tiles are shared among threads."""
    most = FEWEST_PARTS if math.prod(sums) >= LARGE_SUMS else MOST_PARTS
    return max(1, min(most, tiles))


def _turned(sent: Array) -> Array:
    """Return a contiguous copy (n, P, F) of the upstream gradient (F, n, P).

    By way of another one: maps whose size is a power of two lie so that all filters' values of a
    pixel compete for the same few lines of the cache (2.1 ms instead of 3.2 for 32 maps of 256²).
    """
    filters, count, cells = sent.shape
    pitch = -(-cells // VECTOR) * VECTOR + VECTOR
    near = _scratch("near", (count, filters, pitch), sent.dtype)[..., :cells]
    near[...] = sent.transpose(1, 0, 2)
    turned = _scratch("turned", (count, cells, filters), sent.dtype)
    turned[...] = near.transpose(0, 2, 1)
    return turned


def _scratch(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return memory of the calling thread's own, kept for the next call: it is paged in already."""
    size = math.prod(shape)
    if size * dtype.itemsize > KEPT_BYTES:
        return aligned_zeros(shape, dtype)
    kept: dict[tuple[str, np.dtype[Any]], Array] = _local.__dict__.setdefault("kept", {})
    memory = kept.get((name, dtype))
    if memory is None or memory.size < size:
        memory = kept[name, dtype] = aligned_zeros((size,), dtype)
    return memory[:size].reshape(shape)
