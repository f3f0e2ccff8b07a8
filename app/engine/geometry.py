"""Sizes, padding and receptive fields: the one home of each formula."""

from collections.abc import Sequence
from typing import Literal, get_args

from app.engine.arguments import (
    IntOrPair,
    Padding,
    Pair,
    as_integer,
    as_pair,
    as_single,
    entries_of,
    span,
    written,
)
from app.engine.errors import Misfit, ParameterError, ShapeError
from app.engine.receptive_field import ReceptiveField

__all__ = [
    "AXES_1D",
    "AXES_2D",
    "PADDING_MODES",
    "PADDING_NAMES",
    "IntOrPair",
    "Padding",
    "PaddingLike",
    "PaddingMode",
    "PaddingName",
    "Pair",
    "ReceptiveField",
    "as_integer",
    "as_pair",
    "as_single",
    "check_padding_mode",
    "effective_size",
    "named_padding",
    "output_size",
    "pooled_size",
    "resolve_padding",
    "resolve_padding_1d",
    "size_formula",
    "transposed_size",
]

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PaddingName = Literal["valid", "same", "same_lower", "full", "keep"]
PaddingLike = int | PaddingName | str | Sequence[int] | Sequence[Sequence[int]]

PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)
PADDING_NAMES: tuple[str, ...] = get_args(PaddingName)
AXES_2D = ("rows", "cols")
AXES_1D = ("length",)


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
    if not isinstance(mode, str) or mode not in PADDING_MODES:
        legal = ", ".join(PADDING_MODES)
        raise ParameterError(
            f"padding_mode is {written(mode)}, but must be one of {legal}.",
            ("padding_mode",),
            legal,
        )


def _check_reach(pads: Pair, size: int, mode: str, axis: str) -> None:
    reach = {"reflect": size - 1, "circular": size}.get(mode)
    if reach is not None and max(pads) > reach:
        raise ParameterError(
            f"padding {pads[0]} and {pads[1]} of the {axis} is wider than {mode} allows for an "
            f"input of {size}; legal: {span(0, reach)}.",
            ("padding",),
            span(0, reach),
        )


def _no_padding_form(padding: object, forms: str) -> ParameterError:
    return ParameterError(
        f"padding is {written(padding)}, but must be {forms}.", ("padding",), forms
    )


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
    nested = [entries_of(entry) for entry in entries_of(padding) or ()]
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
        entries = entries_of(padding) or (padding, padding)
        if len(entries) == 1:
            entries = entries_of(entries[0]) or (entries[0], entries[0])
        if len(entries) != 2 or any(entries_of(entry) for entry in entries):
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
    what: str = "kernel",
) -> ShapeError:
    formula = size_formula(size, kernel, stride, dilation, before, after, ceil_mode)
    span, padded = effective_size(kernel, dilation), size + before + after
    most = padded + stride - 1 if ceil_mode else padded  # ceil_mode lets it overhang
    return ShapeError(
        f"the {axis} of the output would be {formula} = {out}: a {what} of {kernel} at dilation "
        f"{dilation} spans {span}, more than the {padded} of the padded input; legal is a span of "
        f"at most {most}.",
        ("kernel" if what == "kernel" else "size",),
        f"{axis} of at most {most}",
        Misfit(what, axis, kernel, dilation, span, padded, most),
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
    if out < 1:
        raise _too_large(
            size, window, stride, dilation, before, after, axis, out, ceil_mode, what="window"
        )
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
