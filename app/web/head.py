"""HEAD: asked of whatever answers GET, and answered without the body."""

from __future__ import annotations

from anyio.lowlevel import checkpoint
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Middleware that lets routes answer HEAD as they answer GET, and sends no more than headers.

    The answer is ended as soon as its headers are out: whoever would go on to stream its body
    learns that nobody is there any more.

    Args:
        app: what answers GET.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await checkpoint()  # a stream that never waits would never learn of its end

        # Not a copy: the route that answers is told in here to those who count and log.
        scope["method"] = "GET"
        try:
            await self.app(scope, receive, send_headers)
        finally:
            scope["method"] = "HEAD"
