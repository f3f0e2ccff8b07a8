"""Health: is the process alive, may it get work."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> dict[str, str]:
    """Answer at once, whatever the compute slots do."""
    return {"status": "alive"}


@router.get("/readyz", summary="May the process get work?")
async def readyz() -> dict[str, str]:
    """Answer 200 while new work is welcome."""
    return {"status": "ready"}
