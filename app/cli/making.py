"""Who makes the files of a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from app.cli.finished import digest
from app.cli.forms import Work
from app.cli.reaching import no_room
from app.cli.specs import Spec
from app.client import AsyncClient, Forbidden, Problem, StoreFull, Unauthorized


class NotMade(Exception):
    """A picture cannot be done; the others can."""


class Maker(Protocol):
    """Makes the files of pictures."""

    async def files(self, content: bytes) -> dict[str, bytes]:
        """Return the files of one picture by what their names end with.

        Raises:
            NotMade: What is wrong with this picture.
            ConvscopeError: No picture can be done: the server is away, or wants a token.
            CommandError: No picture can be done for another reason.
        """


@dataclass(frozen=True)
class ByApi:
    """Lets the API compute, in this process or at a server.

    Attributes:
        client: Where it is reached.
        spec: The spec.
        work: What is computed.
        forms: Which files are made.
        keeps: Whether the API keeps the pictures that were uploaded.
    """

    client: AsyncClient
    spec: Spec
    work: Work
    forms: Sequence[str]
    keeps: bool
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def files(self, content: bytes) -> dict[str, bytes]:
        """Return the files of one picture; see `Maker`."""
        # Copies of a picture are one upload: whoever is done first deletes it for the others, too.
        turn = self._turns.setdefault(digest(content), asyncio.Lock())
        async with turn:
            return await self._files(content)

    async def _files(self, content: bytes) -> dict[str, bytes]:
        try:
            image = await self.client.upload(content)
            try:
                return await self.work.contents(self.client, self.spec.on(image.id), self.forms)
            finally:
                if not self.keeps:
                    await self.client.delete(image)
        except Problem as problem:
            if isinstance(problem, Unauthorized | Forbidden):
                raise
            if isinstance(problem, StoreFull) and not self.keeps:
                raise no_room("it is full") from problem
            raise NotMade(problem.detail) from problem
