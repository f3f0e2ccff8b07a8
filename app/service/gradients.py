"""Gradients kept in memory: what was asked for reduced is soon asked for exactly."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from app.engine.network import Backward
from app.service.prefix import Key
from app.service.statistics import ChannelStats, channel_stats

Array = NDArray[Any]

# A hand that drags a number leaves hundreds behind, and memory that is used again at once is warm.
MOST_KEPT = 8


class Gradients:
    """A loss and its gradients, with their statistics once somebody asks.

    Args:
        result: What the engine has found; its arrays are read-only from now on.
    """

    def __init__(self, result: Backward) -> None:
        self.loss = result.loss
        self.gradients: dict[str, Array] = result.gradients
        for gradient in self.gradients.values():
            gradient.flags.writeable = False

    @cached_property
    def stats(self) -> dict[str, list[ChannelStats]]:
        """Return the statistics of each channel of each gradient, by name."""
        return {name: channel_stats(gradient) for name, gradient in self.gradients.items()}

    @property
    def nbytes(self) -> int:
        """Return the memory of all gradients."""
        return sum(gradient.nbytes for gradient in self.gradients.values())


class GradientCache:
    """Keeps the few results used last, up to a number of bytes.

    Args:
        limit_bytes: Memory of all results together; 0 keeps nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._nbytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Gradients] = OrderedDict()

    def get_or(self, key: Key, differentiate: Callable[[], Gradients]) -> Gradients:
        """Return what is kept under `key`, else what `differentiate` returns, kept from then on."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = differentiate()
        self._keep(key, found)
        return found

    def _keep(self, key: Key, result: Gradients) -> None:
        """Keep a result; the ones used longest ago make room."""
        if result.nbytes > self._limit_bytes:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = result
            self._nbytes += result.nbytes
            while self._nbytes > self._limit_bytes or len(self._kept) > MOST_KEPT:
                _, dropped = self._kept.popitem(last=False)
                self._nbytes -= dropped.nbytes
