"""HTTP connections with an end to patience; uvicorn itself waits for ever for a slow client."""

from __future__ import annotations

import asyncio
import http
import json
import socket
import sys
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.settings import Settings
from app.web.problems import MEDIA_TYPE
from app.web.transport import Together
from app.web.watching import Watch

if sys.platform == "linux":
    import fcntl
    import termios

# The first byte of what Linux tells of a TCP connection whose ends are both open.
ESTABLISHED = b"\x01"


class GuardedProtocol(H11Protocol):
    """One connection, watched: headers, body and the reading of an answer must keep moving."""

    settings: Settings
    watch: Watch

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch a new connection."""
        self._sending = Together(transport, self.loop)
        super().connection_made(self._sending)
        self._phase: tuple[str, int] = ("headers", 0)
        self._since = self._heard = self._read = self.slow_since = self.loop.time()
        self._taken = 0
        self.app = self._telling(self.app)
        self.watch.add(self, self.loop)

    def _telling(self, app: ASGIApp) -> ASGIApp:
        """Return the application, told by the state of each request of its connection.

        `left` tells whether the client has closed its end, `drop` closes ours at once.
        """

        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] |= {"left": self.has_left, "drop": self.drop}
            await app(scope, receive, send)

        return told

    def has_left(self) -> bool:
        """Return whether the client has closed its end, where the system tells.

        The event loop learns of it a turn or two later, and in a burst a turn takes long. Other
        threads may ask as well.
        """
        if sys.platform != "linux":
            return False
        try:  # unlike polling, this keeps the interpreter, which a refusal would wait for
            ours: socket.socket = self.transport.get_extra_info("socket")
            return ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != ESTABLISHED
        except OSError:
            return self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Take in bytes of the client."""
        self._heard = self.loop.time()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        self.watch.discard(self)
        super().connection_lost(exc)
        self.app = self.config.loaded_app  # the one that tells refers to this connection

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with a problem, like everything else."""
        self._answer(400, "The request is not valid HTTP/1.1.")
        self.transport.close()

    def _current_phase(self) -> tuple[str, int]:
        theirs = self.conn.their_state
        if theirs is h11.SEND_BODY:
            return "body", id(self.cycle)
        if theirs is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            return "headers", id(self.cycle)
        return "answer", id(self.cycle)

    def look(self) -> None:
        """Close the connection if it has rested too long."""
        now = self.loop.time()
        if (phase := self._current_phase()) != self._phase:
            self._phase, self._since = phase, now
        # Not what is left: that stays the same while the next answer comes as fast as one is read.
        taken = self._sending.handed_over() - self._in_kernel()
        if taken > self._taken or not self.flow.write_paused:
            self._read = now
        if not self.flow.write_paused:
            self.slow_since = now
        self._taken = taken
        if self.flow.read_paused:
            # Not the client rests: nobody here has taken what it sent.
            self._heard = now
        if self._is_overdue(now):
            self._answer(408, "The request took too long to arrive.")
            self.transport.abort() if self.flow.write_paused else self.transport.close()

    def unread(self) -> int:
        """Return the bytes of answers that wait here for the client to read."""
        return self.transport.get_write_buffer_size()

    def drop(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def _in_kernel(self) -> int:
        """Return the bytes that the system has taken over and the client has not, if it tells."""
        if sys.platform != "linux":
            return 0
        try:
            told = fcntl.ioctl(self.transport.get_extra_info("socket"), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):
            return 0
        return int.from_bytes(told, sys.byteorder)

    def _is_overdue(self, now: float) -> bool:
        limits, phase = self.settings, self._phase[0]
        if now - self._read > limits.stall_seconds:
            return True
        if phase == "headers":
            return now - self._since > limits.header_seconds
        if phase == "body":
            stalled = now - self._heard > limits.stall_seconds
            return stalled or now - self._since > limits.body_seconds
        return False

    def _answer(self, status: int, detail: str) -> None:
        """Send a problem if no answer has begun; there is no request to name in it."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": http.HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
        }
        body = json.dumps(problem).encode()
        headers = [
            ("content-type", MEDIA_TYPE),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=problem["title"])
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")


def guarded(settings: Settings) -> type[GuardedProtocol]:
    """Return the protocol that holds connections to the limits of `settings`."""
    own = {"settings": settings, "watch": Watch(settings)}
    return type("GuardedProtocol", (GuardedProtocol,), own)
