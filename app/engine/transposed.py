"""Transposed convolution in one and two dimensions, forward and backward.

It is the input gradient of a convolution taken as a layer of its own: its input plays the upstream
gradient, its output the picture, and its kernel (C, O/groups, …) has the filters first as there.
"""

from collections.abc import Collection

from numpy.typing import ArrayLike

from app.engine.execution import (
    ALL_GRADIENTS,
    ConvGradients,
    bias_gradient,
    check_wanted,
    convolve,
    input_gradient,
    kernel_gradient,
)
from app.engine.geometry import IntOrPair, PaddingLike
from app.engine.problem import Array, as_floats, check_shape, like
from app.engine.setting import Setting, checked_bias
from app.engine.transposed_setting import setting_1d, setting_2d


def conv_transpose2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Array:
    """Spread every input cell over the output, weighted by the kernel: the adjoint of `conv2d`.

    Every x[n, c, i, j] adds w[c, o, u, v] · x[n, c, i, j] to out[n, o, s·i + d·u, s·j + d·v] for
    all taps u, v and the output maps o of its group; b[o] is added, and the padding cut off.

    Args:
        x: Feature maps, shape (N, C, H, W); N may be 0.
        kernel: Filters, shape (C, O/groups, KH, KW).
        bias: Added to each output map, shape (O,).
        stride: Distance in the output between neighbours of the input, one number or (rows, cols).
        padding: How much to cut off the output: a number, (rows, cols),
            ((top, bottom), (left, right)) or "valid" (nothing).
        output_padding: How many more cells the output has at its end, to tell apart the sizes that
            a strided convolution maps to one; less than the larger of stride and dilation.
        dilation: Spacing of the kernel's taps, one number or (rows, cols).
        groups: Splits channels and filters into independent convolutions.

    Returns:
        Pictures, shape (N, O, (H−1)·s − pads + d·(KH−1) + output_padding + 1, …).

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together, or nothing is left of the output.

    Source: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016, section 4.
    """
    x = as_floats(x, "x")
    kernel = like(kernel, x.dtype, "kernel")
    setting = setting_2d(x, kernel, stride, padding, output_padding, dilation, groups)
    return _spread(setting, x, kernel, checked_bias(bias, setting.problem.channels, x.dtype))


def conv_transpose2d_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
    wanted: Collection[str] = ALL_GRADIENTS,
) -> ConvGradients:
    """Return the gradients of a loss, given its gradient with respect to the output.

    That with respect to x is `conv2d` of the upstream gradient with the kernel; that with respect
    to the kernel is `conv2d`'s own, with the upstream gradient and x in exchanged roles.

    Args:
        upstream: Gradient of the loss with respect to the output, in the output's shape.
        x: The input of the forward pass, shape (N, C, H, W).
        kernel: The kernel of the forward pass, shape (C, O/groups, KH, KW).
        stride: As in `conv_transpose2d`, like the other parameters of the geometry.
        padding: As in `conv_transpose2d`.
        output_padding: As in `conv_transpose2d`.
        dilation: As in `conv_transpose2d`.
        groups: As in `conv_transpose2d`.
        wanted: Which of "input", "kernel", "bias" to compute; the others are not computed.

    Returns:
        Gradients in the shapes of x, kernel and bias.

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together.
    """
    x = as_floats(x, "x")
    kernel = like(kernel, x.dtype, "kernel")
    upstream = like(upstream, x.dtype, "upstream")
    setting = setting_2d(x, kernel, stride, padding, output_padding, dilation, groups)
    check_shape(upstream, setting.problem.x_shape, "upstream")
    return _backward(setting, upstream, x, kernel, wanted)


def conv_transpose1d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Array:
    """Spread every input cell over the output, weighted by the kernel: the adjoint of `conv1d`.

    Args:
        x: Sequences, shape (N, C, L); N may be 0.
        kernel: Filters, shape (C, O/groups, K).
        bias: Added to each output map, shape (O,).
        stride: Distance in the output between neighbours of the input.
        padding: How much to cut off the output: a number, (left, right) or "valid" (nothing).
        output_padding: As in `conv_transpose2d`.
        dilation: Spacing of the kernel's taps.
        groups: As in `conv_transpose2d`.

    Returns:
        Sequences, shape (N, O, (L−1)·s − pads + d·(K−1) + output_padding + 1).

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together, or nothing is left of the output.
    """
    x = as_floats(x, "x")
    kernel = like(kernel, x.dtype, "kernel")
    setting = setting_1d(x, kernel, stride, padding, output_padding, dilation, groups)
    bias = checked_bias(bias, setting.problem.channels, x.dtype)
    return _spread(setting, x[:, :, None], kernel[:, :, None], bias)[:, :, 0]


def conv_transpose1d_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    output_padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
    wanted: Collection[str] = ALL_GRADIENTS,
) -> ConvGradients:
    """Return the gradients of a loss, given its gradient with respect to the output.

    Args:
        upstream: Gradient of the loss with respect to the output, in the output's shape.
        x: The input of the forward pass, shape (N, C, L).
        kernel: The kernel of the forward pass, shape (C, O/groups, K).
        stride: As in `conv_transpose1d`, like the other parameters of the geometry.
        padding: As in `conv_transpose1d`.
        output_padding: As in `conv_transpose1d`.
        dilation: As in `conv_transpose1d`.
        groups: As in `conv_transpose1d`.
        wanted: Which of "input", "kernel", "bias" to compute; the others are not computed.

    Returns:
        Gradients in the shapes of x, kernel and bias.

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together.
    """
    x = as_floats(x, "x")
    kernel = like(kernel, x.dtype, "kernel")
    upstream = like(upstream, x.dtype, "upstream")
    setting = setting_1d(x, kernel, stride, padding, output_padding, dilation, groups)
    batch, channels, _, length = setting.problem.x_shape
    check_shape(upstream, (batch, channels, length), "upstream")
    grads = _backward(setting, upstream[:, :, None], x[:, :, None], kernel[:, :, None], wanted)
    return grads.without_rows()


def _spread(setting: Setting, x: Array, kernel: Array, bias: Array | None) -> Array:
    out = input_gradient(setting, x, kernel)
    if bias is not None:
        out += bias[:, None, None]
    return out


def _backward(
    setting: Setting, upstream: Array, x: Array, kernel: Array, wanted: Collection[str]
) -> ConvGradients:
    check_wanted(wanted)
    grad_x = grad_kernel = grad_bias = None
    if "input" in wanted:
        grad_x = convolve(setting, upstream, kernel, None)
    if "kernel" in wanted:
        grad_kernel = kernel_gradient(setting, upstream, x)
    if "bias" in wanted:
        grad_bias = bias_gradient(upstream)
    return ConvGradients(grad_x, grad_kernel, grad_bias)
