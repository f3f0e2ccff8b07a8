"""The process that serves: patient while it stops, impatient with slow clients."""

from __future__ import annotations

import signal
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app.settings import Settings
from app.web.connection import guarded
from app.web.lifecycle import Lifecycle

# What is left for answers on their way once the drain is over.
LAST_SECONDS = 1


class DrainingServer(uvicorn.Server):
    """A server that, told to stop, says so in /readyz and finishes what runs before it goes.

    uvicorn closes its listening socket at the first signal, so that a balancer only learns of it
    by failing, and ends killed by that very signal instead of with exit status 0.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_seconds = drain_seconds
        self._drained_by = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second signal stops at once."""
        if self._lifecycle.draining:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
            return
        self._drained_by = time.monotonic() + self._drain_seconds
        self._lifecycle.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Stop once nothing runs any more, or the time for it is over."""
        if self._lifecycle.draining and (
            self._lifecycle.running == 0 or time.monotonic() > self._drained_by
        ):
            self.should_exit = True
        return await super().on_tick(counter)


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve `app` until a signal, then drain."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=guarded(settings),
        ws="none",
        timeout_keep_alive=round(settings.idle_seconds),
        timeout_graceful_shutdown=LAST_SECONDS,
        server_header=False,
        proxy_headers=False,
    )
    DrainingServer(config, app.state.lifecycle, settings.drain_seconds).run()
