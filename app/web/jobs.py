"""Long work: taken on with one request, watched and fetched with others."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from app.service.errors import InUse, NotFound, Overloaded
from app.service.jobs.admission import admit
from app.service.jobs.job import Job, Order
from app.service.jobs.results import archive
from app.service.jobs.runner import JobRunner
from app.service.jobs.store import JobStore
from app.service.pictures import Pictures
from app.service.slots import Slots
from app.settings import Settings
from app.web import describing
from app.web.bodies import media_type, read_body
from app.web.job_schemas import MOST_FAULTS, ApplyJob, JobAnswer, JobDetails, JobsAnswer
from app.web.lifecycle import BrokenOff, Lifecycle
from app.web.problems import documented

router = APIRouter(tags=["jobs"])

JobId = Annotated[str, Path(description="The id that the job was taken on with.")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=128,
        description="The same key again is the same job: a request that is repeated does no harm.",
    ),
]
LastEvent = Annotated[str, Header(alias="Last-Event-ID", max_length=32)]

LOOK_SECONDS = 0.4
# Whoever watches learns so often that the connection still stands, with the time that is left.
SILENCE_SECONDS = 5.0
LOCATION = {"Location": {"schema": {"type": "string"}}}
TOLD = {"application/json": {"schema": {"$ref": "#/components/schemas/JobDetails"}}}


class _Jobs:
    """What the routes need of the application."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.store: JobStore = state.jobs
        self.runner: JobRunner = state.job_runner
        self.pictures: Pictures = state.pictures
        self.slots: Slots = state.slots
        self.settings: Settings = state.settings
        self.lifecycle: Lifecycle = state.lifecycle

    def told(self, job: Job) -> JobAnswer:
        return JobAnswer.of(job, self.runner.trouble)

    def details(self, job: Job) -> JobDetails:
        failed = self.store.items(job.id, "failed", MOST_FAULTS) if job.failed else []
        return JobDetails.with_faults(job, self.runner.trouble, failed)


def _answer(told: BaseModel, status: int = 200, **headers: str) -> Response:
    return Response(
        told.model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **headers},
    )


@router.post(
    "/jobs",
    status_code=202,
    response_class=Response,
    summary="Take on long work: many pictures through one network",
    openapi_extra=describing.job_body(),
    responses={
        202: {"description": "Taken on.", "headers": LOCATION, "content": TOLD},
        **documented(404, 413, 415, 422, 429, 507),
    },
)
async def submit(request: Request, idempotency_key: Key = "") -> Response:
    """Take on a job; the answer says where to ask how far it is.

    Its pictures stay in the store until it has ended. It computes while no other request wants the
    processors, and goes on after a restart of the server.
    """
    body = await read_body(request, ApplyJob)
    jobs = _Jobs(request)
    content = await request.body()

    def take_on() -> JobDetails:
        order = Order(
            kind=body.kind,
            name=body.name,
            sources=body.to_sources(),
            request=content,
            media_type=media_type(request),
            key=idempotency_key,
        )
        return jobs.details(admit(jobs.store, jobs.pictures, body.to_work(jobs.settings), order))

    details = await jobs.slots.run(take_on)
    jobs.runner.wake()
    where = f"{request.scope['path'].rstrip('/')}/{details.id}"
    return _answer(details, 202, Location=where)


@router.get(
    "/jobs",
    response_class=Response,
    summary="All jobs",
    responses={200: describing.told("JobsAnswer"), **documented(422)},
)
def list_jobs(request: Request) -> Response:
    """Tell how far every job is, the latest first."""
    jobs = _Jobs(request)
    return _answer(JobsAnswer(jobs=[jobs.told(job) for job in jobs.store.all()]))


@router.get(
    "/jobs/{job_id}",
    response_class=Response,
    summary="How far a job is",
    responses={200: describing.told("JobDetails"), **documented(404, 422)},
)
def describe(request: Request, job_id: JobId) -> Response:
    """Tell how far a job is, and what is wrong with which picture."""
    jobs = _Jobs(request)
    return _answer(jobs.details(jobs.store.get(job_id)))


@router.post(
    "/jobs/{job_id}/cancel",
    response_class=Response,
    summary="Stop a job and keep what it has done",
    responses={200: describing.told("JobDetails"), **documented(404, 422)},
)
def cancel(request: Request, job_id: JobId) -> Response:
    """Stop a job where it is; a job that has ended stays as it is."""
    jobs = _Jobs(request)
    job = jobs.store.cancel(job_id)
    jobs.runner.wake()
    return _answer(jobs.details(job))


@router.delete(
    "/jobs/{job_id}",
    status_code=204,
    response_class=Response,
    summary="Cancel and forget a job",
    responses=documented(404, 422),
)
def forget(request: Request, job_id: JobId) -> Response:
    """Cancel a job if it has not ended, and delete its results."""
    jobs = _Jobs(request)
    jobs.store.remove(job_id)
    jobs.runner.wake()
    return Response(status_code=204)


@router.get(
    "/jobs/{job_id}/events",
    response_class=Response,
    summary="How a job gets on, as it happens",
    responses={
        200: {
            "description": "Server-Sent Events: `progress`, each with all that `GET /jobs` tells "
            "of the job, then one `end`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "The job has ended, and the client knows."},
        **documented(404, 422),
    },
)
async def events(request: Request, job_id: JobId, last_event_id: LastEvent = "") -> Response:
    """Tell how far a job is now and whenever that changes, until it has ended."""
    jobs = _Jobs(request)
    job = await anyio.to_thread.run_sync(jobs.store.get, job_id)
    if job.has_ended and last_event_id == str(job.version):
        return Response(status_code=204)  # a browser does not come again
    state, most = request.app.state, jobs.settings.job_streams
    if state.job_streams >= most:
        raise Overloaded(
            f"As many clients watch jobs as may, {most}; ask for the job itself.",
            retry_after=5,
        )
    return StreamingResponse(
        _events(request, jobs, job),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(request: Request, jobs: _Jobs, job: Job) -> AsyncIterator[bytes]:
    state = request.app.state
    state.job_streams += 1
    try:
        while True:
            yield _event(jobs.told(job), job)
            if job.has_ended:
                return
            known, silent = job, 0.0
            while job.version == known.version and silent < SILENCE_SECONDS:
                await asyncio.sleep(LOOK_SECONDS)
                silent += LOOK_SECONDS
                if jobs.lifecycle.draining or await request.is_disconnected():
                    return
                job = await anyio.to_thread.run_sync(jobs.store.get, job.id)
    except NotFound:
        yield b"event: gone\ndata: {}\n\n"
    finally:
        state.job_streams -= 1


def _event(told: JobAnswer, job: Job) -> bytes:
    name = "end" if job.has_ended else "progress"
    return f"id: {job.version}\nevent: {name}\ndata: {told.model_dump_json()}\n\n".encode()


@router.get(
    "/jobs/{job_id}/results",
    response_class=Response,
    summary="The results of a job that has ended, as a zip",
    responses={
        200: {
            "description": "`manifest.json` and the files of each picture.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **documented(404, 409, 422),
    },
)
def results(request: Request, job_id: JobId) -> Response:
    """Send the files of every picture that was done, with a manifest that tells of all."""
    jobs = _Jobs(request)
    job = jobs.store.get(job_id)
    if not job.has_ended:
        raise InUse(
            f"The job has not ended: {job.done + job.failed} of {job.total} pictures are done. "
            "Cancel it to have what there is."
        )
    told: dict[str, Any] = {"job": jobs.details(job).model_dump(mode="json")}
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", job.name).strip("-.") or f"job-{job.id[:8]}"
    return StreamingResponse(
        _archive(jobs.store, job, told),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _archive(store: JobStore, job: Job, told: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield from archive(store, job, told)
    except NotFound as error:
        raise BrokenOff(error.message) from error
