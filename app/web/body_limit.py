"""How much of a body is read: the limiter that stands before every parser.

The framework's own limiter answers in plain text, and only what is read through it counts.
"""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.problems import Problem, problem_response

# Answers to bodies that a client is still sending reach it only if the rest is read and dropped:
# a closed socket makes its kernel throw the answer away. So much of it, and no more.
LINGER_SECONDS = 1.0
LINGER_BYTES = 64 * 1024 * 1024

UPLOADS = ("/api/v1/images", "/api/v1/convolve", "/api/v1/gradient")
# Boundaries, part headers and form fields around an upload.
MULTIPART_ALLOWANCE = 64 * 1024


class _Refused(Exception):
    """Raised out of `receive` when a body has become too large."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class BodyLimit:
    """Middleware that stops reading a body at its limit, declared or not.

    Args:
        app: what it guards.
        upload_bytes: most bytes of an upload, or of a request that carries tensors.
        json_bytes: most bytes of any other body.
        bodies_bytes: most bytes of the bodies of all running requests together.
    """

    def __init__(
        self, app: ASGIApp, *, upload_bytes: int, json_bytes: int, bodies_bytes: int
    ) -> None:
        self.app = app
        self.upload_bytes = upload_bytes
        self.json_bytes = json_bytes
        self.bodies_bytes = bodies_bytes
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope)
        read, started = 0, False

        async def limited_receive() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                size = len(message.get("body", b""))
                read += size
                self.held += size
                if read > limit:
                    raise _Refused(_too_large(limit, read))
                if self.held > self.bodies_bytes:
                    raise _Refused(_too_busy())
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            headers = Headers(scope=scope)
            declared = headers.get("content-length", "")
            if declared and "transfer-encoding" in headers:
                await _refuse(_two_lengths(), scope, receive, send)
                return
            if declared.isdecimal() and int(declared[:20]) > limit:
                await _refuse(_too_large(limit, int(declared[:20])), scope, receive, send)
                return
            await self.app(scope, limited_receive, watched_send)
        except _Refused as refused:
            if started:
                raise
            await _refuse(refused.problem, scope, receive, send)
        finally:
            self.held -= read

    def _limit(self, scope: Scope) -> int:
        content_type = Headers(scope=scope).get("content-type", "")
        if content_type.startswith("multipart/"):
            return self.upload_bytes + MULTIPART_ALLOWANCE
        if scope["path"] in UPLOADS or content_type.startswith("application/x-safetensors"):
            return self.upload_bytes
        return self.json_bytes


def _too_large(limit: int, actual: int) -> Problem:
    return Problem(
        413,
        f"The body has {actual} bytes or more; at most {limit} are read here.",
        headers={"Connection": "close"},
        limit=limit,
        actual=actual,
    )


def _two_lengths() -> Problem:
    # A proxy in front may go by the other of the two: what follows may be someone else's request.
    return Problem(
        400,
        "The request has both a Content-Length and a Transfer-Encoding; one of them is legal.",
        headers={"Connection": "close"},
    )


def _too_busy() -> Problem:
    return Problem(
        503,
        "The server holds as many bytes of other uploads as it can; try again shortly.",
        headers={"Connection": "close", "Retry-After": "2"},
    )


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer first, then read on for a moment so that the answer is not lost, then close."""
    response = problem_response(scope, problem)
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
    deadline, left = time.monotonic() + LINGER_SECONDS, LINGER_BYTES
    while left > 0:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                message = await receive()
        except TimeoutError:
            break
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    await send({"type": "http.response.body", "body": b"", "more_body": False})
