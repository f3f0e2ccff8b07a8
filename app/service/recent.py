"""What was used last, kept in memory within a budget of bytes."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows the memory it takes, as an array does."""

    @property
    def nbytes(self) -> int:
        """Return the bytes."""


Value = TypeVar("Value", bound=Sized)


class Recent(Generic[Value]):
    """Values by key; those used longest ago make room for new ones. Any thread may use it.

    Args:
        budget: most bytes kept; 0 keeps nothing.
        most: most values kept.
    """

    def __init__(self, budget: int, most: int = sys.maxsize) -> None:
        self._budget = budget
        self._most = most
        self._held: OrderedDict[Hashable, Value] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """Return what is kept under `key`, or None."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        """Keep `value`, unless it alone is over the budget."""
        if value.nbytes > self._budget:
            return
        with self._lock:
            self._forget(key)
            self._held[key] = value
            self._nbytes += value.nbytes
            while self._nbytes > self._budget or len(self._held) > self._most:
                self._forget(next(iter(self._held)))

    def drop(self, which: Callable[[Hashable], bool]) -> None:
        """Forget the values of the keys that `which` holds for."""
        with self._lock:
            for key in list(filter(which, self._held)):
                self._forget(key)

    def _forget(self, key: Hashable) -> None:
        if (value := self._held.pop(key, None)) is not None:
            self._nbytes -= value.nbytes
