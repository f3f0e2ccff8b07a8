"""A loss and its gradients, with the statistics that are told of them."""

from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from app.engine.network import Backward
from app.service.statistics import ChannelStats, channel_stats

Array = NDArray[Any]


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
