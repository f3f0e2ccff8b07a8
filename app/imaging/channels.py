"""Pixels to the channels of a network's input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

Color = Literal["rgb", "gray"]
Range = Literal["unit", "signed", "byte"]

# Runs a task that takes the numbers that fall to it, of 0..count; see `app.engine.threads.share`.
Share = Callable[[Callable[[Iterator[int]], None], int], None]

# Source: ITU-R BT.601, the luma of R, G and B.
LUMA = (0.299, 0.587, 0.114)

# Pixels converted together: few enough to stay in a core's cache from one step to the next.
PIECE = 1 << 15


def scaled_size(rows: int, cols: int, max_side: int | None) -> tuple[int, int]:
    """Return the (rows, cols) that `scaled` shrinks a picture of (rows, cols) to."""
    if max_side is None or max(rows, cols) <= max_side:
        return rows, cols
    ratio = max_side / max(rows, cols)
    return max(1, round(rows * ratio)), max(1, round(cols * ratio))


def scaled(pixels: NDArray[np.uint8], max_side: int | None) -> NDArray[np.uint8]:
    """Shrink a picture so that no side is longer than `max_side`; never enlarge it.

    Args:
        pixels: shape (H, W) or (H, W, 3).
        max_side: longest side of the result, in pixels; None leaves the picture as it is.

    Returns:
        Shape (h, w) or (h, w, 3), in the same proportions, by an antialiased Lanczos filter.
    """
    rows, cols = scaled_size(pixels.shape[0], pixels.shape[1], max_side)
    if (rows, cols) == pixels.shape[:2]:
        return pixels
    # reducing_gap: blocks are averaged first, to at least the size wanted; five times as fast
    # for a 12-Mpx photo.
    small = Image.fromarray(pixels).resize((cols, rows), Image.Resampling.LANCZOS, reducing_gap=1.0)
    return np.asarray(small)


def _alone(task: Callable[[Iterator[int]], None], count: int) -> None:
    task(iter(range(count)))


def to_channels(
    pixels: NDArray[np.uint8],
    *,
    color: Color = "rgb",
    range: Range = "unit",  # noqa: A002 - the contract's name
    max_side: int | None = None,
    dtype: DTypeLike = np.float32,
    share: Share = _alone,
) -> NDArray[Any]:
    """Turn pixels into the channels of an input.

    Args:
        pixels: sRGB values, shape (H, W) or (H, W, 3).
        color: `rgb` gives three channels (a gray picture thrice), `gray` the luma of BT.601.
        range: `unit` 0..1, `signed` −1..1 or `byte` 0..255.
        max_side: longest side, see `scaled`.
        dtype: float32 or float64.
        share: how a large picture is shared among threads; not at all unless told.

    Returns:
        Shape (3, H, W) or (1, H, W).
    """
    small = scaled(pixels, max_side)
    rows, cols = small.shape[:2]
    channels = np.empty((3 if color == "rgb" else 1, rows, cols), dtype)
    step = max(1, PIECE // max(cols, 1))

    def part(numbers: Iterator[int]) -> None:
        for number in numbers:
            band = slice(number * step, (number + 1) * step)
            _fill(channels[:, band], small[band], range)

    share(part, -(-rows // step))
    return channels


def _fill(channels: NDArray[Any], pixels: NDArray[np.uint8], scale: Range) -> None:
    """Write a few rows of the input."""
    if pixels.ndim == 2:
        channels[...] = pixels
    elif len(channels) == 3:
        channels[...] = np.moveaxis(pixels, 2, 0)
    else:
        red, green, blue = np.moveaxis(pixels, 2, 0).astype(channels.dtype, order="C")
        luma = np.multiply(red, LUMA[0], out=channels[0])
        luma += np.multiply(green, LUMA[1], out=green)
        luma += np.multiply(blue, LUMA[2], out=blue)
    if scale == "signed":
        # Doubled before it is divided, so that black and white are −1 and 1 exactly.
        channels *= 2
        channels -= 255
    if scale != "byte":
        channels /= 255
