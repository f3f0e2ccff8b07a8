"""An ONNX node, and what it becomes in the words of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.conformance.case import Array, Spec


class NotApplicable(Exception):
    """The API has nothing that this node could be translated to; the message says what."""


@dataclass(frozen=True)
class Node:
    """One ONNX node with everything it is given.

    Attributes:
        op: Operator.
        attributes: Attributes that are set; text as str.
        inputs: Arrays, in the operator's order.
        opset: Version of the operator set.
    """

    op: str
    attributes: Mapping[str, Any]
    inputs: Sequence[Array]
    opset: int

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    @property
    def x(self) -> Array:
        """The data input, in floats."""
        return self.inputs[0].astype(np.float32)

    def optional(self, index: int) -> Array | None:
        """Return an input that may be left out."""
        return self.inputs[index] if index < len(self.inputs) else None


@dataclass(frozen=True)
class Translation:
    """A network that should compute the node's first output.

    Attributes:
        layers: Layer specs.
        x: The network's input.
        loss: Loss spec, where the node is a loss.
    """

    layers: list[Spec]
    x: Array
    loss: Spec | None = None


def spatial_axes(array: Array) -> int:
    """Return how many axes follow batch and channels.

    Raises:
        NotApplicable: Neither one nor two.
    """
    axes = array.ndim - 2
    if axes not in (1, 2):
        raise NotApplicable(f"{axes} spatial axes")
    return axes
