"""Kernel forms, presets and initialisers."""

import math

import numpy as np
import pytest

from app.engine.errors import EngineError, ParameterError, ShapeError
from app.engine.initialisers import INITIALISERS, random_kernel
from app.engine.kernels import (
    PRESETS,
    KernelLike,
    PresetKernel,
    RandomKernel,
    expand_kernel,
    real_array,
)

RNG = np.random.default_rng(41)


def test_presets_are_complete_and_can_not_be_changed() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.finds.endswith(".")
        assert preset.source
        assert preset.matrix.ndim == (1 if name.endswith("_1d") else 2)
        with pytest.raises(ValueError, match="read-only"):
            preset.matrix[0] = 1
    np.testing.assert_array_equal(PRESETS["sobel_x"].matrix, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


@pytest.mark.parametrize("name", ["box", "gaussian", "gaussian_5x5", "sharpen", "motion_blur"])
def test_a_blurring_preset_keeps_the_brightness(name: str) -> None:
    assert PRESETS[name].matrix.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["sobel_x", "scharr_y", "laplacian", "laplacian_of_gaussian"])
def test_an_edge_preset_is_blind_to_brightness(name: str) -> None:
    assert PRESETS[name].matrix.sum() == 0


@pytest.mark.parametrize(
    ("shape", "channels", "groups", "full", "made"),
    [
        ((5, 2, 3, 4), 2, 1, (5, 2, 3, 4), 1),
        ((6, 2, 3, 4), 4, 2, (6, 2, 3, 4), 2),
        ((3, 5, 2), 3, 1, (1, 3, 5, 2), 1),
        ((3, 2), 3, 1, (3, 1, 3, 2), 3),
        ((3, 2), 3, 3, (3, 1, 3, 2), 3),
    ],
)
def test_written_kernels_come_in_full_form(
    shape: tuple[int, ...], channels: int, groups: int, full: tuple[int, ...], made: int
) -> None:
    kernel = RNG.standard_normal(shape)
    expanded, found = expand_kernel(kernel, channels, groups)
    assert (expanded.shape, found) == (full, made)
    np.testing.assert_array_equal(expanded, np.broadcast_to(kernel.reshape((-1, *full[1:])), full))
    line, found = expand_kernel(kernel[..., 0], channels, groups, rank=1)
    assert (line.shape, found) == (full[:-1], made)
    np.testing.assert_array_equal(line, expanded[..., 0])


@pytest.mark.parametrize(
    ("shape", "channels", "groups", "full", "made"),
    [
        ((4, 3, 2, 5), 4, 2, (4, 3, 2, 5), 2),
        ((4, 3, 2), 4, 1, (4, 1, 3, 2), 1),
        ((3, 2), 4, 1, (4, 1, 3, 2), 4),
    ],
)
def test_transposed_kernels_begin_with_the_input_channels(
    shape: tuple[int, ...], channels: int, groups: int, full: tuple[int, ...], made: int
) -> None:
    expanded, found = expand_kernel(np.ones(shape), channels, groups, transposed=True)
    assert (expanded.shape, found) == (full, made)


def test_a_preset_is_applied_to_each_channel_by_itself() -> None:
    kernel, groups = expand_kernel(PresetKernel("scharr_x"), 3)
    assert groups == 3
    for filter_ in kernel:
        np.testing.assert_array_equal(filter_[0], PRESETS["scharr_x"].matrix)
    assert expand_kernel(PresetKernel("smooth_1d"), 2, rank=1)[0].shape == (2, 1, 3)


def test_random_kernels_take_their_channels_from_the_input() -> None:
    kernel, groups = expand_kernel(RandomKernel(6, (3, 2), seed=8), 4, 2)
    assert (kernel.shape, groups) == ((6, 2, 3, 2), 2)
    turned, _ = expand_kernel(RandomKernel(6, (3, 2)), 4, 2, transposed=True)
    assert turned.shape == (4, 3, 3, 2)
    assert expand_kernel(RandomKernel(6, 5), 4, rank=1)[0].shape == (6, 4, 5)


def test_a_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    one, two, other = (expand_kernel(RandomKernel(2, 3, seed=s), 1)[0] for s in (7, 7, 8))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("init", "mean", "deviation", "low", "high"),
    [
        ("he_normal", 0, math.sqrt(2 / 50), -math.inf, math.inf),
        ("he_uniform", 0, math.sqrt(2 / 50), -math.sqrt(6 / 50), math.sqrt(6 / 50)),
        ("xavier_normal", 0, math.sqrt(2 / 200), -math.inf, math.inf),
        ("xavier_uniform", 0, math.sqrt(2 / 200), -math.sqrt(6 / 200), math.sqrt(6 / 200)),
        ("normal", 0, 1, -math.inf, math.inf),
        ("uniform", 0.5, math.sqrt(1 / 12), 0, 1),
    ],
)
def test_initialisers_have_the_spread_of_their_papers(
    init: str, mean: float, deviation: float, low: float, high: float
) -> None:
    weights = random_kernel((200, 400), init, 3, fan_in=50, fan_out=150)
    assert init in INITIALISERS
    assert weights.mean() == pytest.approx(mean, abs=deviation / 50)
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert low <= weights.min()
    assert weights.max() <= high
    if math.isfinite(high):
        assert weights.max() > high - 0.01 * (high - low)


def test_fans_of_a_kernel_count_channels_of_a_group_and_taps() -> None:
    # 4 channels, 2 groups, 5·5 taps: 50 inputs to an output, and 80 filters / 2 · 25 from an input.
    kernel, _ = expand_kernel(RandomKernel(80, 5, "he_uniform"), 4, 2)
    assert kernel.max() == pytest.approx(math.sqrt(6 / 50), rel=0.01)
    kernel, _ = expand_kernel(RandomKernel(80, 5, "xavier_uniform"), 4, 2)
    assert kernel.max() == pytest.approx(math.sqrt(6 / (50 + 1000)), rel=0.01)
    turned, _ = expand_kernel(RandomKernel(80, 5, "he_uniform"), 4, 2, transposed=True)
    assert turned.max() == pytest.approx(math.sqrt(6 / 50), rel=0.01)


@pytest.mark.parametrize(
    ("kernel", "rank", "kind", "path", "legal"),
    [
        (np.ones(3), 2, ShapeError, ("kernel",), r"\(KH, KW\)"),
        (np.ones((1,) * 5), 2, ShapeError, ("kernel",), "5 axes"),
        (np.ones((1,) * 4), 1, ShapeError, ("kernel",), r"\(K,\)"),
        (np.ones((3, 0)), 2, ShapeError, ("kernel",), "at least 1"),
        ([[1, 2], [3]], 2, ParameterError, ("kernel",), "every row as long"),
        ([["a"]], 2, ParameterError, ("kernel",), "real numbers"),
        (np.ones((2, 3, 3, 3)), 2, ShapeError, ("kernel",), "C/groups = 4/2"),
        (np.ones((3, 2, 3, 3)), 2, ShapeError, ("kernel",), "multiples of 2"),
        (np.ones((4, 3, 3)), 2, ShapeError, ("kernel",), "C/groups"),
        (np.ones((3, 3)), 2, ParameterError, ("groups",), "1 and 4"),
        (PresetKernel("sobel"), 2, ParameterError, ("kernel",), "sobel_x"),
        (PresetKernel("sobel_x"), 1, ParameterError, ("kernel",), "smooth_1d"),
        (RandomKernel(0, 3), 2, ParameterError, ("kernel", "random", "filters"), "1"),
        (RandomKernel(3, 3), 2, ShapeError, ("kernel",), "multiples of 2"),
        (RandomKernel(2, 0), 2, ParameterError, ("kernel", "random", "size"), "1"),
        (RandomKernel(2, (3, 3)), 1, ParameterError, ("kernel", "random", "size"), "integer"),
        (RandomKernel(2, 3, "zeros"), 2, ParameterError, ("kernel", "random", "init"), "he_normal"),
        (RandomKernel(2, 3, seed=-1), 2, ParameterError, ("kernel", "random", "seed"), "0"),
    ],
)
def test_kernels_that_do_not_fit_are_refused_with_what_would(
    kernel: KernelLike, rank: int, kind: type[EngineError], path: tuple[str, ...], legal: str
) -> None:
    with pytest.raises(kind, match=legal) as caught:
        expand_kernel(kernel, 4, 2, rank)
    assert caught.value.path == path
    assert caught.value.legal


def test_a_transposed_kernel_of_other_channels_is_refused() -> None:
    with pytest.raises(ShapeError, match="legal is 4"):
        expand_kernel(np.ones((3, 2, 3, 3)), 4, 1, transposed=True)


def test_complex_numbers_are_no_real_array() -> None:
    with pytest.raises(ParameterError, match="real numbers"):
        real_array(np.ones(2, complex), "bias")
