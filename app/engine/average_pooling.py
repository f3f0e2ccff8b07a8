"""Average pooling: the mean of each window, and the way back.

It is separable: sums down the columns first, which are contiguous, then along the rows.

Source: Goodfellow, Bengio, Courville, "Deep Learning", 2016, section 9.3; what divides at the
borders is PyTorch's rule.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.geometry import Pair
from app.engine.taps import (
    Block,
    Phases,
    PoolWindow,
    backward_blocks,
    cell_counts,
    forward_blocks,
    over,
    slices_of,
    taps,
)

Array = NDArray[Any]


def avg_pool2d(x: Array, window: PoolWindow, count_include_pad: bool = True) -> Array:
    """Return each window's average, shape (N, C, *window.output).

    Args:
        x: Maps, shape (N, C, H, W).
        window: The window; dilation (1, 1).
        count_include_pad: Whether the divisor counts cells in the padding.
    """
    planes = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    out = np.empty((len(planes), *window.output), x.dtype)
    width = x.shape[3]
    across = taps(window, 1, range(window.output[1]), range(width))

    def run(block: Block) -> None:
        read, made = slices_of(block)
        cells, target = planes[block.planes, read], out[block.planes, made]
        sums = np.zeros((*target.shape[:2], width), x.dtype)
        for tap in taps(window, 0, block.outputs, block.inputs):
            sums[:, tap.outputs] += cells[:, tap.inputs]
        target[...] = 0
        fetch = Phases(sums, window.stride[1])
        for tap in across:
            target[..., tap.outputs] += fetch(tap)

    over(forward_blocks(len(planes), (x.shape[2], width), window), run, x.size)
    out /= divisors(x.shape[2:], window, count_include_pad).astype(x.dtype)
    return out.reshape(*x.shape[:2], *window.output)


def avg_pool2d_backward(
    upstream: Array, x: Array, window: PoolWindow, count_include_pad: bool = True
) -> Array:
    """Return the gradient with respect to x: each window's gradient in equal shares.

    Args:
        upstream: Gradient with respect to the averages, shape (N, C, *window.output).
        x: The input of the forward pass, shape (N, C, H, W).
        window: The window; dilation (1, 1).
        count_include_pad: As in the forward pass.
    """
    shares = upstream / divisors(x.shape[2:], window, count_include_pad).astype(x.dtype)
    planes, (height, width) = x.shape[0] * x.shape[1], x.shape[2:]
    shares = shares.reshape(planes, *window.output)
    out = np.empty((planes, height, width), upstream.dtype)
    across = taps(window, 1, range(window.output[1]), range(width))

    def run(block: Block) -> None:
        target = out[block.planes, block.inputs.start : block.inputs.stop]
        spread = np.zeros((*target.shape[:2], window.output[1]), out.dtype)
        for tap in taps(window, 0, block.outputs, block.inputs):
            spread[:, tap.inputs] += shares[block.planes, tap.outputs]
        target[...] = 0
        for tap in across:
            target[..., tap.inputs] += spread[..., tap.outputs]

    over(backward_blocks(planes, (height, width), window), run, out.size)
    return out.reshape(x.shape)


def divisors(size: Pair, window: PoolWindow, count_include_pad: bool) -> Array:
    """Return by what each window's sum is divided, shape window.output.

    Args:
        size: Input (rows, cols).
        window: The window; dilation (1, 1).
        count_include_pad: Whether cells in the padding count.
    """
    rows = cell_counts(window, 0, size[0], count_include_pad)
    cols = cell_counts(window, 1, size[1], count_include_pad)
    return np.outer(rows, cols)
