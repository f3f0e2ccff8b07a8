"""Two workers of the engine's own, each pinned to a processor, that share one computation's tiles.

Unpinned pools gave nothing in bursty use; a hand-off costs about 0.1 ms, so small work stays with
the caller. The matrix products the workers run are kept too small for BLAS to thread them again.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from app.engine import interrupt

Task = Callable[[int, int], None]

WORKERS = 2

_lock = threading.Lock()
_executors: dict[int, ThreadPoolExecutor] = {}
_here = threading.local()
_limit = WORKERS


def limit(workers: int) -> None:
    """Let at most this many workers share a computation; 1 keeps all work with the caller."""
    global _limit  # noqa: PLW0603 - one setting of the process, like that of BLAS
    _limit = max(1, min(workers, WORKERS))


def share(task: Task, count: int) -> None:
    """Run `task(first, end)` over 0..count, in parts at once where processors allow it.

    Returns when every part has ended, the first part's exception first. Parts ask the caller's
    interrupt scope. A caller that may use one processor alone, or is a worker itself, gets no help.
    """
    processors = _processors()
    parts = min(_limit, len(processors), count)
    if parts < 2 or getattr(_here, "is_worker", False):
        task(0, count)
        return
    bounds = [count * part // parts for part in range(parts + 1)]
    callback = interrupt.current()
    futures = [
        _executor(processor).submit(_run, task, first, end, callback)
        for processor, first, end in zip(processors, bounds, bounds[1:], strict=False)
    ]
    _join(futures)


def _join(futures: list[Future[None]]) -> None:
    # All parts write into the caller's output: none may still run when one has failed.
    errors = [error for error in [future.exception() for future in futures] if error is not None]
    if errors:
        raise errors[0]


def _run(task: Task, first: int, end: int, callback: interrupt.Callback | None) -> None:
    with interrupt.scope(callback), np.errstate(all="ignore"):
        task(first, end)


def _processors() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _start(processor: int) -> None:
    _here.is_worker = True
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})


def _executor(processor: int) -> ThreadPoolExecutor:
    with _lock:
        if processor not in _executors:
            _executors[processor] = ThreadPoolExecutor(
                1, f"engine-{processor}", initializer=_start, initargs=(processor,)
            )
        return _executors[processor]


def _forget() -> None:
    """Drop the workers: a forked child has none of its parent's threads."""
    global _lock  # noqa: PLW0603 - the parent may have held it
    _lock = threading.Lock()
    _executors.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch - wherever there is a fork
    os.register_at_fork(after_in_child=_forget)
