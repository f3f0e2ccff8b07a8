"""Making arrays small for the wire: area means for thumbnails, few bits for display."""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine import threads

Array = NDArray[Any]

# Values coded together: few enough to stay in a core's cache from one step to the next.
PIECE = 1 << 16
# Rows and columns of means that are one matrix product: enough for BLAS, few enough that little of
# it is zeros. Columns lie apart, so more of them go together.
BANDS = (8, 32)
# Values that outweigh a hand-off to another thread.
WORTH_SHARING = 1 << 19


def area_mean(maps: Array, max_side: int) -> Array:
    """Return the maps scaled down so that no spatial side exceeds `max_side`.

    Each output cell is the mean of the input area it covers, edge cells by their share.

    Args:
        maps: Shape (N, C, L) or (N, C, H, W); other shapes come back as they are.
        max_side: Longest side of the result, at least 1.
    """
    sides = maps.shape[2:]
    if not sides or maps.size == 0 or max(sides) <= max_side:
        return maps
    ratio = max_side / max(sides)
    with np.errstate(invalid="ignore", over="ignore"):
        means = maps
        # Rows first: what they leave of the columns is less, and lies in whole rows.
        for axis, side in enumerate(sides, start=2):
            band = BANDS[axis == maps.ndim - 1]
            means = _axis_mean(means, axis, max(1, round(side * ratio)), cells_at_once=band)
        if np.isfinite(means).all():
            return means
        # A band's product has spread what is not finite to the cells beside it.
        means = maps
        for axis, side in enumerate(sides, start=2):
            means = _axis_mean(means, axis, max(1, round(side * ratio)), cells_at_once=1)
        return means


def _axis_mean(maps: Array, axis: int, cells: int, cells_at_once: int) -> Array:
    """Return the means of `cells` equal stretches of one axis."""
    side = maps.shape[axis]
    if cells == side:
        return maps
    bands = _bands(side, cells, cells_at_once, maps.dtype)
    out = np.empty((*maps.shape[:axis], cells, *maps.shape[axis + 1 :]), maps.dtype)
    # The axis is the last but one of a stack of matrices, or their last.
    last = axis == maps.ndim - 1

    def part(numbers: Iterator[int]) -> None:
        for number in numbers:
            taken, wanted, shares = bands[number]
            if last:
                np.matmul(maps[..., taken], shares.T, out=out[..., wanted])
            else:
                np.matmul(shares, maps[..., taken, :], out=out[..., wanted, :])

    threads.share(part, len(bands), worth=maps.size >= WORTH_SHARING)
    return out


@functools.lru_cache(maxsize=64)
def _bands(
    side: int, cells: int, cells_at_once: int, dtype: np.dtype[Any]
) -> list[tuple[slice, slice, Array]]:
    """Return the shares of the input in each cell, a piece at a time.

    All of them are a matrix with a band of numbers that are not zero; it is multiplied a piece of
    the band at a time, which BLAS does at full speed.

    Returns:
        For each piece the input it takes, the cells it gives and its matrix of shares. Made once:
        it would cost as much as a product.
    """
    stretch = side / cells
    bands = []
    for start in range(0, cells, cells_at_once):
        edges = np.arange(start, min(start + cells_at_once, cells) + 1) * stretch
        first, end = int(edges[0] + 1e-9), min(int(np.ceil(edges[-1] - 1e-9)), side)
        place = np.arange(first, end)
        covered = np.minimum(edges[1:, None], place + 1) - np.maximum(edges[:-1, None], place)
        shares = (np.maximum(covered, 0.0) / stretch).astype(dtype)
        bands.append((slice(first, end), slice(start, start + len(shares)), shares))
    return bands


@dataclass(frozen=True, eq=False)
class Quantised:
    """Maps in few bits: value = offset + scale · code.

    Attributes:
        codes: uint8 or uint16, of the maps' shape.
        scale: One number a map, in C-order over (N, C).
        offset: One number a map, alike.
    """

    codes: Array
    scale: list[float]
    offset: list[float]


def quantise(maps: Array, dtype: str) -> Quantised:
    """Return the maps as codes of `dtype`, each map over its own finite range.

    The error is at most scale / 2; where the range spans zero, one code is exactly zero. NaN and
    −inf become the lowest code, inf the highest.

    Args:
        maps: Shape (N, C, ...): each (n, c) is a map; (N, I): each n is one.
        dtype: "uint8" or "uint16".
    """
    steps = np.iinfo(dtype).max
    codes = np.empty(maps.shape, dtype)
    count = math.prod(maps.shape[:2]) if maps.ndim > 2 else maps.shape[0]
    flat = maps.reshape(count, -1) if maps.size else maps.reshape(count, 0)
    scales, offsets = [], []
    for values, out in zip(flat, codes.reshape(flat.shape), strict=True):
        scale, offset = _quantise_map(values, out, steps)
        scales.append(scale)
        offsets.append(offset)
    return Quantised(codes, scales, offsets)


def _quantise_map(values: Array, out: Array, steps: int) -> tuple[float, float]:
    """Write the codes of one map into `out` and return its scale and offset."""
    if values.size == 0:
        return 0.0, 0.0
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            out[...] = np.where(values == np.inf, steps, 0)
            return 0.0, 0.0
        low, high = finite.min(), finite.max()
        values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    offset, span = float(low), float(high) - float(low)
    if not math.isfinite(span):
        # Wider than the largest float: halves are coded alike.
        scale, offset = _quantise_map(values * 0.5, out, steps)
        return 2 * scale, 2 * offset
    scale = span / steps
    if scale == 0.0:
        out[...] = 0
        return 0.0, offset
    if low < 0 < high:
        # Moved by half a step at most: what is zero, as most of a gradient is, must read as zero.
        offset = -math.ceil(-offset / scale - 0.5) * scale
    if not _fits(span, scale, values.dtype):
        values = values.astype(np.float64)
    lift = 1.0 if math.isfinite(1 / scale) else 2.0**100
    lifted = values if lift == 1 else values * lift
    _write_codes(lifted, out, offset * lift, 1 / (scale * lift))
    return scale, offset


def _write_codes(values: Array, out: Array, offset: float, steps_a_unit: float) -> None:
    """Write round((value − offset) · steps_a_unit), a piece at a time that stays in the cache."""
    low, factor, half = map(values.dtype.type, (offset, steps_a_unit, 0.5))

    def part(numbers: Iterator[int]) -> None:
        scratch = np.empty(min(values.size, PIECE), values.dtype)
        for start in (number * PIECE for number in numbers):
            piece = values[start : start + PIECE]
            # Subtracting first is exact where it matters: a small range far from zero keeps its
            # digits.
            codes = np.subtract(piece, low, out=scratch[: piece.size])
            codes *= factor
            codes += half
            # Rounding at the ends of the range.
            np.clip(codes, 0, np.iinfo(out.dtype).max, out=codes)
            out[start : start + PIECE] = codes

    threads.share(part, -(-values.size // PIECE), worth=values.size >= WORTH_SHARING)


def _fits(span: float, scale: float, dtype: np.dtype[Any]) -> bool:
    """Return whether span and 1 / scale are normal numbers of `dtype`."""
    return max(span, 1 / scale) < float(np.finfo(dtype).max)
