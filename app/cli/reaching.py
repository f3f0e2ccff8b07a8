"""The API, wherever it is: at a server, or in this very process.

Both are the same API asked by the same client, so that their numbers and their words are one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from app.cli import exits
from app.cli.exits import CommandError
from app.client import AsyncClient, NotFound
from app.settings import Settings

# No stranger asks in here: what keeps one request of many from the others is off. The limits of
# memory and of a network's size stay.
UNBOUNDED = 2**50
A_DAY = 86_400.0


@contextlib.asynccontextmanager
async def reached(server: str | None, settings: Settings) -> AsyncIterator[AsyncClient]:
    """Reach the API.

    Args:
        server: Address of a server; None for this process.
        settings: The limits of this process, and the token for a server.

    Raises:
        CommandError: Something else is at the server's address.
    """
    if server is not None:
        # A request may wait in the server's queue and compute until its deadline.
        async with AsyncClient(server, token=settings.token or None, timeout=120) as client:
            await _refuse_other_address(client, server)
            yield client
        return
    from app.main import create_app

    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="convscope-", ignore_cleanup_errors=True)
            )
            app = create_app(_alone(settings, Path(folder)))
        except (OSError, sqlite3.Error) as error:
            raise no_room(getattr(error, "strerror", None) or str(error)) from error
        try:
            transport = httpx.ASGITransport(app)
            async with AsyncClient("http://localhost", transport=transport) as client:
                yield client
        finally:
            # Its lifespan, which servers run, would also start a decoder that may not be needed.
            app.state.reading.close()
            app.state.slots.close()
            app.state.decoding.close()


async def _refuse_other_address(client: AsyncClient, server: str) -> None:
    """Raise CommandError unless the API is where the server is said to be.

    Elsewhere on a server nothing is found, as if each picture had been lost on its way.
    """
    try:
        await client.limits()
    except NotFound as error:
        message = (
            f"There is no Convscope at {server}; an address is such as http://127.0.0.1:8000, "
            "without /api/v1."
        )
        raise CommandError(message, exits.NO_SERVER) from error


def _alone(settings: Settings, folder: Path) -> Settings:
    """Return the settings of an application that has one user."""
    return dataclasses.replace(
        settings,
        store_dir=folder,
        token="",
        upload_bytes=UNBOUNDED,
        json_bytes=UNBOUNDED,
        bodies_bytes=UNBOUNDED,
        store_bytes=UNBOUNDED,
        queue_length=UNBOUNDED,
        queue_seconds=A_DAY,
        deadline_seconds=A_DAY,
    )


def no_room(why: str) -> CommandError:
    """Return the error of temporary files that cannot be written."""
    folder = tempfile.gettempdir() if tempfile.tempdir else "The folder of temporary files"
    message = f"{folder} cannot be written: {why}. TMPDIR names another folder for temporary files."
    return CommandError(message, exits.NOT_WRITTEN)
