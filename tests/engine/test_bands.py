"""Bands: every number of the whole, to the last bit, from no more rows than it depends on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.engine.band_geometry import Reach, band_of, cells_of, joined, runs_of
from app.engine.bands import Banded, banded
from app.engine.errors import EngineError, NetworkError, ShapeError
from app.engine.kernels import PresetKernel
from app.engine.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Elu,
    Flatten,
    Gelu,
    Layer,
    LeakyRelu,
    LogSoftmax,
    MaxPool2d,
    Prelu,
    Relu,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from app.engine.network import forward, inspect

Array = NDArray[Any]


def by_bands(network: Banded, x: Array, heights: Sequence[int]) -> Array:
    """Return the output computed in bands of these heights, the last one as often as needed."""
    parts, start, number = [], 0, 0
    while start < network.shapes[-1][2]:
        height = heights[min(number, len(heights) - 1)]
        band = network.band(range(start, min(start + height, network.shapes[-1][2])))
        parts.append(network.compute(x[:, :, cells_of(band.reads)], band))
        start, number = band.rows.stop, number + 1
    return np.concatenate(parts, axis=2)


def picture(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def check(layers: Sequence[Layer], x: Array, heights: Sequence[int]) -> None:
    whole = forward(layers, x, keep=False).output
    found = by_bands(banded(layers, x.shape, x.dtype), x, heights)
    assert found.dtype == whole.dtype
    np.testing.assert_array_equal(found, whole, strict=True)


def kernel(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


COLUMN_TIMES_ROW = np.outer(np.arange(1, 10), [3, 1, 4, 1, 5, 9, 2, 6, 5]) / 50

# Each of these is computed by another algorithm, or by another form of it, in several blocks.
ALGORITHMS = {
    "row_gemm, nine taps": ((1, 3, 411, 400), Conv2d(kernel(8, 3, 3, 3), padding="same")),
    "row_gemm, stacked": ((1, 1, 611, 530), Conv2d(kernel(1, 1, 5, 5), padding="same")),
    "row_gemm, few strips": ((1, 9, 300, 300), Conv2d(kernel(2, 9, 5, 7), padding="same")),
    "row_gemm, stride": ((1, 2, 700, 320), Conv2d(kernel(5, 2, 5, 3), stride=2, padding=1)),
    "row_gemm, dilated": ((1, 3, 413, 300), Conv2d(kernel(8, 3, 3, 3), dilation=3)),
    "row_gemm, depthwise": ((1, 24, 260, 256), Conv2d(kernel(24, 1, 3, 3), padding=1, groups=24)),
    "im2col, narrow": ((1, 16, 307, 40), Conv2d(kernel(32, 16, 3, 3), padding="same")),
    "im2col, stepping and spreading": (
        (1, 3, 400, 300),
        Conv2d(kernel(6, 3, 3, 3), stride=(2, 1), dilation=(2, 1), padding=2),
    ),
    "im2col, small": ((1, 2, 40, 50), Conv2d(kernel(3, 2, 3, 3), padding="same")),
    "row_gemm, small as a band": ((1, 3, 300, 100), Conv2d(kernel(8, 3, 3, 3), padding="same")),
    "separable": ((1, 1, 300, 60), Conv2d(COLUMN_TIMES_ROW, padding="same")),
    "fft": ((1, 1, 450, 80), Conv2d(kernel(1, 1, 33, 33), padding="same")),
    "row_gemm, channels added up": (
        (1, 3, 900, 300),
        Conv2d(PresetKernel("sobel_x"), padding="same"),
    ),
    "separable, channels added up": (
        (1, 3, 257, 300),
        Conv2d(np.broadcast_to(COLUMN_TIMES_ROW, (1, 3, 9, 9)), padding="same"),
    ),
}


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("case", ALGORITHMS)
def test_bands_have_the_numbers_of_the_whole_by_every_algorithm(case: str, mode: str) -> None:
    shape, layer = ALGORITHMS[case]
    padded = replace(layer, padding_mode=mode)
    assert forward([padded], picture(shape)).steps[0].algorithm == case.split(",")[0]
    check([padded], picture(shape), [37, 90, 150])


def test_what_is_not_finite_is_that_of_the_whole_too() -> None:
    for case in ("row_gemm, stacked", "row_gemm, few strips", "separable", "fft"):
        shape, layer = ALGORITHMS[case]
        x = picture(shape)
        x[..., 100, 7], x[..., 200, 11] = np.nan, np.inf
        check([layer], x, [37, 90, 150])


@st.composite
def convolutions(draw: st.DrawFn, channels: int) -> Conv2d:
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    taps = draw(st.tuples(st.integers(1, 5), st.integers(1, 4)))
    filters = groups * draw(st.integers(1, 3))
    shape = (filters, channels // groups, *taps)
    pads = st.integers(0, 4)
    sides = st.tuples(st.tuples(pads, pads), st.tuples(pads, pads))
    return Conv2d(
        kernel(*shape, seed=draw(st.integers(0, 99))),
        draw(st.sampled_from([None, np.arange(filters) / 7])),
        stride=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        padding=draw(st.sampled_from(["valid", "same", "same_lower", "full", "keep"]) | sides),
        padding_mode=draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        dilation=draw(st.tuples(st.integers(1, 3), st.integers(1, 2))),
        groups=groups,
        flip=draw(st.booleans()),
    )


@st.composite
def pools(draw: st.DrawFn) -> Layer:
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    common: dict[str, Any] = {
        "size": size,
        "stride": draw(st.none() | st.tuples(st.integers(1, 5), st.integers(1, 3))),
        "padding": (draw(st.integers(0, size[0] // 2)), draw(st.integers(0, size[1] // 2))),
        "ceil_mode": draw(st.booleans()),
    }
    if draw(st.booleans()):
        return AvgPool2d(**common, count_include_pad=draw(st.booleans()))
    return MaxPool2d(**common, dilation=draw(st.tuples(st.integers(1, 3), st.integers(1, 2))))


CELLWISE = (Relu(), LeakyRelu(0.2), Elu(), Sigmoid(), Tanh(), Softplus(), Gelu())
OVER_CHANNELS = (Softmax(), LogSoftmax(-3))


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Layer], Array]:
    """Draw a legal network of local layers and its input."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 4)))
    shape += (draw(st.integers(1, 60)), draw(st.integers(1, 30)))
    x = picture(shape, draw(st.sampled_from(["float32", "float64"])))
    layers: list[Layer] = []
    for _ in range(draw(st.integers(1, 5))):
        channels = shape[1]
        of_channels = [
            BatchNorm(*(kernel(4, channels, seed=5) ** 2)),
            Prelu(kernel(channels, seed=6)),
        ]
        layer = draw(
            st.one_of(
                convolutions(channels),
                pools(),
                st.sampled_from([*CELLWISE, *OVER_CHANNELS, *of_channels]),
            )
        )
        (report,) = inspect([layer], shape)
        if report.output_shape is not None:
            layers.append(layer)
            shape = report.output_shape
    return layers, x


@given(networks(), st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(deadline=None, max_examples=100)
def test_bands_of_any_local_network_have_the_numbers_of_the_whole(
    drawn: tuple[list[Layer], Array], heights: list[int]
) -> None:
    check(*drawn, heights)


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(kernel(1, 1, 3, 3), padding=((7, 0), (0, 0))),  # whole bands in the padding
        Conv2d(kernel(1, 1, 3, 3), padding=((0, 7), (0, 0))),
        Conv2d(kernel(1, 1, 2, 2), stride=7),  # rows that nobody reads
        Conv2d(kernel(1, 1, 5, 1), padding=((7, 7), (0, 0)), padding_mode="circular"),
    ],
)
def test_bands_far_from_any_row_have_the_numbers_of_the_whole(layer: Layer) -> None:
    check([layer], picture((1, 1, 9, 8)), [1])


def test_a_band_reads_only_what_its_windows_meet() -> None:
    first = Reach(100, 50, kernel=3, stride=2, dilation=2, padding=(2, 2))
    second = Reach(50, 50, kernel=3, padding=(1, 1), mode="circular")
    band = band_of([first, second], range(1))
    assert band.computed == ((range(2), range(49, 50)), (range(1),))
    assert band.reads == (range(5), range(96, 100))
    assert first.pads(range(2)) == (2, 0)
    assert first.pads(range(49, 50)) == (0, 1)


def test_a_band_computes_whole_grains() -> None:
    reach = Reach(100, 100, grain=32)
    assert reach.computed([range(31, 33), range(97, 98)]) == (range(64), range(96, 100))


def test_rows_are_joined_where_they_touch() -> None:
    assert joined([range(5, 9), range(3), range(3, 4), range(6, 7)]) == (range(4), range(5, 9))
    assert runs_of(np.array([7, 2, 1, 2, 8])) == (range(1, 3), range(7, 9))


def test_bands_are_as_high_as_memory_allows() -> None:
    layers = [Conv2d(kernel(4, 1, 3, 3), padding="same"), Relu()]
    network = banded(layers, (1, 1, 4000, 600))
    few, many = network.bands(2**40), network.bands(20_000_000)
    assert [band.rows for band in few] == [range(4000)]
    assert len(many) > 2
    assert cells_of(band.rows for band in many).tolist() == list(range(4000))
    assert all(network.bytes_of(band) <= 20_000_000 for band in many)
    # Too little memory for anything still makes bands, each of a grain.
    grain = network.stages[0].reach.grain
    assert {len(band.rows) for band in network.bands(1)[:-1]} == {grain}
    halved = banded([*layers, MaxPool2d(2)], (1, 1, 4000, 600))
    assert {len(band.rows) for band in halved.bands(1)[:-1]} == {-(-grain // 2)}


def test_no_layers_are_bands_of_the_picture() -> None:
    x = picture((1, 2, 9, 5))
    np.testing.assert_array_equal(by_bands(banded([], x.shape), x, [4]), x)


def test_a_layer_that_is_not_local_is_refused_by_name() -> None:
    refused: list[Layer] = [Softmax(2), Flatten(), ConvTranspose2d(kernel(1, 1, 2, 2), name="up")]
    for layer in refused:
        with pytest.raises(ShapeError, match=f"Layer 1.* is {layer.type}, which") as caught:
            banded([Relu(), layer], (1, 1, 8, 8))
        assert caught.value.path == ("layers", 1)
    with pytest.raises(ShapeError, match="Layer 0 'up' is"):
        banded([refused[2]], (1, 1, 8, 8))


def test_an_illegal_network_and_what_is_no_picture_are_refused() -> None:
    with pytest.raises(NetworkError):
        banded([Conv2d(kernel(1, 3, 2, 2))], (1, 1, 8, 8))
    for shape in ((1, 8, 8), (1, 1, 0, 8)):
        with pytest.raises(EngineError, match="Only pictures"):
            banded([Relu()], shape)
