"""A light HTTP/1.1 client: what asks on the server's own cores must not take them from it.

One process holds hundreds of connections here. A request is bytes that were put together before,
an answer is read by its Content-Length and looked at no further than its head.
"""

import asyncio
import contextlib
from dataclasses import dataclass

# An answer is read into memory at once, not in many small turns of the event loop.
BUFFER_BYTES = 1 << 21


class BrokenAnswer(Exception):
    """The connection ended, or no answer came in time; the message tells which."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: Its status.
        retry_after: Whether it tells when to come again.
        body: Its content.
    """

    status: int
    retry_after: bool
    body: bytes


def post(path: str, host: str, body: bytes, content_type: str, accept: str) -> bytes:
    """Return the bytes of a POST request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Connection:
    """One connection, kept from request to request and opened again when the server closed it."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._address = host, port
        self._seconds = seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer.

        Raises:
            BrokenAnswer: None came.
        """
        try:
            async with asyncio.timeout(self._seconds):
                if self._streams is None or self._streams[0].at_eof():
                    self.close()
                    self._streams = await asyncio.open_connection(
                        *self._address, limit=BUFFER_BYTES
                    )
                return await self._exchange(*self._streams, request)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            raise BrokenAnswer(type(error).__name__) from error

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> Answer:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(head[0].split()[1]), "retry-after" in headers, body)

    def close(self) -> None:
        """Leave."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None
