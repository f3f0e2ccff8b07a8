"""Thumbnails by area mean, and maps in few bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.service.reduction import area_mean, quantise


def slow_area_mean(line: np.ndarray, cells: int) -> np.ndarray:
    """Area means of a vector, cell by cell."""
    width = len(line) / cells
    means = []
    for cell in range(cells):
        start, end = cell * width, (cell + 1) * width
        share = [max(0.0, min(end, i + 1) - max(start, i)) for i in range(len(line))]
        means.append(np.dot(share, line) / width)
    return np.array(means)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_each_cell_is_the_mean_of_the_area_it_covers(side: int, most: int, seed: int) -> None:
    line = np.random.default_rng(seed).normal(size=side)
    reduced = area_mean(line.reshape(1, 1, side), most)[0, 0]
    np.testing.assert_allclose(reduced, slow_area_mean(line, min(side, most)), atol=1e-12)


def test_longest_side_shrinks_to_max_side_and_proportions_stay(rng: np.random.Generator) -> None:
    maps = rng.normal(size=(2, 3, 50, 120)).astype(np.float32)
    reduced = area_mean(maps, 30)
    assert reduced.shape == (2, 3, 12, 30)
    assert reduced.dtype == np.float32
    np.testing.assert_allclose(reduced.mean((2, 3)), maps.mean((2, 3)), atol=1e-5)


def test_small_maps_and_vectors_come_back_as_they_are(rng: np.random.Generator) -> None:
    maps, vectors = rng.normal(size=(1, 2, 5, 9)), rng.normal(size=(2, 100))
    assert area_mean(maps, 9) is maps
    assert area_mean(vectors, 9) is vectors


def test_empty_batch_keeps_its_axes() -> None:
    assert area_mean(np.zeros((0, 2, 30, 30)), 10).shape[:2] == (0, 2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("source", [np.float32, np.float64])
@pytest.mark.parametrize("span", [1e-30, 1.0, 1e4, 1e36])
@pytest.mark.parametrize("start", [0.0, -0.7, 100.0])
def test_error_of_a_code_is_at_most_half_a_step(
    dtype: str, source: type, span: float, start: float, rng: np.random.Generator
) -> None:
    maps = ((rng.random((2, 3, 17, 11)) + start) * span).astype(source)
    coded = quantise(maps, dtype)
    scale, offset = (np.reshape(part, (2, 3, 1, 1)) for part in (coded.scale, coded.offset))
    error = np.abs(offset + scale * coded.codes.astype(np.float64) - maps)
    assert coded.codes.dtype == dtype
    rounding = np.abs(maps).max() * np.finfo(source).eps
    assert (error <= scale / 2 * (1 + 1e-2 * (dtype == "uint16") + 1e-5) + rounding).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("low", [-4.0, -3.97, -1e-6, -0.0039])
def test_zero_has_a_code_of_its_own_where_the_range_spans_it(
    dtype: str, low: float, rng: np.random.Generator
) -> None:
    maps = np.append(rng.uniform(low, 4, 500), [0, low, 4]).astype(np.float32).reshape(1, 1, -1)
    coded = quantise(maps, dtype)
    read = coded.offset[0] + coded.scale[0] * coded.codes.astype(np.float64)
    assert not read[maps == 0].any()
    assert (np.abs(read - maps) <= coded.scale[0] * 0.505).all()
    assert (coded.codes.min(), coded.codes.max()) == (0, np.iinfo(dtype).max)


def test_each_map_has_a_range_of_its_own(rng: np.random.Generator) -> None:
    maps = rng.random((1, 2, 4, 4)) * np.reshape([1.0, 1000.0], (1, 2, 1, 1))
    coded = quantise(maps, "uint8")
    assert coded.codes.min(axis=(2, 3)).tolist() == [[0, 0]]
    assert coded.codes.max(axis=(2, 3)).tolist() == [[255, 255]]
    assert coded.offset == pytest.approx(maps.min(axis=(2, 3))[0])


def test_constant_map_is_its_offset() -> None:
    coded = quantise(np.full((1, 1, 2, 2), 7.5, np.float32), "uint8")
    assert (coded.scale, coded.offset) == ([0.0], [7.5])
    assert not coded.codes.any()


def test_range_as_wide_as_the_number_format_survives() -> None:
    maps = np.array([-3e38, 0, 3e38], np.float32).reshape(1, 1, 3)
    coded = quantise(maps, "uint8")
    assert coded.codes.ravel().tolist() in ([0, 127, 255], [0, 128, 255])


def test_range_wider_than_the_largest_float_survives() -> None:
    maps = np.array([-1.7e308, 0, 1.7e308]).reshape(1, 1, 3)
    coded = quantise(maps, "uint8")
    assert coded.codes.ravel().tolist() in ([0, 127, 255], [0, 128, 255])
    assert coded.scale == [pytest.approx(1.7e308 / 255 * 2)]


def test_non_finite_values_leave_the_range_to_the_finite_ones() -> None:
    maps = np.array([np.nan, -np.inf, 1, 2, np.inf], np.float32).reshape(1, 1, 5)
    coded = quantise(maps, "uint8")
    assert coded.codes.ravel().tolist() == [0, 0, 0, 255, 255]
    assert coded.offset == [1.0]
    assert quantise(np.full((1, 1, 3), np.nan, np.float32), "uint8").scale == [0.0]


def test_range_of_subnormal_numbers_survives() -> None:
    maps = np.array([0, 3e-308, 8e-308]).reshape(1, 1, 3)
    coded = quantise(maps, "uint16")
    assert coded.codes.ravel().tolist() == [0, pytest.approx(3 / 8 * 65535, abs=1), 65535]
