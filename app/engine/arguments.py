"""Reading the integers and pairs that describe a geometry, strictly."""

from collections.abc import Sequence
from numbers import Integral
from typing import TypeGuard

import numpy as np

from app.engine.errors import ParameterError

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
IntOrPair = int | Sequence[int]
# No picture or signal needs more, and sizes reckoned from such numbers still fit those of NumPy.
LARGEST_EXTENT = 2**24


def entries_of(value: object) -> tuple[object, ...] | None:
    """Return the entries of a list, tuple, range or array of one axis or more, else None."""
    if isinstance(value, (list, tuple, range)):
        return tuple(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return tuple(value)
    return None


def written(value: object) -> str:
    """Return a value as the caller would write it: lists in brackets, true and false, null."""
    entries = entries_of(value)
    if entries is not None:
        return f"[{', '.join(map(written, entries))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, str) else f"{value}"


def span(least: int, most: int) -> str:
    """Return the integers from `least` to `most` in words, of which there may be one or none."""
    if most <= least:
        return f"{least}" if most == least else "none"
    return f"{least} to {most}"


def is_integer(value: object) -> TypeGuard[Integral]:
    """Tell whether `value` is an integer; True and 2.0 are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_index(value: object, size: int) -> bool:
    """Tell whether `value` is an integer from 0 to `size` − 1."""
    return is_integer(value) and 0 <= int(value) < size


def check_flag(value: object, field: str) -> None:
    """Raise ParameterError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ParameterError(
            f"{field} is {written(value)}, but must be true or false.", (field,), "true or false"
        )


def as_integer(value: object, field: str, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`; True and 2.0 are no integers.

    Raises:
        ParameterError: It is no integer, or too small.
    """
    if not is_integer(value) or int(value) < minimum:
        raise ParameterError(
            f"{field} is {written(value)}, but must be an integer ≥ {minimum}.",
            (field,),
            f"integers ≥ {minimum}",
        )
    return int(value)


def as_extent(value: object, field: str, minimum: int) -> int:
    """Return `value` as a number of cells or of filters, from `minimum` to `LARGEST_EXTENT`.

    Raises:
        ParameterError: It is no integer, too small or too large.
    """
    number = as_integer(value, field, minimum)
    _check_extent(number, field, minimum)
    return number


def _check_extent(number: int, field: str, minimum: int) -> None:
    if number > LARGEST_EXTENT:
        raise ParameterError(
            f"{field} is {number}, but can be at most {LARGEST_EXTENT}.",
            (field,),
            f"integers {minimum} to {LARGEST_EXTENT}",
        )


def as_pair(value: object, field: str, minimum: int) -> Pair:
    """Return (rows, cols): one number stands for both.

    Raises:
        ParameterError: Neither an integer nor two of them, or one is below `minimum` or above
            `LARGEST_EXTENT`.
    """
    entries = entries_of(value)
    rows, cols = entries if entries is not None and len(entries) == 2 else (value, value)
    try:
        pair = as_integer(rows, field, minimum), as_integer(cols, field, minimum)
    except ParameterError:
        legal = f"an integer ≥ {minimum}, or a pair (rows, cols) of them"
        raise ParameterError(
            f"{field} is {written(value)}, but must be {legal}.", (field,), legal
        ) from None
    _check_extent(max(pair), field, minimum)
    return pair


def as_single(value: object, field: str, minimum: int) -> int:
    """Return the one number of a 1-D parameter; `(n,)` stands for `n`.

    Raises:
        ParameterError: It is no integer, below `minimum` or above `LARGEST_EXTENT`.
    """
    entries = entries_of(value)
    if entries is not None and len(entries) == 1:
        (value,) = entries
    return as_extent(value, field, minimum)
