"""Who of all connections has rested too long, or reads too slowly for what there is of memory."""

from __future__ import annotations

import asyncio
from typing import Protocol

from app.settings import Settings

CHECKS_PER_LIMIT = 4


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
