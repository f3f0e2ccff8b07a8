"""Arrays in a request: nested lists checked cell by cell, or tensors of the same request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError

from app.web.strict_json import PIECE, only_numbers

Array = NDArray[Any]
Path = tuple[str | int, ...]

MAX_DIMENSIONS = 4
# Integers beyond this are never legal and would overflow before the engine's own checks.
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class ArrayContext:
    """What reading the arrays of one request needs.

    Attributes:
        dtype: The dtype of the computation.
        tensors: The tensors that travelled with the request.
    """

    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))
    tensors: Mapping[str, Array] = field(default_factory=dict)


def fault(detail: str, path: Path = ()) -> PydanticCustomError:
    """Return an error for pydantic that stands at `path` below the value being validated."""
    return PydanticCustomError("value", "{detail}", {"detail": detail, "path": path})


def unexpected(path: Path = (), found: str = "") -> PydanticCustomError:
    """Return an error that the field's description explains: something else is expected there.

    Args:
        path: Where it stands below the value being validated.
        found: What stands there, if that takes more words than its kind and size.
    """
    return PydanticCustomError("unexpected", "unexpected", {"path": path, "found": found})


def read_array(value: object, context: ArrayContext, dimensions: tuple[int, ...]) -> Array:
    """Return a nested list, or the tensor that `{"tensor": name}` names, as an array.

    Args:
        value: The JSON value.
        context: The dtype wanted and the tensors at hand.
        dimensions: The numbers of dimensions that are legal here.

    Raises:
        PydanticCustomError: With the path to the first cell at fault.
    """
    array = _tensor(value, context) if isinstance(value, dict) else _nested(value)
    if array.ndim not in dimensions:
        raise unexpected(found=_dimensions(array.ndim))
    return _cast(array, context.dtype, may_hold_nan=isinstance(value, dict))


def _tensor(value: dict[str, Any], context: ArrayContext) -> Array:
    name = value.get("tensor")
    if set(value) != {"tensor"} or not isinstance(name, str):
        raise unexpected(found='an object, and not of the form {"tensor": name}')
    if name not in context.tensors:
        raise fault(
            "The request carries no tensor of this name, and "
            f"{len(context.tensors) or 'no'} tensors at all; tensors travel in a body of type "
            "application/x-safetensors.",
            ("tensor",),
        )
    return context.tensors[name]


def _dimensions(count: int) -> str:
    if not count:
        return "a single number"
    return "a list of numbers" if count == 1 else f"an array of {count} dimensions"


def _nested(value: object) -> Array:
    if type(value) not in (int, float, list):
        raise unexpected()
    shape: list[int] = []
    probe = value
    while isinstance(probe, list):
        if not probe:
            raise fault(
                "The list is empty, but must hold at least one number; an empty batch travels as "
                'a tensor, whose shape says what it is empty of ({"tensor": name}).',
                (0,) * len(shape),
            )
        shape.append(len(probe))
        if len(shape) > MAX_DIMENSIONS:
            raise unexpected(found=f"an array of more than {MAX_DIMENSIONS} dimensions")
        probe = probe[0]
    _check_level(value, tuple(shape), ())
    array = np.empty(shape)
    try:
        _fill(array, value)
        return array
    except OverflowError:
        path = _first(value, lambda cell: abs(cell) >= 2**1024)
        raise fault("The integer exceeds the largest float, 1.8e308.", path) from None


def _fill(array: Array, value: Any) -> None:
    """Copy a full nested list into an array, piece by piece: no other thread runs during one."""
    if array.ndim == 0:
        array[()] = value
        return
    if (size := array[0].size) > PIECE:
        for part, entry in zip(array, value, strict=True):
            _fill(part, entry)
        return
    step = PIECE // size
    for start in range(0, len(value), step):
        array[start : start + step] = value[start : start + step]


def _check_level(value: Any, shape: tuple[int, ...], path: Path) -> None:
    """Raise unless `value` is a full nested list of `shape` that holds nothing but numbers."""
    if not shape:
        _check_cell(value, path)
        return
    if not isinstance(value, list):
        raise fault(f"Expected a list of {shape[0]} entries, but this is {kind_of(value)}.", path)
    if len(value) != shape[0]:
        raise fault(
            f"The array is ragged: this list has {len(value)} entries, its first neighbour "
            f"has {shape[0]}.",
            path,
        )
    # A look at the types of a whole row; only a row at fault is walked cell by cell.
    if len(shape) == 1 and only_numbers(value):
        return
    for index, entry in enumerate(value):
        _check_level(entry, shape[1:], (*path, index))


def _check_cell(value: object, path: Path) -> None:
    if type(value) not in (int, float):
        raise fault(f"Expected a number, but this is {kind_of(value)}.", path)


def kind_of(value: object) -> str:
    """Return what JSON calls the value, without quoting it."""
    kinds = {bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), "null" if value is None else "a number")


def _cast(array: Array, dtype: np.dtype[Any], *, may_hold_nan: bool) -> Array:
    """Return the array in `dtype`; a tensor may hold NaN and infinities, JSON may not."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(dtype, copy=False)
    wrong = ~np.isfinite(cast)
    if may_hold_nan:
        wrong &= np.isfinite(array)
    if not wrong.any():
        return cast
    index = tuple(int(axis) for axis in np.argwhere(wrong)[0])
    if not np.isfinite(array[index]):
        raise fault("The number is not finite; NaN and Infinity are not legal.", index)
    raise fault(
        f"The number {float(array[index]):.6g} does not fit {dtype}, whose largest is "
        f'{np.finfo(dtype).max:.6g}; a request with "dtype": "float64" may hold it.',
        index,
    )


def _first(value: Any, matches: Any, path: Path = ()) -> Path:
    """Return the path of the first cell that matches."""
    if not isinstance(value, list):
        return path if matches(value) else ()
    for index, entry in enumerate(value):
        found = _first(entry, matches, (*path, index))
        if found:
            return found
    return ()
