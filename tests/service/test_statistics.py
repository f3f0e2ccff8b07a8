"""Numbers about channels."""

import numpy as np
import pytest

from app.service.statistics import channel_stats


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_statistics_are_those_of_each_channel_over_the_batch(
    dtype: type, rng: np.random.Generator
) -> None:
    maps = rng.normal(5, [[[[1.0]], [[100.0]]]], size=(3, 2, 13, 7)).astype(dtype)
    maps[0, 1, 2, 3] = maps[2, 1, 0, 0] = 0
    for channel, stats in enumerate(channel_stats(maps)):
        values = maps[:, channel].astype(np.float64)
        found = (stats.min, stats.max, stats.mean, stats.std)
        expected = (values.min(), values.max(), values.mean(), values.std())
        assert found == pytest.approx(expected, rel=1e-5)
        assert stats.zeros == [0, 2][channel]
        assert stats.nonfinite == 0


def test_deviation_of_a_narrow_range_far_from_zero_keeps_its_digits() -> None:
    values = (1e6 + np.tile([0.0, 1.0], 5000)).astype(np.float32).reshape(1, 1, 100, 100)
    assert channel_stats(values)[0].std == pytest.approx(0.5, rel=1e-2)


def test_first_value_far_from_the_rest_does_not_spoil_the_deviation(
    rng: np.random.Generator,
) -> None:
    values = rng.normal(size=(1, 1, 70_000)).astype(np.float32)
    values[0, 0, 0] = 1e5
    stats = channel_stats(values)[0]
    exact = values.astype(np.float64)
    assert (stats.mean, stats.std) == pytest.approx((exact.mean(), exact.std()), rel=1e-4)
    later = channel_stats(np.roll(values, 1000, axis=2))[0]
    assert later.std == pytest.approx(exact.std(), rel=1e-4)


def test_non_finite_values_are_counted_and_left_out() -> None:
    maps = np.array([1, np.nan, 3, np.inf, -np.inf, 0], np.float32).reshape(1, 1, 6)
    stats = channel_stats(maps)[0]
    assert (stats.min, stats.max, stats.zeros, stats.nonfinite) == (0, 3, 1, 3)
    assert stats.mean == pytest.approx(4 / 3)


def test_squares_that_overflow_float32_do_not_spoil_the_deviation() -> None:
    stats = channel_stats(np.array([-3e38, 3e38], np.float32).reshape(1, 1, 2))[0]
    assert stats.std == pytest.approx(3e38)


@pytest.mark.parametrize("count", [2, 140_000, 700_000])
@pytest.mark.parametrize("least", [-1.7e308, 2.0, 1.7e308])
def test_squares_that_overflow_float64_do_not_spoil_the_deviation(least: float, count: int) -> None:
    values = np.tile([least, 1.7e308, 0.0, 1.7e308], count // 2)
    stats = channel_stats(values.reshape(1, 1, -1))[0]
    share = values / 1.7e308
    assert stats.mean == pytest.approx(share.mean() * 1.7e308)
    assert stats.std == pytest.approx(share.std() * 1.7e308)
    assert (stats.min, stats.max, stats.zeros) == (min(least, 0), 1.7e308, count // 2)


def test_channel_without_a_finite_value_has_no_range() -> None:
    stats = channel_stats(np.full((1, 1, 2, 2), np.nan))[0]
    assert np.isnan(stats.min)
    assert stats.nonfinite == 4
    assert channel_stats(np.zeros((0, 2, 3)))[1].zeros == 0


def test_vector_counts_as_one_channel(rng: np.random.Generator) -> None:
    assert len(channel_stats(rng.normal(size=(2, 10)))) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squares_that_vanish_do_not_spoil_the_deviation(
    dtype: type, rng: np.random.Generator
) -> None:
    scale = float(np.finfo(dtype).tiny) / 1000
    shares = rng.integers(-900, 900, 400)
    values = (shares * (scale / 1000)).astype(dtype).reshape(1, 1, 20, 20)
    stats = channel_stats(values)[0]
    exact = values.astype(np.float64) / scale
    assert stats.std / scale == pytest.approx(exact.std(), rel=1e-3)
    assert stats.mean / scale == pytest.approx(exact.mean(), rel=1e-3)
