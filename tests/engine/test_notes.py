"""The numbers of the source notes and of their errata, exact in float64."""

import numpy as np
import pytest

from app.engine import conv1d, conv1d_backward, conv2d, reference

X = np.array([1, 2, 3, 4, 5])[None, None]
ONES = np.array([1, 1, 1])[None, None]
BATCH = np.array([[1, 2, 3, 4, 5], [10, 11, 2, 3, 4]])[:, None]
SHOWN = np.array([[1, 2, 3, 4, 5], [0, 1, 2, 3, 4]])[:, None]


def test_convolution_of_the_notes_first_example() -> None:
    assert conv1d(X, ONES, padding="same").tolist() == [[[3, 6, 9, 12, 9]]]
    assert reference.conv1d(X, ONES, padding=(1, 1)).tolist() == [[[3, 6, 9, 12, 9]]]


def test_gradients_of_the_sum() -> None:
    grads = conv1d_backward(np.ones((1, 1, 5)), X, ONES, padding="same")
    assert grads.input.tolist() == [[[2, 3, 3, 3, 2]]]
    assert grads.kernel.tolist() == [[[10, 15, 14]]]
    assert grads.bias.tolist() == [5]


@pytest.mark.parametrize(
    ("batch", "maps", "kernel_gradient"),
    [
        (BATCH, [[3, 6, 9, 12, 9], [21, 23, 16, 9, 7]], [36, 45, 34]),
        (SHOWN, [[3, 6, 9, 12, 9], [1, 3, 6, 9, 7]], [16, 25, 24]),
    ],
    ids=["the stale batch", "the batch as shown"],
)
def test_batch(batch: np.ndarray, maps: list[list[int]], kernel_gradient: list[int]) -> None:
    assert conv1d(batch, ONES, padding="same")[:, 0].tolist() == maps
    grads = conv1d_backward(np.ones((2, 1, 5)), batch, ONES, padding="same")
    assert grads.input[:, 0].tolist() == [[2, 3, 3, 3, 2]] * 2
    assert grads.kernel.tolist() == [[kernel_gradient]]


def test_finite_differences_of_the_sum_are_the_gradients() -> None:
    before = conv1d(X, ONES, padding="same").sum()
    assert conv1d(np.array([[[1, 2, 3, 4, 6]]]), ONES, padding="same").sum() - before == 2
    assert conv1d(X, np.array([[[2, 1, 1]]]), padding="same").sum() - before == 10


def test_patch_formula_in_two_dimensions_has_rows_before_cols() -> None:
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    kernel = np.array([[1.0, 10, 100], [1e3, 1e4, 1e5], [1e6, 1e7, 1e8]])[None, None]
    centre = conv2d(x, kernel, padding="same")[0, 0, 2, 2]
    assert centre == (kernel[0, 0] * x[0, 0, 1:4, 1:4]).sum() == 1_987_431_876


@pytest.mark.parametrize(
    ("padding", "maps"), [("same", [21, 32, 43, 4]), ("same_lower", [10, 21, 32, 43])]
)
def test_even_kernel(padding: str, maps: list[int]) -> None:
    x, kernel = np.array([[[1, 2, 3, 4]]]), np.array([[[1, 10]]])
    assert conv1d(x, kernel, padding=padding).tolist() == [[maps]]


def test_keep_is_as_large_as_the_input_at_any_stride() -> None:
    x = np.random.default_rng(0).standard_normal((1, 1, 5, 8))
    kernel = np.ones((1, 1, 3, 4))
    for stride in (1, 2, 3, (4, 5)):
        assert conv2d(x, kernel, stride=stride, padding="keep").shape == x.shape
