"""Transposed convolution in one and two dimensions, forward and backward.

It is the input gradient of a convolution taken as a layer of its own: its input plays the upstream
gradient, its output the picture, and its kernel (C, O/groups, …) has the filters first as there.
"""

from collections.abc import Collection

from numpy.typing import ArrayLike

from app.engine import geometry
from app.engine.arguments import span
from app.engine.errors import ParameterError, ShapeError
from app.engine.execution import (
    ALL_GRADIENTS,
    ConvGradients,
    bias_gradient,
    check_wanted,
    convolve,
    input_gradient,
    kernel_gradient,
)
from app.engine.geometry import AXES_1D, AXES_2D, IntOrPair, Padding, PaddingLike, Pair
from app.engine.problem import Array, Problem, as_floats, check_shape, like
from app.engine.setting import Setting, check_axes, check_groups, checked_bias


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
    setting = _setting_2d(x, kernel, stride, padding, output_padding, dilation, groups)
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
    setting = _setting_2d(x, kernel, stride, padding, output_padding, dilation, groups)
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
    setting = _setting_1d(x, kernel, stride, padding, output_padding, dilation, groups)
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
    setting = _setting_1d(x, kernel, stride, padding, output_padding, dilation, groups)
    batch, channels, _, length = setting.problem.x_shape
    check_shape(upstream, (batch, channels, length), "upstream")
    grads = _backward(setting, upstream[:, :, None], x[:, :, None], kernel[:, :, None], wanted)
    return grads.without_rows()


def check_padding(padding: object) -> object:
    """Return `padding`; raise ParameterError for a name that means nothing when transposed."""
    if isinstance(padding, str) and padding != "valid":
        raise ParameterError(
            f"padding {padding!r} has no meaning for a transposed convolution; legal are "
            'integers ≥ 0, pairs, [[top, bottom], [left, right]] and "valid".',
            ("padding",),
            'integers ≥ 0, pairs, "valid"',
        )
    return padding


def check_output_padding(extra: Pair, stride: Pair, dilation: Pair) -> None:
    """Raise ParameterError unless `extra` is less than the larger of stride and dilation."""
    for cells, *steps in zip(extra, stride, dilation, strict=True):
        if cells >= max(steps):
            raise ParameterError(
                f"output_padding is {cells}, but must be less than the larger of stride "
                f"{steps[0]} and dilation {steps[1]}; legal: {span(0, max(steps) - 1)}.",
                ("output_padding",),
                span(0, max(steps) - 1),
            )


def _setting_2d(
    x: Array,
    kernel: Array,
    stride: object,
    padding: object,
    output_padding: object,
    dilation: object,
    groups: object,
) -> Setting:
    check_axes(x.shape, kernel.shape, AXES_2D, "C, O/groups")
    steps = geometry.as_pair(stride, "stride", 1)
    spacing = geometry.as_pair(dilation, "dilation", 1)
    extra = geometry.as_pair(output_padding, "output_padding", 0)
    pads = geometry.resolve_padding(
        check_padding(padding), x.shape[2:], kernel.shape[2:], steps, spacing
    )
    return _resolved(x, kernel, steps, pads, extra, spacing, groups, AXES_2D)


def _setting_1d(
    x: Array,
    kernel: Array,
    stride: object,
    padding: object,
    output_padding: object,
    dilation: object,
    groups: object,
) -> Setting:
    check_axes(x.shape, kernel.shape, AXES_1D, "C, O/groups")
    step = geometry.as_single(stride, "stride", 1)
    spacing = geometry.as_single(dilation, "dilation", 1)
    extra = geometry.as_single(output_padding, "output_padding", 0)
    pads = geometry.resolve_padding_1d(
        check_padding(padding), x.shape[2], kernel.shape[2], step, spacing
    )
    return _resolved(
        x[:, :, None],
        kernel[:, :, None],
        (1, step),
        ((0, 0), pads),
        (0, extra),
        (1, spacing),
        groups,
        (*AXES_1D, *AXES_1D),
    )


def _resolved(
    x: Array,
    kernel: Array,
    stride: Pair,
    padding: Padding,
    extra: Pair,
    dilation: Pair,
    groups: object,
    axes: tuple[str, ...],
) -> Setting:
    check_output_padding(extra, stride, dilation)
    count = check_groups(groups, ((x.shape[1], "number of input channels"),))
    if kernel.shape[0] != x.shape[1]:
        raise ShapeError(
            f"kernel has {kernel.shape[0]} filters first (shape {kernel.shape}), but must have "
            f"one for each of the input's {x.shape[1]} channels.",
            ("kernel",),
            f"{x.shape[1]} first",
        )
    numbers = zip(
        x.shape[2:], kernel.shape[2:], stride, dilation, padding, extra, axes, strict=True
    )
    rows, cols = (
        geometry.transposed_size(size, taps, step, gap, pads[0], pads[1], more, axis)
        for size, taps, step, gap, pads, more, axis in numbers
    )
    problem = Problem(
        batch=x.shape[0],
        channels=kernel.shape[1] * count,
        filters=x.shape[1],
        groups=count,
        size=(rows, cols),
        kernel=(kernel.shape[2], kernel.shape[3]),
        stride=stride,
        dilation=dilation,
        padding=padding,
        # Where output_padding reaches a whole stride, that convolution could have more cells than
        # x: those that are missing send nothing.
        output=(x.shape[2], x.shape[3]),
        dtype=x.dtype,
    )
    return Setting(problem, padding, "zeros", flip=False)


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
