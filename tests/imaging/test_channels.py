"""Pixels to the channels of an input."""

import numpy as np
import pytest
from numpy.typing import DTypeLike

from app.imaging import scaled, scaled_size, to_channels
from tests.imaging.pictures import noise


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_colour_becomes_three_planes_of_0_to_1(dtype: DTypeLike) -> None:
    pixels = noise(5, 7, 3)
    channels = to_channels(pixels, dtype=dtype)
    assert channels.dtype == dtype
    assert channels.flags.c_contiguous
    np.testing.assert_allclose(channels, np.moveaxis(pixels, 2, 0) / 255, rtol=1e-7)


def test_gray_picture_as_rgb_repeats_its_channel() -> None:
    pixels = noise(5, 7)
    np.testing.assert_array_equal(to_channels(pixels, range="byte"), np.stack([pixels] * 3))


def test_gray_is_the_luma_of_bt_601() -> None:
    pixels = noise(5, 7, 3)
    luma = 0.299 * pixels[..., 0] + 0.587 * pixels[..., 1] + 0.114 * pixels[..., 2]
    channels = to_channels(pixels, color="gray", range="byte", dtype=np.float64)
    np.testing.assert_allclose(channels, luma[None], rtol=1e-12)


def test_gray_picture_as_gray_is_one_channel() -> None:
    pixels = noise(5, 7)
    np.testing.assert_array_equal(to_channels(pixels, color="gray", range="byte"), pixels[None])


def test_signed_range_reaches_minus_one_and_one_exactly() -> None:
    ends = np.array([[0, 255, 51]], np.uint8)
    channels = to_channels(ends, color="gray", range="signed", dtype=np.float64)
    assert channels.tolist() == [[[-1.0, 1.0, -0.6]]]


@pytest.mark.parametrize(
    ("rows", "cols", "max_side", "expected"),
    [
        (300, 400, None, (300, 400)),
        (300, 400, 400, (300, 400)),
        (300, 400, 399, (299, 399)),
        (300, 400, 100, (75, 100)),
        (400, 300, 100, (100, 75)),
        (2, 4000, 100, (1, 100)),
    ],
)
def test_longest_side_decides_and_nothing_is_enlarged(
    rows: int, cols: int, max_side: int | None, expected: tuple[int, int]
) -> None:
    assert scaled_size(rows, cols, max_side) == expected
    assert scaled(noise(rows, cols), max_side).shape == expected


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 64))
    small = scaled(stripes, 16)
    assert np.ptp(small.astype(int)) <= 4
    assert abs(float(small.mean()) - 127.5) < 2


def test_pixels_are_left_alone() -> None:
    pixels = noise(5, 7, 3)
    pixels.flags.writeable = False
    before = pixels.copy()
    to_channels(pixels, color="gray", range="signed")
    np.testing.assert_array_equal(pixels, before)
