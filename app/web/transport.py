"""What a server writes to a connection, put together before it is sent."""

from __future__ import annotations

import asyncio
from typing import Any

# Less than this is put together before it is sent; of more, the copy would cost what a write does.
MOST_COPIED = 64 * 1024

Bytes = bytes | bytearray | memoryview


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
        self._written = 0

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
            self._written += len(data)
            self._transport.write(data)

    def handed_over(self) -> int:
        """Return the bytes that the system has taken over since the connection was made."""
        return self._written - self._transport.get_write_buffer_size()

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
