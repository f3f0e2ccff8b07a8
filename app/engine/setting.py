"""From a call's arguments to a checked, fully resolved problem."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from app.engine import geometry
from app.engine.arguments import check_flag
from app.engine.errors import ParameterError, ShapeError
from app.engine.geometry import AXES_1D, AXES_2D, Padding, Pair
from app.engine.problem import Array, Problem, check_shape, like

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Setting:
    """A call's parameters, resolved against the shapes of its input and kernel.

    Attributes:
        problem: What is left to compute once the padding that is not zeros has been added.
        padding: All padding, ((top, bottom), (left, right)).
        mode: Where the padding's values come from.
        flip: Whether the kernel is turned by 180° first.
    """

    problem: Problem
    padding: Padding
    mode: str
    flip: bool


def setting_2d(
    x: Array,
    kernel: Array,
    stride: object,
    padding: object,
    mode: str,
    dilation: object,
    groups: object,
    flip: bool,
) -> Setting:
    """Return the setting of a 2-D call; see `conv2d` for the arguments and errors."""
    check_flag(flip, "flip")
    given = (x.shape, kernel.shape, kernel.dtype, stride, padding, mode, dilation, groups, flip)
    # Plain numbers and names alone are looked up: a list has no hash, and (1, True) equals (1, 1).
    plain = type(stride) is type(dilation) is type(groups) is int
    if plain and type(padding) in (int, str) and type(mode) is str:
        return _remembered_2d(*given)
    return setting_of_shapes(*given)


def setting_of_shapes(
    x_shape: Shape,
    kernel_shape: Shape,
    dtype: np.dtype[Any],
    stride: object,
    padding: object,
    mode: str,
    dilation: object,
    groups: object,
    flip: bool,
) -> Setting:
    """Return the setting of a 2-D call on arrays of these shapes, as `setting_2d`."""
    check_axes(x_shape, kernel_shape, AXES_2D, "O, C/groups")
    count = _check_channels(x_shape, kernel_shape, groups)
    steps = geometry.as_pair(stride, "stride", 1)
    spacing = geometry.as_pair(dilation, "dilation", 1)
    size, taps = (x_shape[2], x_shape[3]), (kernel_shape[2], kernel_shape[3])
    pads = geometry.resolve_padding(padding, size, taps, steps, spacing, mode)
    shapes = (x_shape, kernel_shape, dtype)
    return _resolved(*shapes, steps, pads, mode, spacing, count, flip, AXES_2D)


_remembered_2d = lru_cache(maxsize=256, typed=True)(setting_of_shapes)


def setting_1d(
    x: Array,
    kernel: Array,
    stride: object,
    padding: object,
    mode: str,
    dilation: object,
    groups: object,
    flip: bool,
) -> Setting:
    """Return the setting of a 1-D call, as that of pictures one row high."""
    check_flag(flip, "flip")
    check_axes(x.shape, kernel.shape, AXES_1D, "O, C/groups")
    count = _check_channels(x.shape, kernel.shape, groups)
    step = geometry.as_single(stride, "stride", 1)
    spacing = geometry.as_single(dilation, "dilation", 1)
    pads = geometry.resolve_padding_1d(padding, x.shape[2], kernel.shape[2], step, spacing, mode)
    return _resolved(
        (*x.shape[:2], 1, x.shape[2]),
        (*kernel.shape[:2], 1, kernel.shape[2]),
        kernel.dtype,
        (1, step),
        ((0, 0), pads),
        mode,
        (1, spacing),
        count,
        flip,
        (*AXES_1D, *AXES_1D),
    )


def _resolved(
    x_shape: Shape,
    kernel_shape: Shape,
    dtype: np.dtype[Any],
    stride: Pair,
    padding: Padding,
    mode: str,
    dilation: Pair,
    groups: int,
    flip: bool,
    axes: tuple[str, ...],
) -> Setting:
    batch, channels, height, width = x_shape
    filters, _, kernel_rows, kernel_cols = kernel_shape
    (top, bottom), (left, right) = padding
    rows = geometry.output_size(height, kernel_rows, stride[0], dilation[0], top, bottom, axes[0])
    cols = geometry.output_size(width, kernel_cols, stride[1], dilation[1], left, right, axes[1])
    size, zeros = (height, width), padding
    if mode != "zeros":
        size = (height + top + bottom, width + left + right)
        zeros = ((0, 0), (0, 0))
    problem = Problem(
        batch=batch,
        channels=channels,
        filters=filters,
        groups=groups,
        size=size,
        kernel=(kernel_rows, kernel_cols),
        stride=stride,
        dilation=dilation,
        padding=zeros,
        output=(rows, cols),
        dtype=dtype,
    )
    return Setting(problem, padding, mode, flip)


def checked_bias(bias: ArrayLike | None, filters: int, dtype: np.dtype[Any]) -> Array | None:
    """Return the bias in the input's dtype after checking that there is one for each filter."""
    if bias is None:
        return None
    array = like(bias, dtype, "bias")
    check_shape(array, (filters,), "bias")
    return array


def check_axes(
    x_shape: Shape, kernel_shape: Shape, axes: tuple[str, ...], kernel_form: str
) -> None:
    """Raise ShapeError unless x and kernel have two axes more than `axes`, none of length 0.

    Args:
        x_shape: Shape of the input; its batch alone may be of size 0.
        kernel_shape: Shape of the filters.
        axes: Names of the axes that are convolved over.
        kernel_form: What the kernel's first two axes stand for, e.g. "O, C/groups".
    """
    for shape, sizes, field, first in (
        (x_shape, x_shape[1:], "x", "N, C"),
        (kernel_shape, kernel_shape, "kernel", kernel_form),
    ):
        if len(shape) != 2 + len(axes):
            form = f"({first}, {', '.join(axes)})"
            raise ShapeError(
                f"{field} has {len(shape)} axes (shape {shape}), "
                f"but must have {2 + len(axes)}: {form}.",
                (field,),
                form,
            )
        if 0 in sizes:
            raise ShapeError(
                f"{field} has shape {shape}, but every size except the batch must be ≥ 1.",
                (field,),
                "sizes ≥ 1",
            )


def check_groups(groups: object, counts: tuple[tuple[int, str], ...]) -> int:
    """Return `groups` as an int that divides each of the counts.

    Raises:
        ParameterError: It is no integer of at least 1, or does not divide one of them.
    """
    groups = geometry.as_integer(groups, "groups", 1)
    for count, what in counts:
        if count % groups:
            raise ParameterError(
                f"groups is {groups}, but must be among the divisors of {count}, the {what}.",
                ("groups",),
                f"divisors of {count}",
            )
    return groups


def _check_channels(x_shape: Shape, kernel_shape: Shape, groups: object) -> int:
    channels, filters = x_shape[1], kernel_shape[0]
    count = check_groups(
        groups, ((channels, "number of input channels"), (filters, "number of filters"))
    )
    if kernel_shape[1] != channels // count:
        raise ShapeError(
            f"kernel has {kernel_shape[1]} channels (shape {kernel_shape}), but an input of "
            f"{channels} channels in {count} groups needs {channels // count}.",
            ("kernel",),
            f"{channels // count} channels",
        )
    return count
