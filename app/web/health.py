"""Health: is the process alive, may it get work, what has it done."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from app.web.lifecycle import Lifecycle
from app.web.metrics import Metrics
from app.web.problems import Problem, documented

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> dict[str, str]:
    """Answer at once, whatever the compute slots do."""
    return {"status": "alive"}


@router.get("/readyz", summary="May the process get work?", responses=documented())
async def readyz(request: Request) -> dict[str, str]:
    """Answer 200 while new work is welcome, 503 from the moment the process is told to stop."""
    lifecycle: Lifecycle = request.app.state.lifecycle
    if lifecycle.draining:
        raise Problem(
            503, "The server is stopping and takes no new work.", headers={"Retry-After": "5"}
        )
    return {"status": "ready"}


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    summary="Counters in Prometheus' text format",
)
def metrics(request: Request) -> Response:
    """Report what runs, what was answered and refused, and how full queue and store are."""
    counted: Metrics = request.app.state.metrics
    return Response(counted.text(), media_type=CONTENT_TYPE_LATEST)
