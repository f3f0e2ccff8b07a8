"""What the process is doing: which requests run, whether it is about to stop, what it logs."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.headers import every_answer
from app.web.metrics import Metrics
from app.web.problems import Problem, problem_response, unforeseen

log = logging.getLogger("convscope")
access = logging.getLogger("convscope.access")

HEALTH = ("/livez", "/readyz", "/metrics")
STATIC = "/static"


class Lifecycle:
    """The state of the process that health reports.

    Attributes:
        draining: whether it was told to stop: running requests finish, new work is refused.
    """

    def __init__(self) -> None:
        self.draining = False


class BrokenOff(Exception):
    """An answer that has begun cannot be ended, for a reason that is nobody's fault."""


class LifecycleMiddleware:
    """Outermost: names each request, counts and logs it, answers for whatever fails.

    The security headers come onto every answer here.
    """

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self.app = app
        self.lifecycle = lifecycle
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        started, status, started_answer = time.perf_counter(), 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, started_answer
            if message["type"] == "http.response.start":
                status, started_answer = message["status"], True
                extra = every_answer(request_id).items()
                headers = [(name.lower().encode(), value.encode()) for name, value in extra]
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        is_work = scope["path"] not in HEALTH
        self.metrics.running += is_work
        try:
            if is_work and self.lifecycle.draining:
                await problem_response(scope, _stopping())(scope, receive, send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            # The time to finish is over, or the one who stops the server has no more patience.
            if started_answer or not self.lifecycle.draining:
                raise
            await problem_response(scope, _stopping())(scope, receive, send_with_headers)
        except BrokenOff as reason:
            log.warning("request %s broke off: %s", request_id, reason)
            await _drop(scope, receive)
        except Exception:
            # Whatever passes here would make uvicorn close the connection, the answer after it.
            log.exception("request %s failed", request_id, extra={"request_id": request_id})
            if started_answer:
                raise
            await problem_response(scope, unforeseen())(scope, receive, send_with_headers)
        finally:
            self.metrics.running -= is_work
            self._account(scope, status, time.perf_counter() - started)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log one answer; of what was sent, only what the application itself declares."""
        route = _declared(scope)
        reason = scope["state"].get("refused", "")
        self.metrics.count(scope["method"], route, status, seconds, reason)
        access.info(
            "%s %s %d in %.1f ms, request %s",
            scope["method"],
            route or "-",
            status,
            1000 * seconds,
            scope["state"]["request_id"],
            extra={
                "request_id": scope["state"]["request_id"],
                "method": scope["method"],
                "route": route,
                "status": status,
                "milliseconds": round(1000 * seconds, 1),
                "refused": reason,
            },
        )


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection, so that its client does not take half an answer for a whole one."""
    scope["state"]["drop"]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _stopping() -> Problem:
    return Problem(
        503,
        "The server is stopping; another one will answer.",
        headers={"Retry-After": "5", "Connection": "close"},
    )


def _declared(scope: Scope) -> str:
    """Return the path of the route that answered, as the application declares it, or ""."""
    if named := scope["state"].get("route"):
        return str(named)
    if own := getattr(scope.get("route"), "path", ""):
        # A route knows its path within its router; the router's prefix is as it was asked for.
        prefix = scope["path"].rsplit("/", own.count("/"))[0]
        return f"{prefix}{own}"
    return STATIC if scope["path"].startswith(f"{STATIC}/") else ""
