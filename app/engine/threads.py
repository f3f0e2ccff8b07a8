"""Helpers of the engine's own, each pinned to a processor, that take tiles off a caller's hands.

The caller computes too: it puts the tiles into a queue, wakes a helper on another processor, and
both draw tiles until none is left. A caller that hands everything over waits for two threads to
wake; one that begins at once has done its first tile by then (a hand-off costs 25 µs instead of
165), and whoever is held up by something else on the machine just draws fewer tiles: 10 to 20% off
calls of 1 to 10 ms on two processors. The matrix products are kept too small for BLAS to thread
them again.
"""

import contextlib
import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import numpy as np

from app.engine import interrupt

Task = Callable[[Iterator[int]], None]

WORKERS = 2

_lock = threading.Lock()
_helpers: dict[int, "SimpleQueue[_Job]"] = {}
_sharing = 0
_here = threading.local()
_limit = WORKERS


def limit(workers: int) -> None:
    """Let at most this many threads share a computation; 1 keeps all work with the caller."""
    global _limit  # noqa: PLW0603 - one setting of the process, like that of BLAS
    _limit = max(1, min(workers, WORKERS))


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let the calling thread do all its work itself, so that it takes no helper from others."""
    before = getattr(_here, "is_alone", False)
    _here.is_alone = True
    try:
        yield
    finally:
        _here.is_alone = before


def share(task: Task, count: int, worth: bool = True) -> None:
    """Run `task` so that its numbers, over all who run it, are 0..count, each of them once.

    Every number is preceded by a look at the caller's interrupt scope. Returns when all who run
    the task have ended; the caller's own exception comes before a helper's.

    Args:
        task: Is given an iterator of the numbers that fall to it; may run on two threads at once.
        count: How many numbers there are.
        worth: Whether the work outweighs a hand-off; if not, the caller does all of it.
    """
    if not worth or count < 2 or _limit < 2 or getattr(_here, "is_alone", False):
        task(_alone(count))
        return
    processors = _processors()
    try:
        # Callers that compute at the same time have no processor to spare for helpers.
        if _entered(1) < len(processors):
            job = _Job(task, count)
            _helper(_another(processors)).put(job)
            job.run_here()
        else:
            task(_alone(count))
    finally:
        _entered(-1)


def _alone(count: int) -> Iterator[int]:
    for number in range(count):
        interrupt.check()
        yield number


class _Job:
    """Numbers that two threads draw from, and what the helper has to tell."""

    def __init__(self, task: Task, count: int) -> None:
        self._task = task
        self._left = deque(range(count))
        # Whoever takes it first decides whether the helper takes part at all.
        self._start = threading.Lock()
        self._end = threading.Lock()
        self._callback = interrupt.current()
        self._error: BaseException | None = None

    def numbers(self) -> Iterator[int]:
        """Yield numbers that nobody else has drawn, asking for an interrupt before each."""
        while self._left:
            interrupt.check()
            try:
                number = self._left.popleft()
            except IndexError:  # the other thread was quicker
                return
            yield number

    def run_here(self) -> None:
        """Run as the caller: until nothing is left and the helper, if it has begun, has ended."""
        try:
            self._task(self.numbers())
        finally:
            # Both write into the caller's output: the helper may not still run when this returns.
            self._left.clear()
            if not self._start.acquire(blocking=False):
                with self._end:
                    pass
        if self._error is not None:
            # An exception that its own job still holds would keep the arrays of the call alive.
            error, self._error = self._error, None
            raise error

    def help(self) -> None:
        """Run as the helper, unless the caller has ended already."""
        with self._end:
            if not self._start.acquire(blocking=False):
                return
            try:
                with interrupt.scope(self._callback):
                    self._task(self.numbers())
            except BaseException as error:
                self._error = error
                self._left.clear()


def _entered(change: int) -> int:
    """Return how many callers share, this one included."""
    global _sharing  # noqa: PLW0603 - guarded by the lock
    with _lock:
        _sharing += change
        return _sharing


def _processors() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _another(processors: list[int]) -> int:
    """Return a processor that the calling thread does not run on."""
    here = _getcpu() if _getcpu else None
    return next(processor for processor in processors if processor != here)


# Which processor a thread runs on: the C library of Linux can say, Python cannot.
_getcpu = getattr(ctypes.CDLL(None), "sched_getcpu", None) if os.name == "posix" else None


def _helper(processor: int) -> "SimpleQueue[_Job]":
    with _lock:
        if processor not in _helpers:
            jobs: SimpleQueue[_Job] = SimpleQueue()
            _helpers[processor] = jobs
            threading.Thread(
                target=_work, args=(processor, jobs), name=f"engine-{processor}", daemon=True
            ).start()
        return _helpers[processor]


def _work(processor: int, jobs: "SimpleQueue[_Job]") -> None:
    _here.is_alone = True
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})
    with np.errstate(all="ignore"):
        while True:
            jobs.get().help()


def _forget() -> None:
    """Drop the helpers: a forked child has none of its parent's threads."""
    global _lock, _sharing  # noqa: PLW0603 - the parent may have held them
    _lock = threading.Lock()
    _sharing = 0
    _helpers.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch - wherever there is a fork
    os.register_at_fork(after_in_child=_forget)
