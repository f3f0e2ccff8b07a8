"""An answer as one PNG: a map, or a montage of the maps of one array."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import imaging
from app.imaging import Range, Rendering
from app.service.answers import Answer, as_maps, as_pixels
from app.web.bodies import invalid
from app.web.negotiation import PNG
from app.web.wire import NUMBER_WRITERS

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
    if not answer.arrays:
        raise _undrawable("There is nothing to draw: what is asked for leaves out all numbers.")
    if len(answer.arrays) != 1:
        raise _undrawable(f"A picture shows one array, but {len(answer.arrays)} are asked for.")
    array = next(iter(answer.arrays.values()))
    if array.size == 0:
        raise _undrawable(f"There is nothing to draw: the array has shape {array.shape}.")
    return imaging.render(as_maps(array), rendering, under)


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


def _undrawable(detail: str) -> Exception:
    return invalid([{"pointer": "/return", "detail": detail}])
