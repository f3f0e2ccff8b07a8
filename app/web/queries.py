"""What stands behind the question mark of an address, as strict as every body."""

import re
from typing import Annotated

from fastapi import Query, Request
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from starlette.routing import BaseRoute

from app.web.arrays import fault
from app.web.bodies import invalid
from app.web.input_schemas import MOST_SIDE, Side
from app.web.problems import pointer
from app.web.wording import PLAIN_NAME

DIGITS = re.compile(r"[0-9]{1,9}\Z")


async def refuse_unknown_queries(request: Request) -> None:
    """Refuse a parameter that the route does not know, and one that is given twice.

    Raises:
        Problem: 422 with a pointer to each.
    """
    known = _known(request.scope["route"])
    legal = ", ".join(known) or "none"
    errors = []
    for name in dict.fromkeys(request.query_params):
        where = pointer(("query", name) if PLAIN_NAME.match(name) else ("query",))
        times = len(request.query_params.getlist(name))
        if name not in known:
            errors.append((where, f"There is no such parameter here; legal: {legal}."))
        elif times > 1:
            errors.append((where, f"The parameter is given {times} times; legal is once."))
    if errors:
        raise invalid([{"pointer": where, "detail": detail} for where, detail in errors])


def _known(route: BaseRoute) -> list[str]:
    if not isinstance(route, APIRoute):
        return []
    return [field.alias for field in route.dependant.query_params]


def _as_side(value: object) -> object:
    """Return the number that a text of the address writes; digits alone, as JSON would have it."""
    if not isinstance(value, str):
        return value
    if not DIGITS.match(value) or not 1 <= int(value) <= MOST_SIDE:
        what = value if DIGITS.match(value.removeprefix("-")) else "something else"
        raise fault(f"Expected an integer from 1 to {MOST_SIDE}, but this is {what}.")
    return int(value)


MaxSide = Annotated[
    Side | None,
    BeforeValidator(_as_side),
    Query(description="Longest side, in pixels; never enlarged."),
]
