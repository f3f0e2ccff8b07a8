"""Health: is the process alive, may it get work, what has it done."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from app.service.slots import Slots
from app.service.store import ImageStore
from app.web.lifecycle import BUCKETS, Lifecycle
from app.web.problems import Problem, documented

router = APIRouter(tags=["health"])

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Is the process alive?")
async def livez() -> dict[str, str]:
    """Answer at once, whatever the compute slots do."""
    return {"status": "alive"}


@router.head("/readyz", include_in_schema=False)
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
    """Report what runs, what was answered and how full the store is."""
    state = request.app.state
    lines = [*_requests(state.lifecycle), *_slots(state.slots), *_store(state.pictures.store)]
    return Response("\n".join(lines) + "\n", media_type=METRICS_TYPE)


def _metric(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP convscope_{name} {meaning}"
    yield f"# TYPE convscope_{name} {kind}"


def _requests(lifecycle: Lifecycle) -> Iterator[str]:
    yield from _metric("requests_running", "gauge", "Requests being answered.")
    yield f"convscope_requests_running {lifecycle.running}"
    yield from _metric("requests_total", "counter", "Answers by method and status.")
    for (method, status), count in sorted(lifecycle.answered.items()):
        yield f'convscope_requests_total{{method="{method}",status="{status}"}} {count}'
    yield from _metric("request_seconds", "histogram", "Time from request to end of answer.")
    total = 0
    for bound, count in zip((*BUCKETS, "+Inf"), lifecycle.durations, strict=True):
        total += count
        yield f'convscope_request_seconds_bucket{{le="{bound}"}} {total}'
    yield f"convscope_request_seconds_sum {lifecycle.seconds:.6f}"
    yield f"convscope_request_seconds_count {total}"


def _slots(slots: Slots) -> Iterator[str]:
    yield from _metric("slots", "gauge", "Computations that can run at the same time.")
    yield f"convscope_slots {slots.count}"
    yield from _metric("computations", "gauge", "Computations that run or wait.")
    yield f"convscope_computations {slots.taken}"


def _store(store: ImageStore) -> Iterator[str]:
    count, size = store.usage()
    yield from _metric("store_images", "gauge", "Pictures kept.")
    yield f"convscope_store_images {count}"
    yield from _metric("store_bytes", "gauge", "Bytes of the pictures kept.")
    yield f"convscope_store_bytes {size}"
