"""Pixels to PNG, with no metadata."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode pixels as PNG.

    Args:
        pixels: shape (H, W) for gray, (H, W, 3) for RGB.

    Returns:
        The file's bytes, without metadata.
    """
    # Level 1: four times as fast as the default for a tenth more bytes.
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
