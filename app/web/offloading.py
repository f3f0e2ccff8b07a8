"""Work with pictures beside the event loop, as bounded as the computations in their slots."""

from __future__ import annotations

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
    """

    def __init__(self, count: int, queue_length: int) -> None:
        self._limiter = anyio.CapacityLimiter(count)
        self._most = count + queue_length
        self._taken = 0

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return what `work` returns.

        Raises:
            QueueFull: as much waits as may.
        """
        if self._taken >= self._most:
            raise QueueFull(
                f"There are {self._taken} pictures worked on or waiting, which is the limit."
            )
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self._taken -= 1
