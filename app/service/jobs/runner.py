"""The threads that compute the pictures of jobs, behind all requests."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Protocol

from app.engine.errors import EngineError
from app.imaging import Picture, PictureError
from app.service.errors import Overloaded, ServiceError, StoreFull
from app.service.items import ItemWork, compute_item
from app.service.jobs.claims import Claims
from app.service.jobs.job import Claim
from app.service.slots import Slots

log = logging.getLogger("convscope.jobs")

# Jobs that other processes have taken on are found by looking; those of this one wake the threads.
POLL_SECONDS = 1.0
# After what will not be better at once: a full disk, a machine without memory.
REST_SECONDS = 5.0
UNFORESEEN = "The server failed in a way it did not foresee; its log tells more."


class _Stopped(Exception):
    """Raised inside the computation of a picture that is not wanted any more, or not here."""


class _Running:
    """One picture being computed."""

    def __init__(self, claim: Claim, seconds: float) -> None:
        self.claim = claim
        self.wanted = True
        self._until = time.thread_time() + seconds
        self._seconds = seconds

    def check(self) -> None:
        """Raise when the picture is not wanted any more, or its time without pauses is up."""
        if not self.wanted:
            raise _Stopped
        if time.thread_time() > self._until:
            raise _TooLong(
                f"The picture was not done within {self._seconds:g} s of a processor's time, which "
                "is the limit; it was stopped."
            )


class _TooLong(ServiceError):
    """A picture has used up its time."""


class Executor(Protocol):
    """Computes pictures, wherever it is."""

    def compute(
        self, content: bytes, work: ItemWork, check: Callable[[], None]
    ) -> dict[str, bytes]:
        """Return what `compute_item` does.

        Args:
            content: The picture's file.
            work: What is computed of it.
            check: Called every now and then; raises to stop.

        Raises:
            Overloaded: It cannot compute now.
            ServiceError: It cannot compute this picture.
        """


class JobRunner:
    """Computes the pictures of jobs as long as there are any.

    Args:
        claims: what is to be computed.
        slots: whose cores are used while no request wants them.
        content: returns a picture's file, or raises what speaks against it.
        decode: reads a picture.
        work_of: returns what is computed of each picture of a job.
        count: pictures at the same time.
        item_seconds: processor time of one picture.
        elsewhere: computes pictures in place of this process, whose cores it leaves alone.
    """

    def __init__(
        self,
        claims: Claims,
        slots: Slots,
        *,
        content: Callable[[Claim], bytes],
        decode: Callable[[bytes], Picture],
        work_of: Callable[[str], ItemWork],
        count: int,
        item_seconds: float,
        elsewhere: Executor | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self.trouble = ""
        self._claims = claims
        self._slots = slots
        self._content = content
        self._decode = decode
        self._work_of = work_of
        self._item_seconds = item_seconds
        self._owner = secrets.token_hex(8)
        self._running: dict[Claim, _Running] = {}
        self._stopping = False
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            for number in range(count)
        ]
        if count:
            self._threads.append(threading.Thread(target=self._renew, name="jobs", daemon=True))

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at once for what there is to do, and for what is not wanted any more."""
        with self._news:
            self._news.notify_all()

    def stop(self) -> None:
        """Stop where it is; what is begun is left for the next one to begin."""
        with self._news:
            self._stopping = True
            for one in self._running.values():
                one.wanted = False
            self._news.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _work(self) -> None:
        while not self._stopping:
            try:
                claim = self._claims.claim(self._owner)
                if claim is None:
                    self._rest(POLL_SECONDS)
                else:
                    self._run(claim)
                self.trouble = ""
            except (StoreFull, Overloaded, sqlite3.OperationalError, OSError) as error:
                log.warning("jobs rest for %g s: %s", REST_SECONDS, error)
                self.trouble = _sentence(error)
                self._rest(REST_SECONDS)

    def _run(self, claim: Claim) -> None:
        running = _Running(claim, self._item_seconds)
        with self._news:
            self._running[claim] = running
            running.wanted = not self._stopping
        try:
            files = self._computed(claim, running)
            self._claims.finish(claim, files)
        except _Stopped:
            self._claims.give_back([claim])
        except (StoreFull, Overloaded, OSError):
            with contextlib.suppress(sqlite3.OperationalError):
                self._claims.give_back([claim])
            raise
        except (EngineError, PictureError, ServiceError) as error:
            self._claims.fail(claim, error.message)
        except sqlite3.OperationalError:
            raise
        except Exception:  # one picture must not end the thread that computes all others
            log.exception("picture %d of job %s failed", claim.number, claim.job)
            self._claims.fail(claim, UNFORESEEN)
        finally:
            with self._news:
                del self._running[claim]

    def _computed(self, claim: Claim, running: _Running) -> dict[str, bytes]:
        work = self._work_of(claim.job)
        content = self._content(claim)
        if self._elsewhere is not None:
            return self._elsewhere.compute(content, work, running.check)
        with self._slots.behind(running.check):
            return compute_item(content, work, decode=self._decode)

    def _renew(self) -> None:
        """Renew the leases of what runs here; stop what is not this process's any more."""
        while not self._stopping:
            with self._news:
                running = list(self._running.values())
            with contextlib.suppress(sqlite3.OperationalError):
                held = self._claims.renew(self._owner, [one.claim for one in running])
                for one in running:
                    one.wanted = one.wanted and one.claim in held
            self._rest(self._claims.lease_seconds / 4)

    def _rest(self, seconds: float) -> None:
        with self._news:
            if not self._stopping:
                self._news.wait(seconds)


def _sentence(error: Exception) -> str:
    if isinstance(error, ServiceError):
        return error.message
    return "The server cannot write to its store now; the job goes on when it can."
