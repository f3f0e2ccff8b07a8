"""Pooling as loops over windows: slow, readable, and the oracle of the tests."""

import itertools
from collections.abc import Iterator

import numpy as np

from app.engine.geometry import Padding, Pair, pooled_size
from app.engine.reference import NO_PADDING, Array, Index


def _windows(
    x: Array, size: Pair, stride: Pair, padding: Padding, dilation: Pair, ceil_mode: bool
) -> Iterator[tuple[Index, list[Index], int]]:
    """Yield each output cell, the input cells its window holds, and its size with padding.

    The part of a window that overhangs the padded input, as `ceil_mode` allows, does not count.
    """
    batch, channels, *lengths = x.shape
    counts = _pooled(x, size, stride, padding, dilation, ceil_mode)
    for n, c, *at in np.ndindex(batch, channels, *counts):
        spans = [
            [a * s - p[0] + u * d for u in range(k) if a * s - p[0] + u * d < length + p[1]]
            for a, s, p, k, d, length in zip(
                at, stride, padding, size, dilation, lengths, strict=True
            )
        ]
        inside: list[Index] = [
            (n, c, row, col)
            for row, col in itertools.product(*spans)
            if 0 <= row < lengths[0] and 0 <= col < lengths[1]
        ]
        yield (n, c, *at), inside, len(spans[0]) * len(spans[1])


def _pooled(
    x: Array, size: Pair, stride: Pair, padding: Padding, dilation: Pair, ceil_mode: bool
) -> Pair:
    rows = pooled_size(x.shape[2], size[0], stride[0], dilation[0], *padding[0], ceil_mode)
    return rows, pooled_size(x.shape[3], size[1], stride[1], dilation[1], *padding[1], ceil_mode)


def max_pool2d(
    x: Array,
    size: Pair,
    stride: Pair,
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> tuple[Array, dict[Index, Index]]:
    """Return each window's maximum and where it stands: the first in row-major order.

    A NaN counts as larger than any number. A window without any input cell is −inf and has no
    place.
    """
    out = np.full((*x.shape[:2], *_pooled(x, size, stride, padding, dilation, ceil_mode)), -np.inf)
    places: dict[Index, Index] = {}
    for cell, inside, _ in _windows(x, size, stride, padding, dilation, ceil_mode):
        for pixel in inside:
            value = float(x[pixel])
            first = cell not in places
            if first or value > out[cell] or (np.isnan(value) and not np.isnan(out[cell])):
                out[cell], places[cell] = value, pixel
    return out, places


def max_pool2d_backward(upstream: Array, x: Array, places: dict[Index, Index]) -> Array:
    """Return the gradient of x: each window's goes to where its maximum stands."""
    grad = np.zeros(x.shape)
    for cell, pixel in places.items():
        grad[pixel] += float(upstream[cell])
    return grad


def avg_pool2d(
    x: Array,
    size: Pair,
    stride: Pair,
    padding: Padding = NO_PADDING,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Return each window's mean; with `count_include_pad` the padding's zeros count as cells."""
    out = np.zeros((*x.shape[:2], *_pooled(x, size, stride, padding, (1, 1), ceil_mode)))
    for cell, inside, padded in _windows(x, size, stride, padding, (1, 1), ceil_mode):
        count = padded if count_include_pad else len(inside)
        out[cell] = sum(float(x[pixel]) for pixel in inside) / count
    return out


def avg_pool2d_backward(
    upstream: Array,
    x: Array,
    size: Pair,
    stride: Pair,
    padding: Padding = NO_PADDING,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Return the gradient of x: each window's is shared out evenly."""
    grad = np.zeros(x.shape)
    for cell, inside, padded in _windows(x, size, stride, padding, (1, 1), ceil_mode):
        count = padded if count_include_pad else len(inside)
        for pixel in inside:
            grad[pixel] += float(upstream[cell]) / count
    return grad
