"""Pooling against the reference loops, at its edges, and in blocks."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.engine import average_pooling, pooling, reference_pooling, taps
from app.engine.bits import copy_every
from app.engine.geometry import pooled_size
from app.engine.pooling import PoolWindow

RNG = np.random.default_rng(5)


def window_of(
    shape: tuple[int, ...],
    size: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    ceil: bool = False,
) -> PoolWindow:
    rows, cols = (
        pooled_size(n, k, s, d, p, p, ceil)
        for n, k, s, d, p in zip(shape[2:], size, stride, dilation, pad, strict=True)
    )
    return PoolWindow(size, stride, ((pad[0],) * 2, (pad[1],) * 2), dilation, (rows, cols))


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    return {
        "shape": (2, 2, draw(st.integers(1, 9)), draw(st.integers(1, 9))),
        "size": size,
        "stride": draw(st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "pad": (draw(st.integers(0, size[0] // 2)), draw(st.integers(0, size[1] // 2))),
        "dilation": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "ceil": draw(st.booleans()),
    }


def built(geometry: dict[str, Any]) -> tuple[np.ndarray, PoolWindow]:
    try:
        window = window_of(**geometry)
    except ValueError:
        assume(False)
    # Small integers: ties in most windows.
    return RNG.integers(-2, 3, geometry["shape"]).astype(np.float64), window


def check_max(x: np.ndarray, window: PoolWindow, ceil: bool) -> None:
    arguments = (window.size, window.stride, window.padding, window.dilation, ceil)
    expected, places = reference_pooling.max_pool2d(x, *arguments)
    upstream = RNG.standard_normal(expected.shape)
    before = x.copy(), upstream.copy()
    out, chosen = pooling.max_pool2d_chosen(x, window)
    grad = pooling.max_pool2d_backward(upstream, x, window, chosen)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(pooling.max_pool2d(x, window), expected)
    np.testing.assert_allclose(
        grad, reference_pooling.max_pool2d_backward(upstream, x, places), rtol=1e-12, atol=1e-14
    )
    np.testing.assert_array_equal(pooling.max_pool2d_backward(upstream, x, window), grad)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(upstream, before[1])


def check_avg(x: np.ndarray, window: PoolWindow, ceil: bool, counted: bool) -> None:
    arguments = (window.size, window.stride, window.padding, ceil, counted)
    upstream = RNG.standard_normal((*x.shape[:2], *window.output))
    np.testing.assert_allclose(
        average_pooling.avg_pool2d(x, window, counted),
        reference_pooling.avg_pool2d(x, *arguments),
        rtol=1e-12,
        atol=1e-14,
    )
    np.testing.assert_allclose(
        average_pooling.avg_pool2d_backward(upstream, x, window, counted),
        reference_pooling.avg_pool2d_backward(upstream, x, *arguments),
        rtol=1e-12,
        atol=1e-14,
    )


@settings(max_examples=60, deadline=None)
@given(geometries())
def test_maximum_and_its_gradient_are_those_of_the_loops(geometry: dict[str, Any]) -> None:
    x, window = built(geometry)
    check_max(x, window, geometry["ceil"])


@settings(max_examples=60, deadline=None)
@given(geometries(), st.booleans())
def test_average_and_its_gradient_are_those_of_the_loops(
    geometry: dict[str, Any], counted: bool
) -> None:
    x, window = built({**geometry, "dilation": (1, 1)})
    check_avg(x, window, geometry["ceil"], counted)


@pytest.mark.parametrize("block", [1, 20, 70])
@pytest.mark.parametrize(
    ("size", "stride", "pad", "dilation"),
    [
        ((2, 2), (2, 2), (0, 0), (1, 1)),
        ((3, 2), (2, 1), (1, 1), (1, 1)),
        ((3, 3), (4, 5), (0, 1), (1, 1)),
        ((2, 3), (2, 3), (1, 0), (2, 1)),
    ],
)
def test_blocks_and_workers_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    monkeypatch.setattr(taps, "_BLOCK", block)
    monkeypatch.setattr(taps, "_WORTH_SHARING", 0)
    x = RNG.integers(-3, 4, (2, 3, 11, 8)).astype(np.float64)
    check_max(x, window_of(x.shape, size, stride, pad, dilation), ceil=False)
    check_avg(x, window_of(x.shape, size, stride, pad), ceil=False, counted=False)


def test_the_first_of_equal_cells_in_row_major_order_takes_the_gradient() -> None:
    # 7 stands at (0, 1) and (1, 0): the one further right comes first.
    x = np.array([[[[1.0, 7.0, 7.0], [7.0, 0.0, 7.0]]]])
    window = window_of(x.shape, (2, 3), (1, 1))
    grad = pooling.max_pool2d_backward(np.array([[[[2.5]]]]), x, window)
    np.testing.assert_array_equal(grad, [[[[0, 2.5, 0], [0, 0, 0]]]])


def test_overlapping_windows_add_up_their_gradients() -> None:
    x = np.array([[[[0.0, 9.0, 0.0, 1.0]]]])
    grad = pooling.max_pool2d_backward(
        np.array([[[[2.0, 3.0, 4.0]]]]), x, window_of(x.shape, (1, 2), (1, 1))
    )
    np.testing.assert_array_equal(grad, [[[[0, 5, 0, 4]]]])


def test_a_nan_reaches_only_the_windows_that_hold_it_and_takes_their_gradient() -> None:
    x = RNG.standard_normal((1, 2, 4, 6))
    x[0, 0, 1, 1] = np.nan
    window = window_of(x.shape, (2, 2), (2, 2))
    out, chosen = pooling.max_pool2d_chosen(x, window)
    assert np.isnan(out).sum() == 1
    assert np.isnan(out[0, 0, 0, 0])
    assert np.isnan(pooling.max_pool2d(x, window)[0, 0, 0, 0])
    grad = pooling.max_pool2d_backward(np.ones_like(out), x, window, chosen)
    assert grad[0, 0, 1, 1] == 1


def test_of_several_nans_the_last_takes_the_gradient_as_in_pytorch() -> None:
    x = np.array([[[[np.nan, 1.0], [np.nan, 5.0]]]])
    grad = pooling.max_pool2d_backward(
        np.full((1, 1, 1, 1), 3.0), x, window_of(x.shape, (2, 2), (2, 2))
    )
    np.testing.assert_array_equal(grad, [[[[0, 0], [3, 0]]]])


def test_infinite_upstream_stays_where_the_maximum_stands() -> None:
    x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    for stride in ((2, 2), (1, 1)):
        window = window_of(x.shape, (2, 2), stride)
        grad = pooling.max_pool2d_backward(np.full((1, 1, 1, 1), np.inf), x, window)
        np.testing.assert_array_equal(grad, [[[[0, 0], [0, np.inf]]]])


def test_where_all_is_minus_infinity_the_first_cell_of_the_input_takes_the_gradient() -> None:
    x = np.full((1, 1, 3, 3), -np.inf)
    window = window_of(x.shape, (2, 2), (3, 3), (1, 1))
    out, chosen = pooling.max_pool2d_chosen(x, window)
    grad = pooling.max_pool2d_backward(np.full(out.shape, 2.0), x, window, chosen)
    assert np.isneginf(out).all()
    assert grad[0, 0, 0, 0] == 2


def test_large_windows_remember_places_beyond_a_byte() -> None:
    x = RNG.standard_normal((1, 1, 2, 600))
    x[0, 0, 1, 511] = 99
    window = window_of(x.shape, (2, 600), (1, 1))
    grad = pooling.max_pool2d_backward(np.ones((1, 1, 1, 1)), x, window)
    assert grad[0, 0, 1, 511] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_stays_and_empty_batches_are_legal(dtype: type) -> None:
    for batch in (0, 2):
        x = RNG.standard_normal((batch, 3, 5, 4)).astype(dtype)
        window = window_of(x.shape, (2, 2), (2, 1))
        out, chosen = pooling.max_pool2d_chosen(x, window)
        average = average_pooling.avg_pool2d(x, window)
        grad = pooling.max_pool2d_backward(out, x, window, chosen)
        assert out.dtype == average.dtype == grad.dtype == dtype
        assert average_pooling.avg_pool2d_backward(average, x, window).dtype == dtype
        assert out.shape == average.shape == (batch, 3, 2, 3)
        assert grad.shape == x.shape


@pytest.mark.parametrize("at_once", [1, 5])
@pytest.mark.parametrize(("size", "stride"), [((3, 3), (2, 2)), ((2, 2), (4, 3)), ((1, 1), (1, 1))])
def test_gradients_sent_back_row_by_row_are_those_of_the_loops(
    monkeypatch: pytest.MonkeyPatch, at_once: int, size: tuple[int, int], stride: tuple[int, int]
) -> None:
    monkeypatch.setattr(pooling, "_AT_ONCE", at_once)
    x = RNG.integers(-3, 4, (2, 3, 11, 8)).astype(np.float64)
    check_max(x, window_of(x.shape, size, stride), ceil=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 5, 6])
def test_every_nth_column_is_copied_whatever_the_layout(dtype: type, step: int, width: int) -> None:
    wide = RNG.standard_normal((3, 2 * width + 2)).astype(dtype)
    for source in (wide[:, :width], wide[:, 1 : width + 1], wide[:, ::2][:, :width]):
        out = np.empty((3, -(-width // step)), dtype)
        copy_every(source, step, out)
        np.testing.assert_array_equal(out, source[:, ::step])
