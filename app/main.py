"""The application: wiring only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import anyio
from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from app.imaging import PictureLimits
from app.service.compute import Compute
from app.service.decoding import Decoding
from app.service.pictures import Pictures
from app.service.slots import Slots
from app.service.store import ImageStore
from app.settings import Settings, usable_cores
from app.web import catalogue, health, images, network, oneshot, openapi, pages, problems
from app.web.body_limit import BodyLimit
from app.web.gate import Gate, is_loopback
from app.web.lifecycle import Lifecycle, LifecycleMiddleware
from app.web.metrics import Metrics
from app.web.queries import refuse_unknown_queries

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
    for router in (network.router, oneshot.router, images.router, catalogue.router):
        app.include_router(router, prefix=API, dependencies=[Depends(refuse_unknown_queries)])
    for router in (health.router, pages.router):
        app.include_router(router)
    static = pages.StaticAssets(directory=pages.STATIC_DIRECTORY)
    app.mount("/static", GZipMiddleware(static, compresslevel=6), name="static")
    return app


def _add_services(app: FastAPI, settings: Settings) -> None:
    store = ImageStore(settings.store_dir, quota=settings.store_bytes, days=settings.store_days)
    limits = PictureLimits(pixels=settings.picture_pixels, side=settings.picture_side)
    app.state.settings = settings
    app.state.lifecycle = Lifecycle()
    app.state.decoding = Decoding(
        usable_cores(), limits, settings.working_bytes, settings.deadline_seconds
    )
    app.state.pictures = Pictures(store, app.state.decoding.read, settings.decoded_bytes)
    app.state.compute = Compute(settings, app.state.pictures)
    app.state.slots = Slots(
        settings.compute_slots, settings.queue_length, settings.deadline_seconds
    )
    app.state.metrics = Metrics(app.state.slots, store)
    app.state.decoding_limiter = anyio.CapacityLimiter(usable_cores())


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    # The last one added is the first to see a request.
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
    expiry = asyncio.create_task(_expire_for_ever(app.state.pictures.store))
    first_decoder = asyncio.create_task(anyio.to_thread.run_sync(app.state.decoding.start))
    yield
    expiry.cancel()
    await first_decoder
    app.state.decoding.close()
    app.state.slots.close()


async def _expire_for_ever(store: ImageStore) -> None:
    while True:
        await asyncio.sleep(EXPIRY_SECONDS)
        await anyio.to_thread.run_sync(store.expire)
