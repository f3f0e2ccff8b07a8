"""The oracle itself, against NumPy's own padding and correlation and numbers found by hand."""

from typing import Any

import numpy as np
import pytest

from app.engine import reference, reference_pooling

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("mode", "numpy_mode"),
    [("zeros", "constant"), ("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")],
)
def test_padding_is_that_of_numpy(mode: str, numpy_mode: Any) -> None:
    x = RNG.standard_normal((1, 1, 4, 5))
    padded = np.pad(x, ((0, 0), (0, 0), (3, 1), (0, 4)), numpy_mode)
    identity = np.ones((1, 1, 1, 1))
    out = reference.conv2d(x, identity, padding=((3, 1), (0, 4)), padding_mode=mode)
    assert np.array_equal(out, padded)


def test_correlation_is_that_of_numpy() -> None:
    x, kernel = RNG.standard_normal((1, 1, 7)), RNG.standard_normal((1, 1, 3))
    assert reference.conv1d(x, kernel)[0, 0] == pytest.approx(np.correlate(x[0, 0], kernel[0, 0]))


def test_windows_of_every_group_stride_and_dilation_are_those_of_numpy() -> None:
    x, kernel = RNG.standard_normal((2, 4, 7, 9)), RNG.standard_normal((6, 2, 2, 3))
    windows = np.lib.stride_tricks.sliding_window_view(x, (4, 5), (2, 3))[:, :, ::2, ::3, ::3, ::2]
    split = windows.reshape(2, 2, 2, *windows.shape[2:])
    expected = np.einsum("ngcijuv,gocuv->ngoij", split, kernel.reshape(2, 3, 2, 2, 3))
    out = reference.conv2d(x, kernel, stride=(2, 3), dilation=(3, 2), groups=2)
    assert out == pytest.approx(expected.reshape(out.shape))


def test_gradients_of_a_picture_of_two_by_hand() -> None:
    x, kernel, upstream = np.array([[[3.0, 5]]]), np.array([[[2.0, 7]]]), np.array([[[11.0]]])
    grads = reference.conv1d_backward(upstream, x, kernel)
    assert [g.ravel().tolist() for g in grads] == [[22, 77], [33, 55], [11]]


def test_transposed_convolution_by_hand() -> None:
    x, kernel = np.array([[[[1.0, 2]]]]), np.array([[[[1.0, 10, 100]]]])
    out = reference.conv_transpose2d(x, kernel, np.array([1000.0]), stride=(1, 2))
    assert out.tolist() == [[[[1001, 1010, 1102, 1020, 1200]]]]
    grad_x, grad_kernel, grad_bias = reference.conv_transpose2d_backward(
        np.array([[[[1.0, 2, 3, 4, 5]]]]), x, kernel, stride=(1, 2)
    )
    assert grad_x.tolist() == [[[[321, 543]]]]
    assert grad_kernel.tolist() == [[[[7, 10, 13]]]]
    assert grad_bias.tolist() == [15]


def test_first_maximum_in_row_major_order_gets_the_whole_gradient() -> None:
    x = np.array([[[[1.0, 4, 4, 0], [4, 2, 0, 9]]]])
    out, places = reference_pooling.max_pool2d(x, (2, 2), (1, 1))
    assert out.tolist() == [[[[4, 4, 9]]]]
    grad = reference_pooling.max_pool2d_backward(np.array([[[[1.0, 20, 300]]]]), x, places)
    assert grad.tolist() == [[[[0, 21, 0, 0], [0, 0, 0, 300]]]]


def test_padding_of_a_maximum_is_minus_infinity_and_nan_wins() -> None:
    x = np.array([[[[-5.0, -3, np.nan]]]])
    out, places = reference_pooling.max_pool2d(x, (1, 2), (1, 2), ((0, 0), (1, 0)))
    assert out[0, 0, 0, 0] == -5
    assert np.isnan(out[0, 0, 0, 1])
    assert places == {(0, 0, 0, 0): (0, 0, 0, 0), (0, 0, 0, 1): (0, 0, 0, 2)}


def test_average_of_a_window_that_overhangs() -> None:
    x = np.arange(1.0, 6).reshape(1, 1, 1, 5)
    out = reference_pooling.avg_pool2d(x, (1, 2), (1, 2), ceil_mode=True)
    assert out.tolist() == [[[[1.5, 3.5, 5]]]]
    grad = reference_pooling.avg_pool2d_backward(
        np.array([[[[2.0, 4, 6]]]]), x, (1, 2), (1, 2), ceil_mode=True
    )
    assert grad.tolist() == [[[[1, 1, 2, 2, 6]]]]


@pytest.mark.parametrize(("counted", "expected"), [(True, [1, 2.5, 4.5]), (False, [2, 2.5, 4.5])])
def test_average_may_or_may_not_count_the_padding(counted: bool, expected: list[float]) -> None:
    x = np.array([2.0, 1, 4, 4, 5]).reshape(1, 1, 1, 5)
    pads = ((0, 0), (1, 0))
    out = reference_pooling.avg_pool2d(x, (1, 2), (1, 2), pads, count_include_pad=counted)
    assert out.ravel().tolist() == expected
    upstream = np.array([[[[2.0, 4, 6]]]])
    grad = reference_pooling.avg_pool2d_backward(
        upstream, x, (1, 2), (1, 2), pads, count_include_pad=counted
    )
    assert grad.ravel().tolist() == [1 if counted else 2, 2, 2, 3, 3]
