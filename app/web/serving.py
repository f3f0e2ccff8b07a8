"""The process that serves: patient while it stops, impatient with slow clients."""

from __future__ import annotations

import logging
import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pythonjsonlogger.json import JsonFormatter

from app.settings import Settings
from app.web.connection import guarded
from app.web.lifecycle import Lifecycle
from app.web.metrics import Metrics

# What is left for answers on their way once the drain is over.
LAST_SECONDS = 1
# How long a thread that computes in Python keeps the interpreter when the event loop asks for it:
# at Python's own 5 ms, twice at every read and write of a socket, a refusal took 2.5 to 5.4 ms
# beside one computation; at this it takes 1.6.
SWITCH_SECONDS = 0.0005


class DrainingServer(uvicorn.Server):
    """A server that, told to stop, says so in /readyz and finishes what runs before it goes.

    uvicorn closes its listening socket at the first signal, so that a balancer only learns of it
    by failing, and ends killed by that very signal instead of with exit status 0.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        lifecycle: Lifecycle,
        metrics: Metrics,
        drain_seconds: float,
        wanted: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(config)
        self._wanted = wanted
        self._lifecycle = lifecycle
        self._metrics = metrics
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
        if self._wanted is not None and not self._lifecycle.draining and not self._wanted():
            self.handle_exit(signal.SIGTERM, None)
        if self._lifecycle.draining and (
            self._metrics.running == 0 or time.monotonic() > self._drained_by
        ):
            self.should_exit = True
        return await super().on_tick(counter)


def write_logs(log_format: str) -> None:
    """Write every log of the process to the standard error, one line for each event.

    Args:
        log_format: "text" for people, "json" for machines: the members of each event by name.
    """
    handler = logging.StreamHandler()
    plain = "%(asctime)s %(levelname)s %(name)s %(message)s"
    as_json = JsonFormatter(plain, rename_fields={"asctime": "time", "levelname": "level"})
    handler.setFormatter(as_json if log_format == "json" else logging.Formatter(plain))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def serve(
    app: FastAPI,
    settings: Settings,
    listening: socket.socket | None = None,
    wanted: Callable[[], bool] | None = None,
) -> None:
    """Serve `app` until a signal, then drain.

    Args:
        app: the application.
        settings: its settings.
        listening: a socket that others take connections from as well; by default one of its own.
        wanted: tells whether there is still somebody to serve for; else it drains as well.
    """
    write_logs(settings.log_format)
    sys.setswitchinterval(SWITCH_SECONDS)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        host=settings.host,
        port=settings.port,
        http=guarded(settings),
        ws="none",
        timeout_keep_alive=math.ceil(settings.idle_seconds),
        timeout_graceful_shutdown=LAST_SECONDS,
        server_header=False,
        proxy_headers=False,
    )
    state = app.state
    server = DrainingServer(config, state.lifecycle, state.metrics, settings.drain_seconds, wanted)
    server.run(None if listening is None else [listening])
