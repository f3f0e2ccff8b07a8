"""Following a job: its events, its end, its results; for the client that blocks.

Server-Sent Events by the HTML standard, as far as this API uses them: fields `id`, `event`, `data`.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from app.client.answers import Job
from app.client.call import Call, Found
from app.client.errors import NotFound, TimedOut
from app.client.routes.common import as_nothing
from app.client.routes.jobs import address

if TYPE_CHECKING:
    from app.client.connection import Client

Progress = Callable[[Job], None]


class EventReader:
    """Reads events line by line.

    Attributes:
        last: Id of the last one.
    """

    def __init__(self) -> None:
        self.last = ""
        self._fields: dict[str, str] = {}

    def read(self, line: str) -> Job | None:
        """Return the job that an event tells of with this, its last line; else None.

        Raises:
            NotFound: The job is gone.
        """
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if fields.get("event") == "gone":
            raise NotFound(404, {"detail": "The job has been deleted."})
        self.last = fields.get("id", self.last)
        return Job.of(json.loads(fields["data"])) if "data" in fields else None


def events_of(job: Job | str) -> Call[None]:
    """Return the call whose answer is the events of a job."""
    return Call("GET", address(job, "/events"), as_nothing)


def results_of(job: Job | str) -> Call[None]:
    """Return the call whose answer is the results of a job."""
    return Call("GET", address(job, "/results"), as_nothing)


def cut_off(answer: httpx.Response) -> httpx.TransportError:
    """Return the error of a stream that ended before its end."""
    return httpx.RemoteProtocolError("The stream ended early.", request=answer.request)


def refuse_after(deadline: float | None, job: Job) -> None:
    """Raise TimedOut when the time for a job is over."""
    if deadline is not None and time.monotonic() > deadline:
        raise TimedOut(
            f"The job has not ended in time; {job.done + job.failed} of {job.total} pictures are "
            "done, and it goes on."
        )


def job_events(client: "Client", job: Job | str) -> Iterator[Job]:
    """Yield how far a job is, now and whenever that changes, until it has ended.

    A connection that drops is made again, as often as the client's retries allow.

    Args:
        client: Who asks.
        job: The job, or its id.

    Raises:
        NotFound: There is none of this id.
        ConvscopeError: As everywhere.
    """
    call, reader, asked = events_of(job), EventReader(), 0
    while True:
        found: Found
        try:
            headers = {"Last-Event-ID": reader.last, "Accept": "text/event-stream"}
            with client._http.stream("GET", call.address, headers=headers) as answer:
                found = answer
                if answer.status_code == 200:
                    for line in answer.iter_lines():
                        if (told := reader.read(line)) is not None:
                            asked = 0
                            yield told
                            if told.has_ended:
                                return
                    found = cut_off(answer)
                else:
                    answer.read()
        except httpx.RequestError as error:
            found = error
        asked += 1
        pause = call.pause(client._retries, found, asked)
        if pause is None:
            call.result(found, asked)
            return
        time.sleep(pause)


def wait_for_job(
    client: "Client",
    job: Job | str,
    *,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Job:
    """Return a job once it has ended, with what is wrong with which picture.

    Args:
        client: Who asks.
        job: The job, or its id.
        progress: Called with how far it is, now and whenever that changes.
        timeout: Seconds to wait at most; by default as long as it takes.

    Raises:
        TimedOut: It has not ended in time.
        NotFound: There is none of this id.
        ConvscopeError: As everywhere.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    for told in client.job_events(job):
        if progress is not None:
            progress(told)
        if not told.has_ended:
            refuse_after(deadline, told)
    return client.job(job)


def save_results(client: "Client", job: Job | str, path: str | Path) -> Path:
    """Write the results of a job that has ended into a zip file, whole or not at all.

    Args:
        client: Who asks.
        job: The job, or its id.
        path: The file.

    Raises:
        Conflict: It has not ended.
        NotFound: There is none of this id.
        OSError: The file cannot be written.
        ConvscopeError: As everywhere.
    """
    call, target, asked = results_of(job), Path(path), 0
    part = target.with_name(f"{target.name}.part")
    try:
        while True:
            found: Found
            try:
                with client._http.stream("GET", call.address) as answer:
                    found = answer
                    if answer.status_code == 200:
                        with part.open("wb") as file:
                            for piece in answer.iter_bytes():
                                file.write(piece)
                        return part.replace(target)
                    answer.read()
            except httpx.RequestError as error:
                found = error
            asked += 1
            pause = call.pause(client._retries, found, asked)
            if pause is None:
                call.result(found, asked)
            else:
                time.sleep(pause)
    finally:
        part.unlink(missing_ok=True)
