"""Several processes that serve at one address, and the one that keeps them going.

They share the socket and the store, nothing else: one that crashes is replaced while the others
answer. Each is a server as it would be alone, with its part of the compute slots.
"""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import signal
import socket
import time
from multiprocessing import connection
from multiprocessing.context import SpawnProcess

from app.settings import Settings
from app.web.serving import serve, write_logs

log = logging.getLogger("convscope")

BACKLOG = 2048
# A worker that dies as soon as it starts is not started again in a tight loop.
PAUSE_SECONDS = 1.0

_context = multiprocessing.get_context("spawn")


def supervise(settings: Settings) -> None:
    """Serve with as many processes as `settings.workers` says, until a signal; then drain.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = (settings.host, settings.port)
    with socket.create_server(address, family=family, backlog=BACKLOG) as listening:
        write_logs(settings.log_format)
        Supervisor(settings, listening).run()


class Supervisor:
    """Starts workers, replaces those that end, and ends them all when it is told to.

    Args:
        settings: of all of them together.
        listening: the socket that they take connections from.
    """

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        slots = max(1, settings.compute_slots // settings.workers)
        self._settings = dataclasses.replace(settings, compute_slots=slots)
        self._listening = listening
        self._stopping = False
        self._workers: list[SpawnProcess] = []

    def run(self) -> None:
        """Return once a signal has come and every worker has drained."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop())
        for _ in range(self._settings.workers):
            self._start()
        while self._workers:
            connection.wait([worker.sentinel for worker in self._workers], timeout=PAUSE_SECONDS)
            for worker in [worker for worker in self._workers if not worker.is_alive()]:
                self._workers.remove(worker)
                if not self._stopping:
                    log.warning("worker %d ended with %s", worker.pid, worker.exitcode)
                    time.sleep(PAUSE_SECONDS)
                    self._start()

    def _start(self) -> None:
        worker = _context.Process(target=_work, args=(self._settings, self._listening, os.getpid()))
        worker.start()
        self._workers.append(worker)
        if self._stopping:  # the signal came while it was started
            worker.terminate()

    def _stop(self) -> None:
        self._stopping = True
        for worker in self._workers:
            worker.terminate()


def _work(settings: Settings, listening: socket.socket, supervisor: int) -> None:
    """Serve as one of several: a process of its own."""
    # Ctrl-C reaches every process of a terminal's group; here the supervisor alone passes it on,
    # once, because a second signal ends a server at once.
    os.setpgid(0, 0)
    from app.main import create_app

    serve(create_app(settings), settings, listening, lambda: os.getppid() == supervisor)
