"""Who makes the files of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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

    async def files(self, content: bytes) -> dict[str, bytes]:
        """Return the files of one picture; see `Maker`."""
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
