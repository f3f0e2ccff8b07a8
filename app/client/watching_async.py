"""Following a job: its events, its end, its results; for the client that awaits."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import httpx

from app.client.answers import Job
from app.client.call import Found
from app.client.watching import (
    EventReader,
    Progress,
    cut_off,
    events_of,
    refuse_after,
    results_of,
)

if TYPE_CHECKING:
    from app.client.connection import AsyncClient


async def job_events(client: "AsyncClient", job: Job | str) -> AsyncIterator[Job]:
    """Yield how far a job is, as `Client.job_events` does."""
    call, reader, asked = events_of(job), EventReader(), 0
    while True:
        found: Found
        try:
            headers = {"Last-Event-ID": reader.last, "Accept": "text/event-stream"}
            async with client._http.stream("GET", call.address, headers=headers) as answer:
                found = answer
                if answer.status_code == 200:
                    async for line in answer.aiter_lines():
                        if (told := reader.read(line)) is not None:
                            asked = 0
                            yield told
                            if told.has_ended:
                                return
                    found = cut_off(answer)
                else:
                    await answer.aread()
        except httpx.RequestError as error:
            found = error
        asked += 1
        pause = call.pause(client._retries, found, asked)
        if pause is None:
            call.result(found, asked)
            return
        await anyio.sleep(pause)


async def wait_for_job(
    client: "AsyncClient",
    job: Job | str,
    *,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Job:
    """Return a job once it has ended, as `Client.wait_for_job` does."""
    deadline = None if timeout is None else time.monotonic() + timeout
    async for told in client.job_events(job):
        if progress is not None:
            progress(told)
        if not told.has_ended:
            refuse_after(deadline, told)
    return await client.job(job)


async def save_results(client: "AsyncClient", job: Job | str, path: str | Path) -> Path:
    """Write the results of a job that has ended, as `Client.save_results` does."""
    call, target, asked = results_of(job), anyio.Path(path), 0
    part = target.with_name(f"{target.name}.part")
    try:
        while True:
            found: Found
            try:
                async with client._http.stream("GET", call.address) as answer:
                    found = answer
                    if answer.status_code == 200:
                        async with await part.open("wb") as file:
                            async for piece in answer.aiter_bytes():
                                await file.write(piece)
                        return Path(await part.replace(target))
                    await answer.aread()
            except httpx.RequestError as error:
                found = error
            asked += 1
            pause = call.pause(client._retries, found, asked)
            if pause is None:
                call.result(found, asked)
            else:
                await anyio.sleep(pause)
    finally:
        await part.unlink(missing_ok=True)
