"""The source notes' loops, corrected and made general: slow, readable, and the oracle of the tests.

A convolution is nothing but a list of products. `terms` names them, each by the output cell it is
added to, the kernel's weight and the input cell; the forward pass and both gradients then read
alike. Padding is always given in full, ((top, bottom), (left, right)).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.geometry import Padding, Pair, output_size, transposed_size

Array = NDArray[Any]
Index = tuple[int, ...]
Term = tuple[Index, Index, Index]

NO_PADDING: Padding = ((0, 0), (0, 0))


def source_cell(cell: int, size: int, mode: str) -> int | None:
    """Return where the value at `cell` of a padded axis comes from; None for a zero.

    Args:
        cell: Coordinate in the unpadded axis; negative, or `size` and more, in the padding.
        size: Length of the unpadded axis.
        mode: "zeros", "reflect", "replicate" or "circular".
    """
    if 0 <= cell < size:
        return cell
    if mode == "reflect":
        return -cell if cell < 0 else 2 * (size - 1) - cell
    if mode == "replicate":
        return 0 if cell < 0 else size - 1
    if mode == "circular":
        return cell + size if cell < 0 else cell - size
    return None


def terms(
    x_shape: Index,
    kernel_shape: Index,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    mode: str = "zeros",
    dilation: Pair = (1, 1),
    groups: int = 1,
    flip: bool = False,
) -> Iterator[Term]:
    """Yield (output cell, weight, input cell) of every product of a convolution.

    Products with a zero of the padding are left out.
    """
    batch, _, height, width = x_shape
    filters, channels, kernel_rows, kernel_cols = kernel_shape
    out_rows, out_cols = convolved_size(x_shape, kernel_shape, stride, padding, dilation)
    for n, o, i, j in np.ndindex(batch, filters, out_rows, out_cols):
        first_channel = o // (filters // groups) * channels
        for c, u, v in np.ndindex(channels, kernel_rows, kernel_cols):
            row = source_cell(i * stride[0] + u * dilation[0] - padding[0][0], height, mode)
            col = source_cell(j * stride[1] + v * dilation[1] - padding[1][0], width, mode)
            if row is not None and col is not None:
                weight = (o, c, kernel_rows - 1 - u, kernel_cols - 1 - v) if flip else (o, c, u, v)
                yield (n, o, i, j), weight, (n, first_channel + c, row, col)


def convolved_size(
    x_shape: Index, kernel_shape: Index, stride: Pair, padding: Padding, dilation: Pair
) -> Pair:
    """Return (rows, cols) of the feature maps."""
    rows = output_size(x_shape[2], kernel_shape[2], stride[0], dilation[0], *padding[0])
    return rows, output_size(x_shape[3], kernel_shape[3], stride[1], dilation[1], *padding[1])


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    padding_mode: str = "zeros",
    dilation: Pair = (1, 1),
    groups: int = 1,
    flip: bool = False,
) -> Array:
    """Return the feature maps of x (N, C, H, W) for a kernel (O, C/groups, KH, KW), in float64."""
    size = convolved_size(x.shape, kernel.shape, stride, padding, dilation)
    out = np.zeros((len(x), len(kernel), *size))
    geometry = (stride, padding, padding_mode, dilation, groups, flip)
    for cell, weight, pixel in terms(x.shape, kernel.shape, *geometry):
        out[cell] += float(kernel[weight]) * float(x[pixel])
    return out if bias is None else out + np.asarray(bias, np.float64)[:, None, None]


def conv2d_backward(
    upstream: Array,
    x: Array,
    kernel: Array,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    padding_mode: str = "zeros",
    dilation: Pair = (1, 1),
    groups: int = 1,
    flip: bool = False,
) -> tuple[Array, Array, Array]:
    """Return the gradients with respect to x, kernel and bias, in float64."""
    grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    geometry = (stride, padding, padding_mode, dilation, groups, flip)
    for cell, weight, pixel in terms(x.shape, kernel.shape, *geometry):
        grad_x[pixel] += float(upstream[cell]) * float(kernel[weight])
        grad_kernel[weight] += float(upstream[cell]) * float(x[pixel])
    grad_bias = np.zeros(len(kernel))
    for n, o, i, j in np.ndindex(upstream.shape):
        grad_bias[o] += float(upstream[n, o, i, j])
    return grad_x, grad_kernel, grad_bias


def conv1d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: int = 1,
    padding: Pair = (0, 0),
    padding_mode: str = "zeros",
    dilation: int = 1,
    groups: int = 1,
    flip: bool = False,
) -> Array:
    """Return the feature maps of x (N, C, L) for a kernel (O, C/groups, K), in float64."""
    return conv2d(
        x[:, :, None],
        kernel[:, :, None],
        bias,
        stride=(1, stride),
        padding=((0, 0), padding),
        padding_mode=padding_mode,
        dilation=(1, dilation),
        groups=groups,
        flip=flip,
    )[:, :, 0]


def conv1d_backward(
    upstream: Array,
    x: Array,
    kernel: Array,
    *,
    stride: int = 1,
    padding: Pair = (0, 0),
    padding_mode: str = "zeros",
    dilation: int = 1,
    groups: int = 1,
    flip: bool = False,
) -> tuple[Array, Array, Array]:
    """Return the gradients with respect to x, kernel and bias, in float64."""
    grad_x, grad_kernel, grad_bias = conv2d_backward(
        upstream[:, :, None],
        x[:, :, None],
        kernel[:, :, None],
        stride=(1, stride),
        padding=((0, 0), padding),
        padding_mode=padding_mode,
        dilation=(1, dilation),
        groups=groups,
        flip=flip,
    )
    return grad_x[:, :, 0], grad_kernel[:, :, 0], grad_bias


def conv_transpose2d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return x (N, C, H, W) spread by a kernel (C, O/groups, KH, KW), in float64."""
    out = np.zeros(_spread_shape(x, kernel, stride, padding, output_padding, dilation, groups))
    for cell, weight, pixel in _spread_terms(x, kernel, out.shape, stride, padding, dilation):
        out[cell] += float(kernel[weight]) * float(x[pixel])
    return out if bias is None else out + np.asarray(bias, np.float64)[:, None, None]


def conv_transpose2d_backward(
    upstream: Array,
    x: Array,
    kernel: Array,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
) -> tuple[Array, Array, Array]:
    """Return the gradients with respect to x, kernel and bias, in float64."""
    grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for cell, weight, pixel in _spread_terms(x, kernel, upstream.shape, stride, padding, dilation):
        grad_x[pixel] += float(upstream[cell]) * float(kernel[weight])
        grad_kernel[weight] += float(upstream[cell]) * float(x[pixel])
    return grad_x, grad_kernel, upstream.sum(axis=(0, 2, 3), dtype=np.float64)


def _spread_shape(
    x: Array,
    kernel: Array,
    stride: Pair,
    padding: Padding,
    output_padding: Pair,
    dilation: Pair,
    groups: int,
) -> Index:
    sizes = zip(
        x.shape[2:], kernel.shape[2:], stride, dilation, padding, output_padding, strict=True
    )
    rows, cols = (transposed_size(n, k, s, d, p[0], p[1], extra) for n, k, s, d, p, extra in sizes)
    return len(x), kernel.shape[1] * groups, rows, cols


def _spread_terms(
    x: Array, kernel: Array, out_shape: Index, stride: Pair, padding: Padding, dilation: Pair
) -> Iterator[Term]:
    """Yield (output cell, weight, input cell): every input cell meets every weight once."""
    channels, maps, kernel_rows, kernel_cols = kernel.shape
    groups = out_shape[1] // maps
    for n, c, i, j in np.ndindex(x.shape):
        first_map = c // (channels // groups) * maps
        for o, u, v in np.ndindex(maps, kernel_rows, kernel_cols):
            row = i * stride[0] + u * dilation[0] - padding[0][0]
            col = j * stride[1] + v * dilation[1] - padding[1][0]
            if 0 <= row < out_shape[2] and 0 <= col < out_shape[3]:
                yield (n, first_map + o, row, col), (c, o, u, v), (n, c, i, j)


def finite_difference(
    loss: Callable[[Array], float], at: Array, index: Index, step: float = 1.0
) -> float:
    """Return the central difference of a loss for one element: exact to rounding where linear."""
    up, down = np.array(at, np.float64), np.array(at, np.float64)
    up[index] += step
    down[index] -= step
    return (loss(up) - loss(down)) / (2 * step)
