"""What the process is doing: which requests run, whether it is about to stop, what was counted."""

from __future__ import annotations

import collections
import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.headers import every_answer
from app.web.problems import Problem, problem_response, unforeseen

log = logging.getLogger("convscope")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HEALTH = ("/livez", "/readyz", "/metrics")

# Seconds; from a thumbnail to the deadline.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Lifecycle:
    """The state of the process that health and metrics report.

    Attributes:
        draining: whether it was told to stop: running requests finish, new work is refused.
        running: how many requests run, health checks aside.
        answered: answers by (method, status).
        durations: answers by bucket of `BUCKETS`, the last one for anything longer.
        seconds: time of all answers together.
    """

    def __init__(self) -> None:
        self.draining = False
        self.running = 0
        self.answered: collections.Counter[tuple[str, int]] = collections.Counter()
        self.durations = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        # A method that nobody defines could otherwise make a line of metrics each.
        known = method if method in METHODS else "other"
        self.answered[known, status] += 1
        self.durations[sum(seconds > bound for bound in BUCKETS)] += 1
        self.seconds += seconds


class LifecycleMiddleware:
    """Outermost: names each request, counts it, answers for whatever fails.

    The security headers come onto every answer here.
    """

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self.app = app
        self.lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
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
        self.lifecycle.running += is_work
        try:
            if is_work and self.lifecycle.draining:
                refusal = Problem(
                    503,
                    "The server is stopping; another one will answer.",
                    headers={"Retry-After": "5", "Connection": "close"},
                )
                await problem_response(scope, refusal)(scope, receive, send_with_headers)
            else:
                await self.app(scope, receive, send_with_headers)
        except Exception:
            # Whatever passes here would make uvicorn close the connection, the answer after it.
            log.exception("request %s failed", request_id)
            if started_answer:
                raise
            await problem_response(scope, unforeseen())(scope, receive, send_with_headers)
        finally:
            self.lifecycle.running -= is_work
            self.lifecycle.count(scope["method"], status, time.perf_counter() - started)
