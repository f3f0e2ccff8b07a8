"""The geometry of a transposed convolution: that of the convolution whose adjoint it is."""

from app.engine import geometry
from app.engine.arguments import span
from app.engine.errors import ParameterError, ShapeError
from app.engine.geometry import AXES_1D, AXES_2D, Padding, Pair
from app.engine.problem import Array, Problem
from app.engine.setting import Setting, check_axes, check_groups


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


def setting_2d(
    x: Array,
    kernel: Array,
    stride: object,
    padding: object,
    output_padding: object,
    dilation: object,
    groups: object,
) -> Setting:
    """Return the setting of a 2-D call from what the caller wrote.

    Raises:
        ParameterError, ShapeError: As `conv_transpose2d`.
    """
    check_axes(x.shape, kernel.shape, AXES_2D, "C, O/groups")
    steps = geometry.as_pair(stride, "stride", 1)
    spacing = geometry.as_pair(dilation, "dilation", 1)
    extra = geometry.as_pair(output_padding, "output_padding", 0)
    pads = geometry.resolve_padding(
        check_padding(padding), x.shape[2:], kernel.shape[2:], steps, spacing
    )
    return _resolved(x, kernel, steps, pads, extra, spacing, groups, AXES_2D)


def setting_1d(
    x: Array,
    kernel: Array,
    stride: object,
    padding: object,
    output_padding: object,
    dilation: object,
    groups: object,
) -> Setting:
    """Return the setting of a 1-D call, as that of pictures one row high.

    Raises:
        ParameterError, ShapeError: As `conv_transpose1d`.
    """
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
