"""Computed layers kept in memory: editing layer k computes from k on, gradients reuse the tape.

A layer's result depends on the input and on all layers up to it and on nothing else, so results
are kept under a digest of exactly that. Networks that begin alike share what they have in common.
"""

import dataclasses
import hashlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from app.engine.layers import Layer
from app.engine.network import Step
from app.service.statistics import ChannelStats, channel_stats

Key = bytes

MOST_SIBLINGS = 4


class ComputedLayer:
    """One layer's step of a tape, with the statistics of its output once somebody asks."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.before: Key = b""

    @cached_property
    def stats(self) -> list[ChannelStats]:
        """Return the statistics of each channel of the output."""
        return channel_stats(self.step.output)

    @cached_property
    def nbytes(self) -> int:
        """Return the memory that the step alone holds."""
        parts = (self.step.output, self.step.context, dict(self.step.parameters))
        return sum(_nbytes(part) for part in parts)


def _nbytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_nbytes, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(_nbytes, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return sum(_nbytes(getattr(value, field.name)) for field in dataclasses.fields(value))
    return 0


def input_key(*parts: object) -> Key:
    """Return the digest of an input from what identifies it: names, numbers, arrays."""
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, parts)
    return digest.digest()


def chain_keys(start: Key, layers: Sequence[Layer]) -> list[Key]:
    """Return the input's digest, then one a layer: of the input and of all layers up to it."""
    keys = [start]
    for layer in layers:
        digest = hashlib.blake2b(keys[-1], digest_size=16)
        _feed(digest, layer)
        keys.append(digest.digest())
    return keys


def _feed(digest: Any, value: object) -> None:
    """Feed a value to the digest so that different values never feed alike."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        digest.update(type(value).__name__.encode())
        for field in dataclasses.fields(value):
            if field.name != "name":  # a name changes no number
                digest.update(b"\0" + field.name.encode() + b"\0")
                _feed(digest, getattr(value, field.name))
    elif isinstance(value, tuple | list):
        digest.update(f"({len(value)}".encode())
        for entry in value:
            _feed(digest, entry)
    else:
        digest.update(f"{type(value).__name__}:{value!r};".encode())


class PrefixCache:
    """Keeps the layers used last, up to a number of bytes.

    Of the layers that continue one and the same beginning, only the few latest are kept: a hand
    that drags a number leaves hundreds behind, and memory that is used again at once is warm.

    Args:
        limit_bytes: Memory of all layers together; 0 keeps nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.nbytes = 0
        self._lock = threading.Lock()
        self._layers: OrderedDict[Key, ComputedLayer] = OrderedDict()
        self._next: dict[Key, list[Key]] = {}

    def longest(self, keys: Sequence[Key]) -> list[ComputedLayer]:
        """Return what is known of the first layers, up to the first that is not.

        Args:
            keys: The input's key and one a layer, as `chain_keys` makes them.
        """
        with self._lock:
            found = []
            for key in keys[1:]:
                layer = self._layers.get(key)
                if layer is None:
                    break
                found.append(layer)
            # The first layers serve the most networks, so they go last.
            for key in reversed(keys[1 : len(found) + 1]):
                self._layers.move_to_end(key)
            return found

    def keep(self, keys: Sequence[Key], layers: Sequence[ComputedLayer]) -> None:
        """Keep computed layers under their keys; the ones used longest ago make room."""
        with self._lock:
            links = list(zip(keys[:-1], keys[1:], layers, strict=True))
            # Past a layer that cannot be kept nothing would ever be found.
            fitting = itertools.takewhile(lambda link: link[2].nbytes <= self.limit_bytes, links)
            for before, key, layer in reversed(list(fitting)):
                if key not in self._layers:
                    self._add(before, key, layer)
            while self.nbytes > self.limit_bytes:
                self._drop(next(iter(self._layers)))

    def _add(self, before: Key, key: Key, layer: ComputedLayer) -> None:
        siblings = self._next.setdefault(before, [])
        if len(siblings) == MOST_SIBLINGS:
            self._drop(siblings[0])
            siblings = self._next.setdefault(before, [])
        siblings.append(key)
        layer.before = before
        self._layers[key] = layer
        self.nbytes += layer.nbytes

    def _drop(self, key: Key) -> None:
        """Forget a layer and all that continue it."""
        for following in list(self._next.get(key, ())):
            self._drop(following)
        layer = self._layers.pop(key)
        self.nbytes -= layer.nbytes
        siblings = self._next[layer.before]
        siblings.remove(key)
        if not siblings:
            del self._next[layer.before]
