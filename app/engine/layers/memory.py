"""How much a convolution holds beside its input and output while it runs, in numbers.

What the algorithms cut into tiles they hold by the tile, in each of the engine's threads; only
padding that takes its values from the picture, and strides on the way back, need whole copies.
"""

import math
from dataclasses import dataclass

from app.engine import threads
from app.engine.algorithms.row_gemm import MOST_STRIPS
from app.engine.geometry import Pair
from app.engine.layers.base import Shape, map_size
from app.engine.layers.view import Window
from app.engine.plan import FFT_TAPS

# A tile's buffer: this many numbers, unless the least number of whole rows has more.
TILE = 3 << 16
# Rows of the maps that a tile has at least, and columns that its buffer has beyond the map's.
TILE_ROWS = 8
MARGIN = 32
# Tiles in the frequency domain: their strip, their spectra, the products, and copies between.
SPECTRA = 8


@dataclass(frozen=True)
class Scratch:
    """Numbers held beside input and output.

    Attributes:
        forward: On the way forward.
        backward: On the way back, beside the upstream gradient and the gradients.
    """

    forward: int
    backward: int


def of_convolution(shape: Shape, kernel: Shape, window: Window, output: Shape) -> Scratch:
    """Return what a convolution holds.

    Args:
        shape: Shape of the input.
        kernel: Shape of the kernel in full form.
        window: The resolved window.
        output: Shape of the output.
    """
    tiles = _tiles(shape[1], kernel[0], window, map_size(shape), map_size(output))
    padded = (
        shape[0]
        * shape[1]
        * math.prod(
            size + sum(pads) for size, pads in zip(map_size(shape), window.padding, strict=True)
        )
    )
    merged = padded if window.stride != (1, 1) and window.dilation == (1, 1) else 0
    # Channels that share a kernel are added up first, and share the gradient of one.
    summed = _one_channel(padded, shape[1], window)
    if window.mode == "zeros":
        return Scratch(tiles + summed, tiles + merged + summed)
    # Rows are padded first, then columns; the input alone is padded before the output is there.
    forward = max(padded + summed, 2 * padded - math.prod(output))
    return Scratch(tiles + forward, tiles + 2 * padded + merged + summed)


def of_transposed(shape: Shape, kernel: Shape, window: Window, output: Shape) -> Scratch:
    """Return what a transposed convolution holds: the other way round."""
    filters = output[1]
    tiles = _tiles(filters, kernel[0], window, map_size(output), map_size(shape))
    merged = math.prod(output) if window.stride != (1, 1) and window.dilation == (1, 1) else 0
    summed = _one_channel(math.prod(output), filters, window)
    return Scratch(tiles + merged + summed, tiles + summed)


def _one_channel(numbers: int, channels: int, window: Window) -> int:
    """Return how many of a picture's numbers one channel of each group has, if there are more."""
    return 0 if channels == window.groups else numbers // channels * window.groups


def _tiles(channels: int, filters: int, window: Window, size: Pair, output: Pair) -> int:
    """Return what all threads together hold of the tiles they work on."""
    deepest = max(channels, filters) // window.groups
    if math.prod(window.kernel) > FFT_TAPS:
        rows = min(4 * window.kernel[0], size[0] + sum(window.padding[0])) * 2
        return threads.WORKERS * SPECTRA * deepest * rows * (output[1] + window.kernel[1])
    side = window.kernel[1]
    strips = -(-side // 2) if side > MOST_STRIPS and window.stride[1] == 1 else side
    rows = min(TILE_ROWS, output[0]) * window.stride[0] + window.kernel[0]
    row = deepest * strips * (output[1] + MARGIN)
    whole = row * (output[0] * window.stride[0] + window.kernel[0])
    return threads.WORKERS * min(max(TILE, row * rows), whole)
