"""Stopping long computations from outside: a scope's callback is asked between tiles and layers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Callback = Callable[[], None]

_callback: ContextVar[Callback | None] = ContextVar("interrupt_callback", default=None)


def current() -> Callback | None:
    """Return the callback in force, for handing it to another thread."""
    return _callback.get()


def check() -> None:
    """Give the scope's callback the chance to stop the computation by raising."""
    callback = _callback.get()
    if callback is not None:
        callback()


@contextmanager
def scope(callback: Callback | None) -> Iterator[None]:
    """Ask `callback` at every `check()` inside the block; an outer scope stays in force.

    Args:
        callback: Raises to stop the computation; any exception passes through the engine
            unchanged. It may be called from several threads. None changes nothing.
    """
    outer = _callback.get()
    if callback is None:
        yield
        return

    def both() -> None:
        if outer is not None:
            outer()
        callback()

    token = _callback.set(both)
    try:
        yield
    finally:
        _callback.reset(token)
