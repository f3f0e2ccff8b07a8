"""One picture larger than memory: a network's output as a Dask array of bands.

Which rows each band reads is geometry (`engine.band_geometry`), what is computed of them the
engine's (`engine.bands`); Dask decides when and where. `map_overlap` is no help here: it knows one
overlap for all layers, and no strides. So each band of the output names the rows it reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
from numpy.typing import DTypeLike, NDArray

from app.engine.bands import banded
from app.engine.layers import Layer

Array = NDArray[Any]

# What is read of a file at a time: less than a band, which reads all chunks that its rows lie in.
READ_BYTES = 1 << 22


def tiled(
    layers: Sequence[Layer],
    x: da.Array,
    *,
    dtype: DTypeLike = np.float32,
    working_bytes: int = 1 << 28,
) -> da.Array:
    """Return a network's output, each number that of a forward pass over the whole picture.

    Args:
        layers: The network, of local layers: `engine.bands.banded` tells which are.
        x: The picture, shape (H, W), (C, H, W) or (N, C, H, W), in chunks of any size.
        dtype: float32 or float64, what is computed in.
        working_bytes: What the maps of one band should take at most.

    Returns:
        Shape (N, C, H, W), in chunks of whole rows.

    Raises:
        EngineError: The network is illegal for the picture, or a layer of it not local.
    """
    x = x[(None,) * (4 - x.ndim)]
    dtype = np.dtype(dtype)
    network = banded(layers, x.shape, dtype)
    batch, channels, _, width = network.shapes[-1]
    shared = delayed(tuple(layers), traverse=False)
    compute = delayed(_compute_band, pure=True)
    bands = []
    for band in network.bands(working_bytes):
        taken = da.concatenate([x[:, :, rows.start : rows.stop] for rows in band.reads], axis=2)
        value = compute(shared, x.shape, dtype, band.rows, taken)
        shape = (batch, channels, len(band.rows), width)
        bands.append(da.from_delayed(value, shape, dtype))
    output: da.Array = da.concatenate(bands, axis=2)
    return output


def _compute_band(
    layers: Sequence[Layer], shape: tuple[int, ...], dtype: np.dtype[Any], rows: range, x: Array
) -> Array:
    """Compute one band; where it runs, the same rules come to the same plan."""
    network = banded(layers, shape, dtype)
    return network.compute(x, network.band(rows))


def picture_in(path: str) -> da.Array:
    """Return an array in a .npy file, read a few rows at a time by whoever computes on them.

    Workers on other machines need the file at the same path.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no array of numbers with rows and columns.
    """
    try:
        held = np.load(path, mmap_mode="r")
    except (EOFError, OverflowError) as error:  # an empty file, a shape below nothing
        raise ValueError("it is no array") from error
    is_array = isinstance(held, np.ndarray)
    if not (is_array and 2 <= held.ndim <= 4 and held.dtype.kind in "buif"):
        raise ValueError("it is no picture")
    height = held.shape[-2]
    at_once = max(1, READ_BYTES // max(held.nbytes // max(height, 1), 1))
    read = delayed(_read_rows, pure=True)
    parts = []
    for start in range(0, height, at_once):
        stop = min(start + at_once, height)
        shape = (*held.shape[:-2], stop - start, held.shape[-1])
        parts.append(da.from_delayed(read(path, start, stop), shape, held.dtype))
    picture: da.Array = da.concatenate(parts, axis=-2)
    return picture


def _read_rows(path: str, start: int, stop: int) -> Array:
    return np.array(np.load(path, mmap_mode="r")[..., start:stop, :])


def in_order(
    y: da.Array, submit: Callable[[da.Array], Callable[[], Array]], ahead: int
) -> Iterator[Array]:
    """Yield the bands of a tiled output from the first to the last.

    Args:
        y: From `tiled`.
        submit: Begins to compute an array, and returns what waits for it.
        ahead: How many are computed at a time; as many may be in memory.
    """
    waiting: deque[Callable[[], Array]] = deque()
    for block in range(y.numblocks[2]):
        waiting.append(submit(y.blocks[:, :, block]))
        if len(waiting) == ahead:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()
