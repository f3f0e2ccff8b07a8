"""A computation as plain values: what comes in, through which layers, and what goes back."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.engine.layers import Layer
from app.engine.losses import Loss

Array = NDArray[Any]
Color = Literal["rgb", "gray"]
Range = Literal["unit", "signed", "byte"]
WireType = Literal["float32", "float64", "uint8", "uint16"]


@dataclass(frozen=True, kw_only=True)
class PictureInput:
    """A stored picture or a built-in sample, by name; exactly one of the two.

    Attributes:
        image: Id of a stored picture.
        sample: Name of a sample.
        color: Channels of the input.
        range: Values that black and white stand for: 0..1, −1..1 or 0..255.
        max_side: Longest side in pixels; a larger picture is scaled down.
    """

    image: str | None = None
    sample: str | None = None
    color: Color = "rgb"
    range: Range = "unit"
    max_side: int | None = None


@dataclass(frozen=True, eq=False)
class ArrayInput:
    """Numbers that came with the request, of 1 to 4 dimensions."""

    values: Array


@dataclass(frozen=True)
class ShapeInput:
    """A shape alone; nothing can be computed on it."""

    shape: tuple[int, ...]


Input = PictureInput | ArrayInput | ShapeInput


@dataclass(frozen=True)
class PictureLoss:
    """Mean squared error against a picture, which is read only when the loss is computed."""

    target: PictureInput


LossSpec = Loss | PictureLoss


@dataclass(frozen=True, eq=False)
class Spec:
    """One computation.

    Attributes:
        input: What the first layer reads.
        layers: The layers in order.
        dtype: float32 or float64.
    """

    input: Input
    layers: tuple[Layer, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, kw_only=True)
class Returning:
    """Which arrays go back, and in which form.

    Attributes:
        layers: `"last"`, `"all"` or indices; negative ones count from the end.
        channels: Indices of channels; None stands for all.
        values: Whether arrays go back at all, or the envelope alone.
        max_side: Longest side of a returned map; larger ones are reduced by area mean.
        dtype: Number format of the arrays; None stands for the computation's.
        gradients: Names of the gradients wanted.
    """

    layers: Literal["last", "all"] | tuple[int, ...] = "last"
    channels: tuple[int, ...] | None = None
    values: bool = True
    max_side: int | None = None
    dtype: WireType | None = None
    gradients: tuple[str, ...] = ("input",)

    def has_layer(self, index: int, count: int) -> bool:
        """Return whether the values of layer `index` of `count` go back."""
        if self.layers in ("last", "all"):
            return self.layers == "all" or index == count - 1
        return index in self.layers or index - count in self.layers
