"""Turning computations away while the queue is full, at the price of reading their headers.

When ten times as much comes as can be computed, refusing has to be cheap: routing and parsing a
request that will be refused costs four times as much as saying so, and everybody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.service.errors import QueueFull
from app.service.slots import Slots
from app.web.problems import from_service, problem_response

# Nobody reads this answer; the status stands in the log alone.
CLIENT_CLOSED_REQUEST = 499
COMPUTING = frozenset(
    f"/api/v1/{name}"
    for name in ("forward", "backward", "explain", "gradcheck", "convolve", "gradient")
)
# A body of so many bytes has arrived with its headers, or nearly; what its client still sends of a
# longer one is read by whoever limits bodies.
SMALL_BODY = 64 * 1024


class Admission:
    """Middleware that asks for a place in the queue before anything is done for one.

    Args:
        app: what it guards.
        slots: where the computations will run.
    """

    def __init__(self, app: ASGIApp, *, slots: Slots) -> None:
        self.app = app
        self.slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, if there is a place for it."""
        if _computes(scope):
            if has_left(scope):
                scope["state"]["route"] = scope["path"]
                await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, receive, send)
                return
            try:
                self.slots.refuse_when_full()
            except QueueFull as full:
                scope["state"]["route"] = scope["path"]
                await problem_response(scope, from_service(full))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def has_left(scope: Scope) -> bool:
    """Tell whether the client of a request is known to have closed its end of the connection."""
    left: Callable[[], bool] | None = scope["state"].get("left")
    return left is not None and left()


def _computes(scope: Scope) -> bool:
    """Tell whether a request would take a slot and has sent most of itself already."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in COMPUTING:
        return False
    declared = Headers(scope=scope).get("content-length", "")
    return declared.isdecimal() and int(declared[:20]) <= SMALL_BODY
