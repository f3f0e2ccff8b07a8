"""Sizes, padding and receptive fields: the one home of each formula."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Literal, get_args

import numpy as np

from app.engine.errors import ParameterError, ShapeError

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PaddingName = Literal["valid", "same", "same_lower", "full", "keep"]
IntOrPair = int | Sequence[int]
PaddingLike = int | PaddingName | str | Sequence[int] | Sequence[Sequence[int]]

PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)
PADDING_NAMES: tuple[str, ...] = get_args(PaddingName)
AXES_2D = ("rows", "cols")
AXES_1D = ("length",)


def _entries(value: object) -> tuple[object, ...] | None:
    """Return the entries of a list, a tuple or an array of one axis or more, else None."""
    if isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return tuple(value)
    return None


def as_integer(value: object, field: str, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`; True and 2.0 are no integers.

    Raises:
        ParameterError: It is no integer, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < minimum:
        raise ParameterError(
            f"{field} is {value!r}, but must be an integer of at least {minimum}.",
            (field,),
            f"integers ≥ {minimum}",
        )
    return int(value)


def as_pair(value: object, field: str, minimum: int) -> Pair:
    """Return (rows, cols): one number stands for both.

    Raises:
        ParameterError: Neither an integer nor two of them, or one is below `minimum`.
    """
    entries = _entries(value)
    if entries is None:
        single = as_integer(value, field, minimum)
        return single, single
    if len(entries) != 2:
        raise ParameterError(
            f"{field} has {len(entries)} entries, but must be one integer or a pair (rows, cols).",
            (field,),
            f"an integer ≥ {minimum} or a pair of them",
        )
    return as_integer(entries[0], field, minimum), as_integer(entries[1], field, minimum)


def as_single(value: object, field: str, minimum: int) -> int:
    """Return the one number of a 1-D parameter; `(n,)` stands for `n`.

    Raises:
        ParameterError: It is no integer, or below `minimum`.
    """
    entries = _entries(value)
    if entries is not None and len(entries) == 1:
        (value,) = entries
    return as_integer(value, field, minimum)


def effective_size(kernel: int, dilation: int) -> int:
    """Return how many cells a dilated kernel spans: d·(K−1)+1."""
    return dilation * (kernel - 1) + 1


def named_padding(name: str, size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Return (before, after) along one axis for a padding given by name.

    Source: "same" as TensorFlow and ONNX SAME_UPPER; "keep" is the source notes' formula
    P = ((S−1)·W − S + F)/2, which keeps the output as large as the input at any stride.

    Raises:
        ParameterError: There is no such padding.
    """
    span = effective_size(kernel, dilation)
    if name == "valid":
        return 0, 0
    if name == "full":
        return span - 1, span - 1
    if name in ("same", "same_lower"):
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        less, more = total // 2, total - total // 2
        return (less, more) if name == "same" else (more, less)
    if name == "keep":
        total = (stride - 1) * size - stride + span
        return total // 2, total - total // 2
    legal = ", ".join(PADDING_NAMES)
    raise ParameterError(
        f"padding {name!r} is unknown; legal names are {legal}.", ("padding",), legal
    )


def check_padding_mode(mode: object) -> None:
    """Raise ParameterError unless `mode` is one of the padding modes."""
    if mode not in PADDING_MODES:
        legal = ", ".join(PADDING_MODES)
        raise ParameterError(
            f"padding_mode {mode!r} is unknown; legal modes are {legal}.", ("padding_mode",), legal
        )


def _check_reach(pads: Pair, size: int, mode: str, axis: str) -> None:
    reach = {"reflect": size - 1, "circular": size}.get(mode)
    if reach is not None and max(pads) > reach:
        raise ParameterError(
            f"padding {pads[0]} and {pads[1]} of the {axis} is wider than {mode} allows: "
            f"an input of {size} can be padded by 0 to {reach}.",
            ("padding",),
            f"0 to {reach}",
        )


def _no_padding_form(padding: object, forms: str) -> ParameterError:
    return ParameterError(f"padding is {padding!r}, but must be {forms}.", ("padding",), forms)


def resolve_padding(
    padding: object,
    size: Pair,
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    mode: str = "zeros",
) -> Padding:
    """Return ((top, bottom), (left, right)) for any form of `padding`.

    Args:
        padding: A number, a pair (rows, cols), ((top, bottom), (left, right)), or one of
            "valid", "same", "same_lower", "full", "keep".
        size: Input (rows, cols).
        kernel: Kernel (rows, cols).
        stride: Steps (rows, cols).
        dilation: Spacing of the kernel's taps (rows, cols).
        mode: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ParameterError: The form is unknown, or wider than the mode allows.
    """
    check_padding_mode(mode)
    rows, cols = _pads_2d(padding, size, kernel, stride, dilation)
    for pads, length, axis in zip((rows, cols), size, AXES_2D, strict=True):
        _check_reach(pads, length, mode, axis)
    return rows, cols


def _pads_2d(padding: object, size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    if isinstance(padding, str):
        return (
            named_padding(padding, size[0], kernel[0], stride[0], dilation[0]),
            named_padding(padding, size[1], kernel[1], stride[1], dilation[1]),
        )
    nested = [_entries(entry) for entry in _entries(padding) or ()]
    if any(entry is not None for entry in nested):
        if [entry is not None and len(entry) for entry in nested] != [2, 2]:
            raise _no_padding_form(
                padding, "an integer ≥ 0, a pair, ((top, bottom), (left, right)) or a name"
            )
        return as_pair(nested[0], "padding", 0), as_pair(nested[1], "padding", 0)
    rows, cols = as_pair(padding, "padding", 0)
    return (rows, rows), (cols, cols)


def resolve_padding_1d(
    padding: object, size: int, kernel: int, stride: int, dilation: int, mode: str = "zeros"
) -> Pair:
    """Return (left, right) for any form of `padding`: a number, (left, right), or a name.

    Raises:
        ParameterError: The form is unknown, or wider than the mode allows.
    """
    check_padding_mode(mode)
    if isinstance(padding, str):
        pads = named_padding(padding, size, kernel, stride, dilation)
    else:
        entries = _entries(padding) or (padding, padding)
        if len(entries) == 1:
            entries = _entries(entries[0]) or (entries[0], entries[0])
        if len(entries) != 2:
            raise _no_padding_form(padding, "an integer ≥ 0, a pair (left, right) or a name")
        pads = as_pair(entries, "padding", 0)
    _check_reach(pads, size, mode, AXES_1D[0])
    return pads


def size_formula(
    size: int,
    kernel: int,
    stride: int,
    dilation: int,
    before: int,
    after: int,
    ceil_mode: bool = False,
) -> str:
    """Return the formula with its numbers, e.g. `floor((5 + 1 + 1 − 1·(3−1) − 1) / 2) + 1`."""
    rounding = "ceil" if ceil_mode else "floor"
    return f"{rounding}(({size} + {before} + {after} − {dilation}·({kernel}−1) − 1) / {stride}) + 1"


def output_size(
    size: int,
    kernel: int,
    stride: int,
    dilation: int,
    before: int,
    after: int,
    axis: str = "rows",
) -> int:
    """Return floor((H + p_before + p_after − d·(K−1) − 1) / s) + 1.

    A stride that leaves a remainder is legal and drops it.

    Raises:
        ShapeError: The output would have no cell; the message shows the formula's numbers.
    """
    out = (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    if out < 1:
        raise _too_large(size, kernel, stride, dilation, before, after, axis, out)
    return out


def _too_large(
    size: int,
    kernel: int,
    stride: int,
    dilation: int,
    before: int,
    after: int,
    axis: str,
    out: int,
    ceil_mode: bool = False,
) -> ShapeError:
    formula = size_formula(size, kernel, stride, dilation, before, after, ceil_mode)
    padded = size + before + after
    legal = f"{axis} of at most {padded}"
    return ShapeError(
        f"the {axis} of the output would be {formula} = {out}: a kernel of {kernel} at dilation "
        f"{dilation} spans {effective_size(kernel, dilation)}, more than the {padded} of the "
        f"padded input; legal is a span of at most {padded}.",
        ("kernel",),
        legal,
    )


def pooled_size(
    size: int,
    window: int,
    stride: int,
    dilation: int,
    before: int,
    after: int,
    ceil_mode: bool = False,
    axis: str = "rows",
) -> int:
    """Return how many windows fit; with `ceil_mode` one more may overhang the end.

    A window that would start in the padding after the input is dropped.
    Source: PyTorch `pooling_output_shape`.

    Raises:
        ShapeError: Not one window fits.
    """
    room = size + before + after - dilation * (window - 1) - 1
    out = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (out - 1) * stride >= size + before:
        out -= 1
    if room < 0 or out < 1:
        error = _too_large(size, window, stride, dilation, before, after, axis, out, ceil_mode)
        raise ShapeError(error.message.replace("kernel", "window"), ("size",), error.legal)
    return out


def transposed_size(
    size: int,
    kernel: int,
    stride: int,
    dilation: int,
    before: int,
    after: int,
    output_padding: int = 0,
    axis: str = "rows",
) -> int:
    """Return (H−1)·s − p_before − p_after + d·(K−1) + output_padding + 1.

    Raises:
        ShapeError: The output would have no cell; the message shows the formula's numbers.
    """
    out = (size - 1) * stride - before - after + dilation * (kernel - 1) + output_padding + 1
    if out < 1:
        room = out + before + after - 1
        raise ShapeError(
            f"the {axis} of the output would be ({size}−1)·{stride} − {before} − {after} + "
            f"{dilation}·({kernel}−1) + {output_padding} + 1 = {out}; legal is a total padding "
            f"of at most {room}.",
            ("padding",),
            f"a total of at most {room}",
        )
    return out


@dataclass(frozen=True)
class ReceptiveField:
    """What part of the input one cell of a feature map sees, as (rows, cols).

    Attributes:
        size: Extent of the part.
        stride: How far the part moves in the input when the cell moves by one.
        start: Input coordinate of the first cell's first seen pixel; negative in the padding.

    Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019, equations 1 and 2.
    """

    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    start: Pair = (0, 0)

    def then(
        self,
        kernel: Pair,
        stride: Pair,
        dilation: Pair = (1, 1),
        padding: Padding = ((0, 0), (0, 0)),
    ) -> "ReceptiveField":
        """Return the field after one more layer with this window, step, spacing and padding."""
        size = [
            f + d * (k - 1) * s
            for f, k, d, s in zip(self.size, kernel, dilation, self.stride, strict=True)
        ]
        start = [a - p[0] * s for a, p, s in zip(self.start, padding, self.stride, strict=True)]
        step = [a * b for a, b in zip(self.stride, stride, strict=True)]
        return ReceptiveField((size[0], size[1]), (step[0], step[1]), (start[0], start[1]))
