"""Maps to PNG: which colour a value gets, and where each map stands."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.imaging import COLOR_MAPS, PictureTooLarge, Rendering, render
from app.imaging.colormaps import table
from tests.imaging.pictures import noise

WHITE, MAGENTA = (255, 255, 255), (255, 0, 255)


def drawn(
    maps: NDArray[Any], picture: NDArray[np.uint8] | None = None, **how: Any
) -> NDArray[np.uint8]:
    content = render(np.asarray(maps), Rendering(**how), picture)
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.fixture
def maps() -> NDArray[Any]:
    return np.random.default_rng(2).normal(size=(5, 6, 9))


def test_one_map_is_drawn_a_cell_a_pixel(maps: NDArray[Any]) -> None:
    assert drawn(maps[:1]).shape == (6, 9, 3)


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_smallest_zero_and_largest_get_the_ends_and_the_middle(name: str) -> None:
    colors = table(name, 253)
    picture = drawn(np.array([[[-4.0, 0.0, 4.0, 1.0]]]), colormap=name)
    np.testing.assert_array_equal(picture[0, :3], colors[[0, 126, 252]])


def test_zero_of_signed_values_is_the_middle_however_lopsided() -> None:
    picture = drawn(np.array([[[-1.0, 0.0, 100.0]]]), colormap="seismic")
    assert tuple(picture[0, 1]) == WHITE


def test_values_never_negative_begin_at_zero() -> None:
    picture = drawn(np.array([[[5.0, 10.0, 0.0]]]), colormap="gray")
    assert picture[0, :, 0].tolist() == [128, 255, 0]


def test_center_of_choice_stands_in_the_middle() -> None:
    picture = drawn(np.array([[[2.0, 3.0, 5.0]]]), colormap="seismic", center=3.0)
    assert tuple(picture[0, 1]) == WHITE


def test_without_a_center_smallest_and_largest_are_the_ends() -> None:
    picture = drawn(np.array([[[5.0, 6.0, 10.0]]]), colormap="gray", center=None)
    assert picture[0, [0, 2], 0].tolist() == [0, 255]


def test_signed_maps_are_drawn_in_coolwarm_and_others_in_gray(maps: NDArray[Any]) -> None:
    np.testing.assert_array_equal(drawn(maps), drawn(maps, colormap="coolwarm"))
    np.testing.assert_array_equal(drawn(abs(maps)), drawn(abs(maps), colormap="gray"))


def test_scale_of_a_layer_is_shared_and_scale_of_a_map_is_not() -> None:
    pair = np.array([[[0.0, 1.0]], [[0.0, 4.0]]])
    own = drawn(pair, columns=2, colormap="gray")
    shared = drawn(pair, columns=2, colormap="gray", scale="layer")
    assert own[0, [1, 5], 0].tolist() == [255, 255]
    assert shared[0, [1, 5], 0].tolist() == [64, 255]


def test_clip_saturates_what_lies_beyond_the_percentile() -> None:
    values = np.concatenate([np.linspace(0, 1, 99), [1000.0]])[None, None]
    assert drawn(values, colormap="gray")[0, 98, 0] == 0
    assert drawn(values, colormap="gray", clip=98)[0, 98, 0] == 255


@pytest.mark.parametrize(("columns", "shape"), [(None, (14, 31)), (2, (22, 20)), (9, (6, 53))])
def test_maps_stand_in_rows_with_gaps(
    maps: NDArray[Any], columns: int | None, shape: tuple[int, int]
) -> None:
    picture = drawn(maps, columns=columns)
    assert picture.shape[:2] == shape
    assert np.all(picture[0, 9:11] == 255) or columns == 1


@pytest.mark.parametrize(
    ("count", "down", "across"),
    [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 2), (5, 2, 3), (8, 2, 4), (10, 2, 5), (32, 4, 8)],
)
def test_montage_is_about_square_with_few_holes(count: int, down: int, across: int) -> None:
    picture = drawn(np.arange(float(count * 2 * 3)).reshape(count, 2, 3))
    gap = 2
    assert picture.shape[:2] == (down * (2 + gap) - gap, across * (3 + gap) - gap)


def test_each_map_stands_in_its_place(maps: NDArray[Any]) -> None:
    montage = drawn(maps, columns=2)
    np.testing.assert_array_equal(montage[8:14, 11:20], drawn(maps[3:4]))


def test_what_is_not_finite_is_magenta_and_leaves_the_scale_alone() -> None:
    picture = drawn(np.array([[[0.0, np.nan, np.inf, 1.0, -np.inf]]]), colormap="gray", center=None)
    assert [tuple(cell) for cell in picture[0]] == [(0, 0, 0), MAGENTA, MAGENTA, WHITE, MAGENTA]


def test_values_near_the_largest_float_do_not_overflow() -> None:
    picture = drawn(np.array([[[-1.7e308, 0.0, 1.7e308]]]), colormap="seismic")
    assert tuple(picture[0, 1]) == WHITE


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (3.0, 255)])
def test_constant_map_is_drawn_by_its_magnitude(value: float, expected: int) -> None:
    assert drawn(np.full((1, 2, 3), value), colormap="gray")[0, 0, 0] == expected


def test_overlay_lets_the_input_through_by_its_share(maps: NDArray[Any]) -> None:
    under = noise(6, 9, 3)
    alone = drawn(maps[:1]).astype(float)
    mixed = drawn(maps[:1], under, overlay=0.25)
    np.testing.assert_allclose(mixed, 0.75 * alone + 0.25 * under, atol=0.51)


def test_legend_adds_a_bar_that_runs_through_the_colours(maps: NDArray[Any]) -> None:
    picture = drawn(maps[:1], legend=True, colormap="viridis")
    assert picture.shape == (6 + 24, 120, 3)
    np.testing.assert_array_equal(picture[10, [0, -1]], table("viridis", 253)[[0, -1]])
    assert picture[17:].min() < 100


def test_montage_of_too_many_pixels_is_refused() -> None:
    maps = np.broadcast_to(np.float32(0), (512, 1024, 1024))
    with pytest.raises(PictureTooLarge, match="max_side"):
        render(maps)


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_colour_map_never_repeats_a_colour_at_both_ends(name: str) -> None:
    colors = table(name, 256).astype(int)
    assert abs(colors[0] - colors[-1]).sum() > 100
    assert abs(np.diff(colors, axis=0)).max() <= 12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_near_the_smallest_float_keep_their_colours(dtype: type) -> None:
    ordinary = np.array([[[0, 1, 2, 4, 8, -8]]], dtype)
    tiny = ordinary * np.finfo(dtype).smallest_subnormal
    np.testing.assert_array_equal(drawn(tiny), drawn(ordinary))
    left_out = np.concatenate([np.tile(abs(tiny), 50), [[[1e38]]]], axis=2)
    assert drawn(left_out, clip=90, colormap="gray")[0, -1, 0] == 255
