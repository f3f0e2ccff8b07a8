"""Pooling layers that take the whole map as their window."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.engine.errors import ShapeError
from app.engine.layers.base import Array, Inference, Layer, Result, Shape
from app.engine.layers.view import View


class GlobalPooling(Layer):
    """What the two poolings of the whole map share."""

    def infer(self, shape: Shape) -> Inference:
        if len(shape) < 3:
            raise ShapeError(
                f"{self.type} reads (N, C, H, W) or (N, C, L), but its input has shape {shape}.",
                (),
                "an input with spatial axes",
            )
        if 0 in shape[2:]:
            raise ShapeError(
                f"{self.type} needs at least one cell per map, but its input has shape {shape}.",
                (),
                "maps of at least one cell",
            )
        output = (*shape[:2], *(1 for _ in shape[2:]))
        return Inference(output, f"{shape[2:]} to {output[2:]} per map")

    def view(self, view: View, shape: Shape, inference: Inference) -> View:
        return view.whole()


@dataclass(frozen=True, eq=False)
class GlobalAvgPool(GlobalPooling):
    """The average of each whole map: (N, C, H, W) to (N, C, 1, 1), (N, C, L) to (N, C, 1)."""

    name: str | None = None

    type: ClassVar[str] = "global_avg_pool"

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(x.mean(axis=tuple(range(2, x.ndim)), keepdims=True))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        share = upstream / upstream.dtype.type(math.prod(x.shape[2:]))
        return {"input": np.broadcast_to(share, x.shape).copy()}


@dataclass(frozen=True, eq=False)
class GlobalMaxPool(GlobalPooling):
    """The maximum of each whole map; the first in row-major order takes the whole gradient."""

    name: str | None = None

    type: ClassVar[str] = "global_max_pool"
    kink: ClassVar[str] = "another cell becomes the maximum"

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(x.max(axis=tuple(range(2, x.ndim)), keepdims=True))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        grad = np.zeros((*x.shape[:2], math.prod(x.shape[2:])), x.dtype)
        places = self.pieces(x, result)
        np.put_along_axis(grad, places, upstream.reshape(places.shape), axis=2)
        return {"input": grad.reshape(x.shape)}

    def pieces(self, x: Array, result: Result) -> Array:
        cells = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
        return np.asarray(cells.argmax(axis=2, keepdims=True))
