"""Work with pictures beside the event loop, as bounded as the computations in their slots."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import anyio.to_thread

from app.service.errors import QueueFull

T = TypeVar("T")


class Offloading:
    """Runs what decodes or encodes in threads.

    Args:
        count: at the same time.
        queue_length: how much may wait.
        queue_seconds: how long one may wait.
    """

    def __init__(self, count: int, queue_length: int, queue_seconds: float) -> None:
        # Threads of its own; but the wait for one cannot be given up without its work.
        self._limiter = anyio.CapacityLimiter(count)
        self._turns = asyncio.Semaphore(count)
        self._queue_seconds = queue_seconds
        self._most = count + queue_length
        self._taken = 0

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return what `work` returns.

        Raises:
            QueueFull: as much waits as may, or those before it take too long.
        """
        if self._taken >= self._most:
            raise QueueFull(
                f"There are {self._taken} pictures worked on or waiting, which is the limit."
            )
        self._taken += 1
        try:
            await self._take_turn()
            try:
                return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
            finally:
                self._turns.release()
        finally:
            self._taken -= 1

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise QueueFull(
                f"The picture has waited {self._queue_seconds:g} s for others to be worked on, "
                "which is the limit.",
                retry_after=max(1, round(self._queue_seconds)),
            ) from None
