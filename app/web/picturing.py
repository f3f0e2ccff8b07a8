"""An answer as one PNG: a map, or a montage of the maps of one array."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import imaging
from app.imaging import Range, Rendering
from app.web.bodies import invalid
from app.web.negotiation import PNG
from app.web.wire import NUMBER_WRITERS, Answer

Array = NDArray[Any]
Pixels = NDArray[np.uint8]


def as_png(answer: Answer, rendering: Rendering, under: Pixels | None = None) -> bytes:
    """Return the maps of the answer as PNG.

    Args:
        answer: Its one array is drawn.
        rendering: How values become colours.
        under: Pixels of the input, for an overlay.

    Raises:
        Problem: 422; there is not exactly one array, or it is empty.
        PictureTooLarge: The montage would be too large.
    """
    if len(answer.arrays) != 1:
        raise _undrawable(f"A picture shows one array, but {len(answer.arrays)} are asked for.")
    maps = as_maps(next(iter(answer.arrays.values())))
    if maps.size == 0:
        raise _undrawable(f"There is nothing to draw: the array has shape {maps.shape}.")
    return imaging.render(maps, rendering, under)


def write(
    answer: Answer,
    media_type: str,
    rendering: Rendering,
    x: Callable[[], Array],
    value_range: Range = "unit",
) -> bytes:
    """Return the answer in the form of `media_type`.

    Args:
        answer: The answer.
        media_type: One of the forms of answers with arrays.
        rendering: How values become colours, for PNG.
        x: Returns the network's input; asked for only when it shows through.
        value_range: Which input values stand for black and white.
    """
    if media_type != PNG:
        return NUMBER_WRITERS[media_type](answer)
    under = as_pixels(x(), value_range) if rendering.overlay > 0 else None
    return as_png(answer, rendering, under)


def as_maps(array: Array) -> Array:
    """Return an array as maps of shape (M, H, W); a sequence or a vector is a map of one row."""
    if array.ndim == 4:
        return array.reshape(-1, *array.shape[2:])
    return array.reshape(-1, 1, array.shape[-1] if array.ndim else 1)


def as_pixels(x: Array, value_range: Range) -> Pixels | None:
    """Return the first input of a batch as pixels, or None if it is no picture.

    Args:
        x: Input of shape (N, 1, H, W) or (N, 3, H, W).
        value_range: Which values stand for black and white.
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3) or x.size == 0:
        return None
    low, span = {"unit": (0, 1), "signed": (-1, 2), "byte": (0, 255)}[value_range]
    unit = np.clip(np.nan_to_num((x[0].astype(np.float32) - low) / span), 0, 1)
    pixels = np.rint(unit * 255).astype(np.uint8)
    upright: Pixels = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2)
    return upright


def _undrawable(detail: str) -> Exception:
    return invalid([{"pointer": "/return", "detail": detail}])
