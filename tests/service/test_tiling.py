"""A picture as a Dask array: the engine's numbers, to the last bit."""

from collections.abc import Callable
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
from dask.delayed import delayed

from app.engine.bands import banded
from app.engine.errors import EngineError, ShapeError
from app.engine.layers import AvgPool2d, Conv2d, Flatten, Layer, MaxPool2d, Relu
from app.engine.network import forward
from app.service.tiling import in_order, picture_in, tiled

RNG = np.random.default_rng(11)
LAYERS: list[Layer] = [
    Conv2d(
        RNG.standard_normal((6, 1, 3, 3)), groups=3, padding=4, padding_mode="circular", dilation=2
    ),
    Relu(),
    MaxPool2d(3, 2, 1, ceil_mode=True),
    Conv2d(RNG.standard_normal((6, 6, 5, 3)), stride=(1, 2), padding="same"),
    AvgPool2d((3, 2), (4, 1), 1, count_include_pad=False),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles_have_the_numbers_of_the_whole(dtype: str) -> None:
    picture = RNG.standard_normal((3, 807, 1400)).astype(dtype)
    y = tiled(LAYERS, da.from_array(picture, (2, 97, 501)), dtype=dtype, working_bytes=1)
    assert y.numblocks[2] > 3
    with dask.config.set(scheduler="threads"):
        found = y.compute()
    np.testing.assert_array_equal(found, forward(LAYERS, picture[None]).output, strict=True)


def test_a_band_depends_on_no_more_chunks_than_its_rows_lie_in() -> None:
    read: list[int] = []

    def chunk(start: int) -> np.ndarray:
        read.append(start)
        return np.ones((1, 1, 50, 64), np.float32)

    chunks = [
        da.from_delayed(delayed(chunk)(start), (1, 1, 50, 64), np.float32)
        for start in range(0, 1000, 50)
    ]
    layers = [Conv2d(np.ones((1, 1, 3, 3)), padding=1), AvgPool2d(4)]
    y = tiled(layers, da.concatenate(chunks, axis=2), working_bytes=1)
    block = y.numblocks[2] // 2
    first, count = 4 * sum(y.chunks[2][:block]), 4 * y.chunks[2][block]
    y.blocks[:, :, block].compute(scheduler="sync")
    grain = banded(layers, (1, 1, 1000, 64)).stages[0].reach.grain
    expected = range((first // grain * grain - 1) // 50 * 50, first + count + grain + 1, 50)
    assert sorted(read) == sorted(set(read))
    assert set(read) <= set(expected)


def test_a_file_is_read_where_its_rows_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = RNG.integers(0, 256, (300, 40)).astype(np.uint8)
    np.save(tmp_path / "picture.npy", picture)
    monkeypatch.setattr("app.service.tiling.READ_BYTES", 1000)
    x = picture_in(str(tmp_path / "picture.npy"))
    assert (x.shape, x.dtype, x.numblocks[0]) == ((300, 40), np.uint8, 12)
    y = tiled([MaxPool2d(2)], x, working_bytes=5000)
    running: list[int] = []

    def submit(part: da.Array) -> Callable[[], np.ndarray]:
        running.append(1)
        assert len(running) <= 3

        def wait() -> np.ndarray:
            running.pop()
            return part.compute(scheduler="sync")

        return wait

    whole = forward([MaxPool2d(2)], picture[None, None]).output
    np.testing.assert_array_equal(np.concatenate([*in_order(y, submit, 3)], axis=2), whole)


def test_a_network_that_cannot_be_tiled_is_refused() -> None:
    x = da.zeros((9, 9), dtype=np.float32)
    with pytest.raises(ShapeError, match="Layer 1 is flatten"):
        tiled([Relu(), Flatten()], x)
    with pytest.raises(EngineError, match="spans 20"):
        tiled([Conv2d(np.ones((1, 1, 20, 20)))], x)
