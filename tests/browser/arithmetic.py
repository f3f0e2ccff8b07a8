"""The numbers that the page must show, from loops that share nothing with the engine."""

import io
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Array = NDArray[np.float64]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]

SOBEL_X = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
NUMPY_MODES: dict[str, Any] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def decoded(picture: bytes) -> Array:
    """Channels 0..1 of a picture, (3, H, W)."""
    with Image.open(io.BytesIO(picture)) as image:
        return np.moveaxis(np.asarray(image.convert("RGB"), np.float64) / 255, 2, 0)


def luma(picture: bytes) -> Array:
    """ITU-R BT.601 luma of a picture, 0..1, (H, W)."""
    red, green, blue = decoded(picture)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def centred(kernel: Array) -> Padding:
    """What `same` adds at stride 1: half of the kernel less one, the odd one at the end."""
    rows, cols = (side - 1 for side in kernel.shape)
    return (rows // 2, rows - rows // 2), (cols // 2, cols - cols // 2)


def correlate(
    x: ArrayLike,
    kernel: ArrayLike,
    *,
    padding: Padding | None = None,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    mode: str = "zeros",
    bias: float = 0,
) -> Array:
    """Cross-correlate one map with one kernel, weight by weight; padding None is `same`."""
    weights = np.asarray(kernel, np.float64)
    around = centred(weights) if padding is None else padding
    padded = np.pad(np.asarray(x, np.float64), around, mode=NUMPY_MODES[mode])
    rows, cols = (
        (padded.shape[axis] - dilation[axis] * (weights.shape[axis] - 1) - 1) // stride[axis] + 1
        for axis in (0, 1)
    )
    out = np.full((rows, cols), float(bias))
    for (row, col), weight in np.ndenumerate(weights):
        top, left = row * dilation[0], col * dilation[1]
        below, right = top + (rows - 1) * stride[0] + 1, left + (cols - 1) * stride[1] + 1
        out += weight * padded[top : below : stride[0], left : right : stride[1]]
    return out


def max_pool(x: Array, size: int) -> Array:
    """The largest of every `size` × `size` block; what is left over is dropped."""
    rows, cols = x.shape[0] // size, x.shape[1] // size
    blocks = x[: rows * size, : cols * size].reshape(rows, size, cols, size)
    return np.asarray(blocks.max(axis=(1, 3)))


def input_gradient(upstream: Array, kernel: Array, size: Pair, stride: int = 1) -> Array:
    """Spread every unit over what it saw: under `same` at stride 1, else without padding."""
    (top, below), (left, right) = centred(kernel) if stride == 1 else ((0, 0), (0, 0))
    wide = np.zeros((size[0] + top + below, size[1] + left + right))
    for (row, col), share in np.ndenumerate(upstream):
        y, x = row * stride, col * stride
        wide[y : y + kernel.shape[0], x : x + kernel.shape[1]] += share * kernel
    return wide[top : top + size[0], left : left + size[1]]


def kernel_differences(x: Array, kernel: Array, loss: Any) -> Array:
    """Central differences of `loss(map)` by every weight; exact for losses up to squares."""
    slopes = np.zeros(kernel.shape)
    for place in np.ndindex(*kernel.shape):
        nudge = np.zeros(kernel.shape)
        nudge[place] = 1
        above, below = loss(correlate(x, kernel + nudge)), loss(correlate(x, kernel - nudge))
        slopes[place] = (above - below) / 2
    return slopes


def gray_levels(values: Array) -> Array:
    """Levels 0..255, not rounded: black is the least value, white the largest."""
    least, most = values.min(), values.max()
    return (values - least) / (most - least if most > least else 1.0) * 255
