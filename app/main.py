"""The application: wiring only."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from app.settings import Settings, asset_directory
from app.web import health, pages, problems

API = "/api/v1"


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
    )
    app.state.settings = settings
    problems.install(app)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=asset_directory("static")), name="static")
    return app
