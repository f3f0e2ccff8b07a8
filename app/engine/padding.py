"""Padding that takes its values from the picture, and its adjoint."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.geometry import Padding

Array = NDArray[Any]


def source_indices(size: int, before: int, after: int, mode: str) -> NDArray[np.intp]:
    """Return, for each cell of a padded axis, the input cell its value comes from.

    Args:
        size: Length of the axis.
        before: Cells added at its start; at most size − 1 for reflect, size for circular.
        after: Cells added at its end.
        mode: "reflect" (the edge is not repeated), "replicate" (it is) or "circular".
    """
    cells = np.arange(-before, size + after)
    if mode == "reflect":
        cells = np.abs(cells)
        return np.where(cells >= size, 2 * (size - 1) - cells, cells)
    if mode == "circular":
        return cells % size
    return cells.clip(0, size - 1)


def extend(x: Array, padding: Padding, mode: str) -> Array:
    """Return x of shape (N, C, H, W) padded along its last two axes from its own values."""
    for axis, pads in zip((2, 3), padding, strict=True):
        if any(pads):
            x = x.take(source_indices(x.shape[axis], *pads, mode), axis=axis)
    return x


def fold(grad: Array, padding: Padding, mode: str) -> Array:
    """Return the gradient of the unpadded picture: every padded cell gives back to its source.

    Args:
        grad: Gradient with respect to the padded picture, shape (N, C, H + pads, W + pads).
        padding: What `extend` added.
        mode: As in `extend`.
    """
    for axis, (before, after) in zip((2, 3), padding, strict=True):
        if not (before or after):
            continue
        size = grad.shape[axis] - before - after
        lanes = np.moveaxis(grad, axis, 0)
        folded = np.array(lanes[before : before + size])
        sources = source_indices(size, before, after, mode)
        for cell in (*range(before), *range(before + size, before + size + after)):
            folded[sources[cell]] += lanes[cell]
        grad = np.ascontiguousarray(np.moveaxis(folded, 0, axis))
    return grad
