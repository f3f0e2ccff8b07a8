"""HTTP connections with an end to patience; uvicorn itself waits for ever for a slow client."""

from __future__ import annotations

import asyncio
import http
import json
import socket
import sys
from typing import Any, Protocol

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.settings import Settings
from app.web.problems import MEDIA_TYPE

if sys.platform == "linux":
    import fcntl
    import termios

CHECKS_PER_LIMIT = 4
# The first byte of what Linux tells of a TCP connection whose ends are both open.
ESTABLISHED = b"\x01"
# Less than this is put together before it is sent; of more, the copy would cost what a write does.
MOST_COPIED = 64 * 1024

Bytes = bytes | bytearray | memoryview


class Watched(Protocol):
    """A connection that is looked at.

    Attributes:
        slow_since: since when its client has been behind with reading.
    """

    slow_since: float

    def look(self) -> None:
        """Close the connection if it has rested too long."""

    def unread(self) -> int:
        """Return the bytes of answers that wait here for the client to read."""

    def drop(self) -> None:
        """Close the connection at once."""


class Watch:
    """Looks at all connections of a server, one round after the other.

    A timer for each of them would cost the event loop more than they do when there are thousands.
    Who reads slowly may, as long as all who do hold no more than they may together.

    Args:
        settings: the limits; some rounds come within the shortest.
    """

    def __init__(self, settings: Settings) -> None:
        shortest = min(settings.header_seconds, settings.stall_seconds)
        self._interval = min(1.0, shortest / CHECKS_PER_LIMIT)
        self._most_unread = settings.answers_bytes
        self._watched: set[Watched] = set()
        self._runs = False

    def add(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Look at a connection from now on."""
        self._watched.add(connection)
        if not self._runs:
            self._runs = True
            loop.call_later(self._interval, self._round, loop)

    def discard(self, connection: Watched) -> None:
        """Look at it no more."""
        self._watched.discard(connection)

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        for connection in tuple(self._watched):
            connection.look()
        self._shed()
        self._runs = bool(self._watched)
        if self._runs:
            loop.call_later(self._interval, self._round, loop)

    def _shed(self) -> None:
        """Drop those that have been slowest for longest while answers take too much memory."""
        unread = {connection: connection.unread() for connection in self._watched}
        held = sum(unread.values())
        for connection in sorted(filter(unread.get, unread), key=lambda one: one.slow_since):
            if held <= self._most_unread:
                return
            held -= unread[connection]
            connection.drop()


class Together(asyncio.Transport):
    """A connection that sends what is written in one turn of the event loop at once.

    uvicorn writes the head of an answer and its body apart. Every write to a socket lets the
    threads that compute take the interpreter, for which the next one then waits: beside them, a
    refusal in one write costs the event loop half of what it does in two.

    Args:
        transport: the connection.
        loop: its event loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[Bytes] = []

    def write(self, data: Bytes) -> None:
        """Send at the end of this turn, with what else is written in it; nothing sends at once.

        It is with nothing that h11 ends a body of a declared length.
        """
        if not data:
            self._send()
            return
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)

    def _send(self) -> None:
        if not (held := self._held):
            return
        self._held = []
        if sum(map(len, held)) <= MOST_COPIED:
            held = [b"".join(held)]
        for data in held:
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """Return the bytes that are not sent yet."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._held))

    def close(self) -> None:
        """Send what is left, then close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close without sending anything."""
        self._held.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Take in nothing until told to resume."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take in bytes again."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self._transport.get_extra_info(name, default)


class GuardedProtocol(H11Protocol):
    """One connection, watched: headers, body and the reading of an answer must keep moving."""

    settings: Settings
    watch: Watch

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch a new connection."""
        super().connection_made(Together(transport, self.loop))
        self._phase: tuple[str, int] = ("headers", 0)
        self._since = self._heard = self._written = self.slow_since = self.loop.time()
        self._behind = 0
        self.app = self._telling(self.app)
        self.watch.add(self, self.loop)

    def _telling(self, app: ASGIApp) -> ASGIApp:
        """Return the application, told by the state of each request whether its client has left."""

        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"]["left"] = self.has_left
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
        behind = self.unread() + self._in_kernel() if self.flow.write_paused else 0
        if behind < self._behind or not behind:
            self._written = now
        if not behind:
            self.slow_since = now
        self._behind = behind
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
        if now - self._written > limits.stall_seconds:
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
