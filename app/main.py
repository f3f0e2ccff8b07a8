"""The application: wiring only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from functools import partial

import anyio
from fastapi import Depends, FastAPI

from app.imaging import PictureLimits
from app.service.budget import picture_limits
from app.service.cluster import ClusterOnDemand
from app.service.compute import Compute
from app.service.decoding import Decoding
from app.service.errors import StoreFull
from app.service.jobs.admission import content_of
from app.service.jobs.claims import Claims
from app.service.jobs.runner import JobRunner
from app.service.jobs.store import JobStore
from app.service.pictures import Pictures
from app.service.slots import Slots
from app.service.store import ImageStore
from app.settings import Settings, usable_cores
from app.web import catalogue, health, images, jobs, network, oneshot, openapi, pages, problems
from app.web.admission import Admission
from app.web.body_limit import BodyLimit
from app.web.gate import Gate, is_loopback
from app.web.head import Head
from app.web.job_work import work_of
from app.web.lifecycle import Lifecycle, LifecycleMiddleware
from app.web.metrics import Metrics
from app.web.offloading import Offloading
from app.web.queries import refuse_unknown_queries

log = logging.getLogger("convscope")

API = "/api/v1"
EXPIRY_SECONDS = 600.0


def create_app(settings: Settings | None = None) -> FastAPI:
    """Wire the rooms together.

    Args:
        settings: the limits and paths in force; read from the environment when absent.
    """
    settings = Settings.from_environment() if settings is None else settings
    app = FastAPI(
        title="Convscope",
        version="1",
        summary="See what a convolution does and where its gradients come from.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    _add_services(app, settings)
    _add_middleware(app, settings)
    problems.install(app)
    openapi.install(app)
    for router in (
        network.router,
        oneshot.router,
        images.router,
        jobs.router,
        catalogue.router,
    ):
        app.include_router(router, prefix=API, dependencies=[Depends(refuse_unknown_queries)])
    for router in (health.router, pages.router):
        app.include_router(router)
    app.mount("/static", pages.assets, name="static")
    return app


def _add_services(app: FastAPI, settings: Settings) -> None:
    store = ImageStore(settings.store_dir, quota=settings.store_bytes, days=settings.store_days)
    limits = picture_limits(settings)
    app.state.settings = settings
    app.state.lifecycle = Lifecycle()
    app.state.decoding = Decoding(
        usable_cores(), limits, settings.working_bytes, settings.deadline_seconds
    )
    app.state.pictures = Pictures(store, app.state.decoding.read, settings.decoded_bytes)
    app.state.compute = Compute(settings, app.state.pictures)
    patience = (settings.queue_length, settings.deadline_seconds, settings.queue_seconds)
    app.state.slots = Slots(settings.compute_slots, *patience)
    # What is asked is read one by one: that holds the interpreter, two at once would be no faster.
    app.state.reading = Slots(1, *patience)
    _add_jobs(app, settings, store, limits)
    app.state.metrics = Metrics(app.state.slots, store, app.state.jobs)
    app.state.offloading = Offloading(usable_cores(), settings.queue_length, settings.queue_seconds)


def _add_jobs(app: FastAPI, settings: Settings, store: ImageStore, limits: PictureLimits) -> None:
    app.state.jobs = JobStore(
        store,
        settings.store_dir,
        most=settings.jobs,
        quota=settings.results_bytes,
        days=settings.results_days,
    )
    # Decoders of their own: pictures of a job never keep an upload waiting.
    app.state.job_decoding = Decoding(
        settings.job_slots, limits, settings.working_bytes, settings.deadline_seconds
    )
    app.state.cluster = ClusterOnDemand(settings.dask) if settings.dask else None
    app.state.job_runner = JobRunner(
        Claims(store, settings.store_dir, lease_seconds=settings.job_lease_seconds),
        app.state.slots,
        content=partial(content_of, app.state.pictures),
        decode=app.state.job_decoding.read,
        work_of=work_of(app.state.jobs, settings),
        count=settings.job_slots,
        item_seconds=settings.job_item_seconds,
        elsewhere=app.state.cluster,
    )
    app.state.job_streams = 0


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    # The last one added is the first to see a request.
    app.add_middleware(Head)
    app.add_middleware(Admission, slots=app.state.slots)
    app.add_middleware(
        BodyLimit,
        upload_bytes=settings.upload_bytes,
        json_bytes=settings.json_bytes,
        bodies_bytes=settings.bodies_bytes,
    )
    app.add_middleware(
        Gate,
        hosts=settings.allowed_hosts,
        any_address=not is_loopback(settings.host),
        token=settings.token,
    )
    app.add_middleware(
        LifecycleMiddleware, lifecycle=app.state.lifecycle, metrics=app.state.metrics
    )


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    expiry = asyncio.create_task(_expire_for_ever(app.state.pictures.store, app.state.jobs))
    first_decoder = asyncio.create_task(anyio.to_thread.run_sync(app.state.decoding.start))
    app.state.job_runner.start()
    yield
    expiry.cancel()
    await anyio.to_thread.run_sync(app.state.job_runner.stop)
    if app.state.cluster is not None:
        await anyio.to_thread.run_sync(app.state.cluster.close)
    app.state.job_decoding.close()
    await first_decoder
    app.state.decoding.close()
    app.state.reading.close()
    app.state.slots.close()


async def _expire_for_ever(store: ImageStore, jobs: JobStore) -> None:
    while True:
        await asyncio.sleep(EXPIRY_SECONDS)
        for expire in (store.expire, jobs.expire):
            try:
                await anyio.to_thread.run_sync(expire)
            except (StoreFull, sqlite3.OperationalError) as error:
                log.warning("nothing has expired: %s", error)
