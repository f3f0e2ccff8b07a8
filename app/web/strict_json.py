"""JSON as the contract reads it: no duplicate keys, no lone surrogates, nothing too deep.

NaN and Infinity parse to floats here and are refused where the value stands, so that the
problem can point at it.
"""

import json
from collections.abc import Sequence
from typing import Any

from app.service.errors import MalformedBody

# The interpreter's decoder, and whatever else looks at a whole list at once, lets no other thread
# go on until it is done: long texts are decoded with a step in Python for each number, at up to
# three times the price, and long lists are looked at in pieces.
LONG_TEXT = 64 * 1024
PIECE = 1 << 14
# Four times as many tensors as a request may carry; everything else has a few dozen.
MOST_MEMBERS = 4096
_NUMBERS = {int, float}


class _DuplicateKeyError(ValueError):
    """An object names one key twice."""


class _TooManyMembersError(ValueError):
    """An object has more members than any that is read here."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_MEMBERS:
        raise _TooManyMembersError
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateKeyError
    return members


def _integer(text: str) -> int:
    return int(text)


def _float(text: str) -> float:
    return float(text)


_decoder = json.JSONDecoder(object_pairs_hook=_unique)
_polite_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float
)


def parse(body: bytes, max_depth: int, what: str = "body") -> Any:
    """Return the value of a JSON text in UTF-8.

    Args:
        body: The text.
        max_depth: Containers that may stand within one another.
        what: What the text is, as a problem with its syntax names it.

    Raises:
        MalformedBody: The body is no JSON, or JSON that no request may hold.
    """
    try:
        text = body.decode("utf-8")
        value = (_decoder if len(text) <= LONG_TEXT else _polite_decoder).decode(text)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"The JSON is not valid UTF-8 at byte {error.start}.") from None
    except _DuplicateKeyError:
        raise MalformedBody("An object of the JSON holds the same key twice.") from None
    except _TooManyMembersError:
        raise MalformedBody(
            f"An object of the JSON has more than {MOST_MEMBERS} members, which is the limit."
        ) from None
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"The {what} is not valid JSON: {error.msg} at line {error.lineno}, "
            f"column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError:
        # int() refuses thousands of digits before any range is checked.
        raise MalformedBody(
            "The JSON holds an integer with too many digits; no number may exceed 1.8e308."
        ) from None
    if "\\u" in text or text.count("[") + text.count("{") > max_depth:
        _walk(value, max_depth)
    return value


def _too_deep(max_depth: int) -> MalformedBody:
    return MalformedBody(f"The JSON is nested too deeply; at most {max_depth} levels are legal.")


def _walk(value: Any, max_depth: int) -> None:
    """Refuse what is nested too deeply, and half surrogate pairs: UTF-8 cannot write them."""
    level = [value]
    for _ in range(max_depth + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _refuse_surrogate(item)
            elif isinstance(item, dict):
                below += item
                below += item.values()
            elif not only_numbers(item):
                below += item
        level = [entry for entry in below if isinstance(entry, str | dict | list)]
        if not level:
            return
    if any(not isinstance(item, str) for item in level):
        raise _too_deep(max_depth)


def only_numbers(row: Sequence[object]) -> bool:
    """Return whether a list holds integers and floats alone."""
    if len(row) <= PIECE:
        return set(map(type, row)) <= _NUMBERS
    pieces = (row[start : start + PIECE] for start in range(0, len(row), PIECE))
    return all(set(map(type, piece)) <= _NUMBERS for piece in pieces)


def _refuse_surrogate(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBody("A string of the JSON holds a lone surrogate.") from None
