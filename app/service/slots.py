"""Compute slots: as many computations at a time as there are cores, a short queue, a deadline.

Requests take slots. Whatever else computes does so behind them: in the cores that they leave free,
and it pauses wherever it stands when one of them comes, and until no other follows it at once.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from app.engine import interrupt, threads
from app.service.errors import ClientGone, DeadlinePassed, QueueFull

T = TypeVar("T")

# Most jobs end within this time; only longer ones pay for watching the connection, and those that
# wait for a slot: many of a burst's clients have left before it is their turn.
PATIENCE_SECONDS = 0.05
# A request that has ended is often followed by the next one: what computes behind them waits so
# long for it, as an edit beside it takes several times as long. Where one follows the other for
# longer than a person drags a slider, it uses the time between them again.
REST_SECONDS = 0.15
LONGEST_RUSH_SECONDS = 15.0


class _Stopped(Exception):
    """Raised inside a job whose answer nobody waits for."""


class _Job:
    """One computation's licence to go on."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.started = False
        self.stopped = False

    def check(self) -> None:
        """Raise when the job has been stopped or its time is up."""
        if self.stopped or time.monotonic() > self.deadline:
            raise _Stopped


class _Turns:
    """A computation behind the requests: it computes, or waits until it may."""

    def __init__(self, slots: "Slots", check: Callable[[], None]) -> None:
        self._slots = slots
        self._check = check
        self._computes = False

    def take(self) -> None:
        """Wait for a core."""
        slots = self._slots
        with slots._lock:
            while slots._behind >= slots._left():
                self._check()
                slots._lock.wait(PATIENCE_SECONDS)
            slots._behind += 1
            self._computes = True

    def give_way(self) -> None:
        """Pause while requests want the core."""
        self._check()
        if self._slots._behind > self._slots._left():
            self.end()
            self.take()

    def end(self) -> None:
        """Leave the core to others."""
        slots = self._slots
        with slots._lock:
            slots._behind -= self._computes
            self._computes = False
            slots._lock.notify_all()


class Slots:
    """Runs computations on threads of its own.

    Args:
        count: Computations at the same time.
        queue_length: Computations that may wait for a slot.
        deadline_seconds: Time for one computation, waiting included.
        queue_seconds: Time that one may wait for a slot: an answer that comes much later than its
            question is worth less than being told at once to ask again.
    """

    def __init__(
        self,
        count: int,
        queue_length: int,
        deadline_seconds: float,
        queue_seconds: float = math.inf,
    ) -> None:
        self.count = count
        self.queue_length = queue_length
        self.deadline_seconds = deadline_seconds
        self.queue_seconds = queue_seconds
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="slot")
        self._lock = threading.Condition()
        self._taken = 0
        self._behind = 0
        self._rush_began = self._rest_ends = -math.inf

    @property
    def taken(self) -> int:
        """Return how many computations run or wait."""
        return self._taken

    def close(self) -> None:
        """Let running computations end and take no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def refuse_when_full(self) -> None:
        """Raise QueueFull when a computation would find no place now."""
        if self._taken >= self.count + self.queue_length:
            raise QueueFull(
                f"As many requests are worked on as may be, {self.count}, and as many wait, "
                f"{self.queue_length}.",
                retry_after=1,
            )

    @contextlib.contextmanager
    def behind(self, check: Callable[[], None]) -> Iterator[None]:
        """Compute in the calling thread whenever requests leave a core to it.

        Args:
            check: Called at every `interrupt.check()` and while waiting; raises to stop.
        """
        turns = _Turns(self, check)
        try:
            turns.take()
            with interrupt.scope(turns.give_way), threads.alone():
                yield
        finally:
            turns.end()

    def _left(self) -> int:
        """Return how many may compute behind the requests: each of these may take two cores."""
        rests = time.monotonic() < min(self._rest_ends, self._rush_began + LONGEST_RUSH_SECONDS)
        awaited = self._taken or int(rests)
        return max(self.count - threads.WORKERS * awaited, 0)

    async def run(
        self, compute: Callable[[], T], gone: Callable[[], Awaitable[Any]] | None = None
    ) -> T:
        """Return what `compute` returns, run in a slot.

        Args:
            compute: The computation; it is stopped at its next `interrupt.check()` when the
                deadline passes or the client leaves.
            gone: Returns when the client has left; watched only while the job waits or takes long.

        Raises:
            Overloaded: The queue is full or does not move, or the deadline has passed.
            ClientGone: The client left first.
        """
        job = _Job(time.monotonic() + self.deadline_seconds)
        future = self._submit(job, compute)
        answer = asyncio.wrap_future(future)
        answer.add_done_callback(_look_at_result)
        try:
            if self._taken <= self.count:
                await asyncio.wait({answer}, timeout=min(PATIENCE_SECONDS, self.deadline_seconds))
            if not answer.done():
                await self._outlast(answer, job, gone)
            return answer.result()
        except _Stopped:
            raise self._too_late() from None
        finally:
            job.stopped = True
            future.cancel()

    async def _outlast(
        self,
        answer: "asyncio.Future[Any]",
        job: _Job,
        gone: Callable[[], Awaitable[Any]] | None,
    ) -> None:
        """Wait for the answer, the deadline, or the client's leaving, whichever is first."""
        watched: set[asyncio.Future[Any]] = {answer}
        if gone is not None:
            watched.add(asyncio.ensure_future(gone()))
        started_by = job.deadline - self.deadline_seconds + self.queue_seconds
        try:
            for moment in sorted({min(started_by, job.deadline), job.deadline}):
                await asyncio.wait(
                    watched,
                    timeout=max(moment - time.monotonic(), 0),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if answer.done():
                    return
                if any(other.done() for other in watched):
                    raise ClientGone("The client has left.")
                if moment < job.deadline and not job.started:
                    raise self._stuck()
            raise self._too_late()
        finally:
            for other in watched - {answer}:
                other.cancel()

    def _submit(self, job: _Job, compute: Callable[[], T]) -> "Future[T]":
        with self._lock:
            self.refuse_when_full()
            if not self._taken and (now := time.monotonic()) > self._rest_ends:
                self._rush_began = now
            self._taken += 1

        def work() -> T:
            job.check()
            job.started = True
            with interrupt.scope(job.check):
                return compute()

        future = self._threads.submit(work)
        future.add_done_callback(self._release)
        return future

    def _release(self, _: "Future[Any]") -> None:
        with self._lock:
            self._taken -= 1
            self._rest_ends = time.monotonic() + REST_SECONDS
            self._lock.notify_all()

    def _stuck(self) -> QueueFull:
        return QueueFull(
            f"The computation has waited {self.queue_seconds:g} s for a slot, which is the limit.",
            retry_after=max(1, round(self.queue_seconds)),
        )

    def _too_late(self) -> DeadlinePassed:
        return DeadlinePassed(
            f"The computation was not done within {self.deadline_seconds:g} s, which is the "
            "limit; it was stopped.",
            retry_after=max(1, round(self.deadline_seconds / 4)),
        )


def _look_at_result(future: "asyncio.Future[Any]") -> None:
    """Retrieve the outcome, so that one nobody waits for is not logged as forgotten."""
    if not future.cancelled():
        future.exception()
