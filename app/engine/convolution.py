"""Convolution in one and two dimensions, forward and backward."""

from collections.abc import Collection

from numpy.typing import ArrayLike

from app.engine.execution import ALL_GRADIENTS, ConvGradients, convolve, gradients
from app.engine.geometry import IntOrPair, PaddingLike
from app.engine.problem import Array, as_floats, check_shape, like, with_computing_dtype
from app.engine.setting import checked_bias, setting_1d, setting_2d


def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    padding_mode: str = "zeros",
    dilation: IntOrPair = 1,
    groups: int = 1,
    flip: bool = False,
) -> Array:
    """Convolve pictures: out[n, o, i, j] = b[o] + Σ w[o, c, u, v] · x[n, c, s·i + d·u, s·j + d·v].

    The sum runs over the channels c of filter o's group and the taps u, v; x is the padded input.
    The input alone decides the precision: float32 stays float32, as do bool, float16, 8- and
    16-bit integers; float64 and wider integers are computed in float64.

    Args:
        x: Pictures, shape (N, C, H, W); N may be 0.
        kernel: Filters, shape (O, C/groups, KH, KW).
        bias: Added to each feature map, shape (O,).
        stride: Step of the window, one number or (rows, cols).
        padding: A number, (rows, cols), ((top, bottom), (left, right)), or one of "valid",
            "same", "same_lower", "full", "keep".
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        dilation: Spacing of the kernel's taps, one number or (rows, cols).
        groups: Splits channels and filters into independent convolutions.
        flip: False is cross-correlation, as neural networks have it; True is the convolution of
            mathematics, which turns the kernel by 180°.

    Returns:
        Feature maps, shape (N, O, OH, OW).

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together, or no window fits into the padded input.

    Source: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016, section 2.
    """
    x, dtype = with_computing_dtype(x, "x")
    kernel = like(kernel, dtype, "kernel")
    setting = setting_2d(x, kernel, stride, padding, padding_mode, dilation, groups, flip)
    return convolve(setting, x, kernel, checked_bias(bias, len(kernel), dtype))


def conv2d_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    padding_mode: str = "zeros",
    dilation: IntOrPair = 1,
    groups: int = 1,
    flip: bool = False,
    wanted: Collection[str] = ALL_GRADIENTS,
) -> ConvGradients:
    """Return the gradients of a loss, given its gradient with respect to `conv2d`'s output.

    Each product of the forward pass sends the upstream gradient g back to both of its factors:

    | gradient | formula |
    | --- | --- |
    | kernel[o, c, u, v] | Σ g[n, o, i, j] · x[n, c, s·i + d·u, s·j + d·v] over n, i, j |
    | input[n, c, y, z] | Σ g[n, o, i, j] · w[o, c, u, v] where s·i + d·u = y, s·j + d·v = z |
    | bias[o] | Σ g[n, o, i, j] over n, i, j |

    Rows y and columns z are those of the padded input; padding then gives back what it has taken.

    Args:
        upstream: Gradient of the loss with respect to the feature maps, shape (N, O, OH, OW).
        x: The input of the forward pass, shape (N, C, H, W).
        kernel: The kernel of the forward pass, shape (O, C/groups, KH, KW).
        stride: As in `conv2d`, like the other parameters of the geometry.
        padding: As in `conv2d`.
        padding_mode: As in `conv2d`.
        dilation: As in `conv2d`.
        groups: As in `conv2d`.
        flip: As in `conv2d`.
        wanted: Which of "input", "kernel", "bias" to compute; the others are not computed.

    Returns:
        Gradients in the shapes of x, kernel and bias.

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together.

    Source: Goodfellow, Bengio, Courville, "Deep Learning", 2016, section 9.5.
    """
    x = as_floats(x, "x")
    kernel = like(kernel, x.dtype, "kernel")
    setting = setting_2d(x, kernel, stride, padding, padding_mode, dilation, groups, flip)
    upstream = like(upstream, x.dtype, "upstream")
    check_shape(upstream, setting.problem.output_shape, "upstream")
    return gradients(setting, upstream, x, kernel, wanted)


def conv1d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    padding_mode: str = "zeros",
    dilation: IntOrPair = 1,
    groups: int = 1,
    flip: bool = False,
) -> Array:
    """Convolve sequences: out[n, o, i] = b[o] + Σ w[o, c, u] · x[n, c, s·i + d·u].

    Args:
        x: Sequences, shape (N, C, L); N may be 0.
        kernel: Filters, shape (O, C/groups, K).
        bias: Added to each feature map, shape (O,).
        stride: Step of the window.
        padding: A number, (left, right), or a name as in `conv2d`.
        padding_mode: As in `conv2d`.
        dilation: Spacing of the kernel's taps.
        groups: As in `conv2d`.
        flip: As in `conv2d`.

    Returns:
        Feature maps, shape (N, O, OL).

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together, or no window fits into the padded input.
    """
    x, dtype = with_computing_dtype(x, "x")
    kernel = like(kernel, dtype, "kernel")
    setting = setting_1d(x, kernel, stride, padding, padding_mode, dilation, groups, flip)
    bias = checked_bias(bias, len(kernel), dtype)
    return convolve(setting, x[:, :, None], kernel[:, :, None], bias)[:, :, 0]


def conv1d_backward(
    upstream: ArrayLike,
    x: ArrayLike,
    kernel: ArrayLike,
    *,
    stride: IntOrPair = 1,
    padding: PaddingLike = 0,
    padding_mode: str = "zeros",
    dilation: IntOrPair = 1,
    groups: int = 1,
    flip: bool = False,
    wanted: Collection[str] = ALL_GRADIENTS,
) -> ConvGradients:
    """Return the gradients of a loss, given its gradient with respect to `conv1d`'s output.

    Args:
        upstream: Gradient of the loss with respect to the feature maps, shape (N, O, OL).
        x: The input of the forward pass, shape (N, C, L).
        kernel: The kernel of the forward pass, shape (O, C/groups, K).
        stride: As in `conv1d`, like the other parameters of the geometry.
        padding: As in `conv1d`.
        padding_mode: As in `conv1d`.
        dilation: As in `conv1d`.
        groups: As in `conv1d`.
        flip: As in `conv1d`.
        wanted: Which of "input", "kernel", "bias" to compute; the others are not computed.

    Returns:
        Gradients in the shapes of x, kernel and bias.

    Raises:
        ParameterError: A parameter is outside its legal range.
        ShapeError: Shapes do not fit together.
    """
    x = as_floats(x, "x")
    kernel = like(kernel, x.dtype, "kernel")
    setting = setting_1d(x, kernel, stride, padding, padding_mode, dilation, groups, flip)
    upstream = like(upstream, x.dtype, "upstream")
    batch, filters, _, length = setting.problem.output_shape
    check_shape(upstream, (batch, filters, length), "upstream")
    grads = gradients(setting, upstream[:, :, None], x[:, :, None], kernel[:, :, None], wanted)
    return grads.without_rows()
