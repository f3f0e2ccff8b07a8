"""conv2d, conv1d and their gradients against the reference, the adjoint and finite differences."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from app.engine import (
    EngineError,
    ParameterError,
    ShapeError,
    conv1d,
    conv1d_backward,
    conv2d,
    conv2d_backward,
    interrupt,
    plan,
    reference,
)
from app.engine.algorithms import separable
from tests.engine.cases import GRID, Case, assert_close, random_cases

RNG = np.random.default_rng(7)
X = RNG.standard_normal((2, 4, 6, 7))
KERNEL = RNG.standard_normal((6, 2, 3, 3))


def check_against_reference(case: Case, dtype: str) -> None:
    x, kernel, bias, upstream = case.arrays(dtype)
    maps = conv2d(x, kernel, bias, **case.keywords)
    assert maps.dtype == x.dtype
    assert maps.flags.c_contiguous
    assert_close(maps, reference.conv2d(x, kernel, bias, **case.keywords))
    grads = conv2d_backward(upstream, x, kernel, **case.keywords)
    expected = reference.conv2d_backward(upstream, x, kernel, **case.keywords)
    for grad, oracle in zip((grads.input, grads.kernel, grads.bias), expected, strict=True):
        assert grad is not None
        assert grad.dtype == x.dtype
        assert_close(grad, oracle)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", GRID, ids=repr)
def test_grid_of_geometries_agrees_with_the_reference(case: Case, dtype: str) -> None:
    check_against_reference(case, dtype)


@settings(max_examples=60, deadline=None)
@given(random_cases())
def test_random_geometry_agrees_with_the_reference(case: Case) -> None:
    check_against_reference(case, "float64")


@settings(max_examples=60, deadline=None)
@given(random_cases())
def test_adjoint_identity(case: Case) -> None:
    x, kernel, _, upstream = case.arrays()
    grads = conv2d_backward(upstream, x, kernel, **case.keywords)
    forward = np.vdot(conv2d(x, kernel, **case.keywords), upstream)
    scale = np.sqrt((upstream**2).sum() * (x**2).sum() * (kernel**2).sum()) + 1
    assert abs(np.vdot(x, grads.input) - forward) <= 1e-13 * scale
    assert abs(np.vdot(kernel, grads.kernel) - forward) <= 1e-13 * scale


@pytest.mark.parametrize("case", GRID[:24], ids=repr)
def test_finite_differences_of_step_one_are_exact(case: Case) -> None:
    x, kernel, _, upstream = case.arrays()
    grads = conv2d_backward(upstream, x, kernel, **case.keywords)
    places = np.random.default_rng(3)

    def loss_of_x(changed: np.ndarray) -> float:
        return float(np.vdot(conv2d(changed, kernel, **case.keywords), upstream))

    def loss_of_kernel(changed: np.ndarray) -> float:
        return float(np.vdot(conv2d(x, changed, **case.keywords), upstream))

    for loss, at, grad in ((loss_of_x, x, grads.input), (loss_of_kernel, kernel, grads.kernel)):
        scale = max(1.0, abs(loss(at)), float(np.abs(grad).max()))
        for _ in range(4):
            index = tuple(int(places.integers(n)) for n in at.shape)
            numeric = reference.finite_difference(loss, at, index)
            assert abs(numeric - grad[index]) <= 1e-12 * scale


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_one_dimension_agrees_with_the_reference(mode: str) -> None:
    x, kernel, bias = RNG.standard_normal((3, 4, 9)), RNG.standard_normal((6, 2, 4)), np.arange(6.0)
    given = {"stride": 2, "padding": (3, 2), "padding_mode": mode, "dilation": 2, "groups": 2}
    upstream = RNG.standard_normal((3, 6, 4))
    maps = conv1d(x, kernel, bias, flip=True, **given)
    assert_close(maps, reference.conv1d(x, kernel, bias, flip=True, **given))
    grads = conv1d_backward(upstream, x, kernel, flip=True, **given)
    expected = reference.conv1d_backward(upstream, x, kernel, flip=True, **given)
    for grad, oracle in zip((grads.input, grads.kernel, grads.bias), expected, strict=True):
        assert_close(grad, oracle)


@pytest.mark.parametrize("name", ["valid", "same", "same_lower", "full", "keep"])
def test_named_padding_in_one_dimension_is_that_of_the_cols(name: str) -> None:
    x, kernel = RNG.standard_normal((1, 1, 9)), RNG.standard_normal((1, 1, 4))
    flat = conv2d(x[:, :, None], kernel[:, :, None], stride=(1, 2), padding=name)
    assert np.array_equal(conv1d(x, kernel, stride=2, padding=name), flat[:, :, 0])


def test_flip_is_the_convolution_of_mathematics() -> None:
    x, kernel = RNG.standard_normal(9), RNG.standard_normal(4)
    maps = conv1d(x[None, None], kernel[None, None], padding="full", flip=True)
    assert_close(maps[0, 0], np.convolve(x, kernel))


def test_stride_that_leaves_a_remainder_gives_the_dropped_cells_no_gradient() -> None:
    x, kernel = RNG.standard_normal((1, 1, 6, 8)), RNG.standard_normal((1, 1, 3, 3))
    maps = conv2d(x, kernel, stride=2)
    assert maps.shape == (1, 1, 2, 3)
    grad = conv2d_backward(np.ones_like(maps), x, kernel, stride=2).input
    assert not grad[:, :, 5].any()
    assert not grad[:, :, :, 7].any()
    assert grad[:, :, :5, :7].all()


def test_arguments_are_never_changed_and_may_be_read_only() -> None:
    upstream, bias = RNG.standard_normal((2, 6, 6, 7)), np.arange(6.0)
    arrays = (X.copy(), KERNEL.copy(), bias, upstream)
    before = [a.copy() for a in arrays]
    for array in arrays:
        array.flags.writeable = False
    x, kernel, *_ = arrays
    for mode in ("zeros", "circular"):
        options: dict[str, Any] = {"padding": 1, "groups": 2, "padding_mode": mode, "flip": True}
        maps = conv2d(x, kernel, bias, **options)
        grads = conv2d_backward(upstream, x, kernel, **options)
        for result in (maps, grads.input, grads.kernel, grads.bias):
            assert result.flags.writeable
            assert not any(np.shares_memory(result, a) for a in arrays)
    for array, unchanged in zip(arrays, before, strict=True):
        assert np.array_equal(array, unchanged)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=3)[..., ::2],
        lambda a: a[..., ::-1].copy()[..., ::-1],
        lambda a: a.astype(">f8"),
    ],
    ids=["fortran", "strided", "negative strides", "big endian"],
)
def test_memory_layout_does_not_matter(layout: Any) -> None:
    upstream = RNG.standard_normal((2, 6, 4, 5))
    maps = conv2d(layout(X), layout(KERNEL), groups=2)
    assert_close(maps, conv2d(X, KERNEL, groups=2))
    assert maps.dtype == np.float64
    grads = conv2d_backward(layout(upstream), layout(X), layout(KERNEL), groups=2)
    expected = conv2d_backward(upstream, X, KERNEL, groups=2)
    assert_close(grads.input, expected.input)
    assert_close(grads.kernel, expected.kernel)


@pytest.mark.parametrize(
    ("given", "computed"),
    [
        ("bool", "float32"),
        ("uint8", "float32"),
        ("int16", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("int32", "float64"),
        ("int64", "float64"),
        ("float64", "float64"),
    ],
)
def test_input_alone_decides_the_precision(given: str, computed: str) -> None:
    x = np.ones((1, 1, 3, 3), given)
    assert conv2d(x, KERNEL[:1, :1], [0.5]).dtype == computed
    grads = conv2d_backward(np.ones((1, 1, 1, 1)), x, KERNEL[:1, :1])
    assert {grads.input.dtype, grads.kernel.dtype, grads.bias.dtype} == {np.dtype(computed)}


def test_integers_never_wrap() -> None:
    x = np.full((1, 1, 3, 3), 255, np.uint8)
    kernel = np.full((1, 1, 3, 3), 100, np.uint8)
    assert conv2d(x, kernel).item() == 9 * 25500
    assert conv2d(x, -kernel.astype(np.int8)).item() == -9 * 25500
    assert conv2d_backward([[[[200]]]], x, kernel).input.max() == 20000


def test_lists_are_arrays() -> None:
    assert conv2d([[[[1, 2], [3, 4]]]], [[[[1, 0], [0, 1]]]], [10]).tolist() == [[[[15]]]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("stride", [1, 2])
def test_non_finite_value_touches_only_the_outputs_whose_window_holds_it(
    value: float, stride: int, dtype: str
) -> None:
    x, kernel = X[:, :2].astype(dtype), KERNEL[:3].astype(dtype)
    clean = conv2d(x, kernel, padding=1, stride=stride)
    x[1, 0, 3, 4] = value
    maps = conv2d(x, kernel, padding=1, stride=stride)
    touched = np.zeros(maps.shape, bool)
    touched[1, :, slice(2, 5) if stride == 1 else 2, slice(3, 6) if stride == 1 else 2] = True
    if stride == 2:
        touched[1, :, 1] = touched[1, :, 2] = False
        touched[1, :, [1, 2], 2] = True
    assert not np.isfinite(maps[touched]).any()
    assert_close(maps[~touched], clean[~touched])


def test_non_finite_upstream_touches_only_the_cells_below_it() -> None:
    upstream = RNG.standard_normal((2, 6, 6, 7))
    upstream[0, 0, 0, 0] = np.nan
    grad = conv2d_backward(upstream, X, KERNEL, padding=1, groups=2).input
    touched = np.zeros(grad.shape, bool)
    touched[0, :2, :2, :2] = True
    assert np.array_equal(np.isnan(grad), touched)


def test_float32_overflow_is_infinity_without_a_warning() -> None:
    x = np.full((1, 1, 1, 3), 1e38, np.float32)
    assert conv2d(x, np.full((1, 1, 1, 1), 10.0)).tolist() == [[[[np.inf] * 3]]]


def test_only_the_wanted_gradients_are_computed() -> None:
    upstream = RNG.standard_normal((2, 6, 4, 5))
    everything = conv2d_backward(upstream, X, KERNEL, groups=2)
    for name in ("input", "kernel", "bias"):
        only = conv2d_backward(upstream, X, KERNEL, groups=2, wanted=[name])
        for other in ("input", "kernel", "bias"):
            if other == name:
                assert np.array_equal(getattr(only, other), getattr(everything, other))
            else:
                assert getattr(only, other) is None


def test_plan_that_ran_is_recorded_with_a_reason() -> None:
    with plan.recording() as plans:
        conv2d(X, KERNEL, groups=2)
    conv2d(X, KERNEL, groups=2)
    (ran,) = plans
    assert ran.algorithm
    assert ran.reason.endswith(".")


def test_interrupt_stops_a_convolution() -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    big = np.ones((1, 8, 300, 300))
    kernel, upstream = np.ones((8, 8, 3, 3)), np.ones((1, 8, 298, 298))
    with interrupt.scope(stop):
        with pytest.raises(Stopped):
            conv2d(big, kernel)
        for wanted in ("input", "kernel"):
            with pytest.raises(Stopped):
                conv2d_backward(upstream, big, kernel, wanted=[wanted])
    assert conv2d(big, kernel).shape == (1, 8, 298, 298)


@pytest.mark.parametrize(
    ("options", "error", "path", "quoted", "legal"),
    [
        ({"stride": 0}, ParameterError, "stride", "Stride is 0", "≥ 1"),
        ({"stride": True}, ParameterError, "stride", "true", "≥ 1"),
        ({"stride": 1.0}, ParameterError, "stride", "1.0", "≥ 1"),
        ({"stride": "2"}, ParameterError, "stride", "'2'", "≥ 1"),
        ({"stride": (1, 2, 3)}, ParameterError, "stride", "[1, 2, 3]", "pair"),
        ({"dilation": (1, -1)}, ParameterError, "dilation", "-1", "≥ 1"),
        ({"padding": -1}, ParameterError, "padding", "-1", "≥ 0"),
        ({"padding": "some"}, ParameterError, "padding", "'some'", "same_lower"),
        ({"padding": ((1, 2), 3)}, ParameterError, "padding", "[[1, 2], 3]", "(top, bottom)"),
        ({"padding_mode": "edge"}, ParameterError, "padding_mode", "'edge'", "replicate"),
        ({"padding": 6, "padding_mode": "reflect"}, ParameterError, "padding", "6", "0 to 5"),
        ({"padding": (0, 8), "padding_mode": "circular"}, ParameterError, "padding", "8", "0 to 7"),
        ({"groups": 0}, ParameterError, "groups", "Groups is 0", "≥ 1"),
        ({"groups": 3}, ParameterError, "groups", "input channels", "divisors of 4"),
        ({"groups": 4}, ParameterError, "groups", "filters", "divisors of 6"),
        ({"groups": 1}, ShapeError, "kernel", "needs 4", "4 channels"),
        ({"dilation": 3}, ShapeError, "kernel", "(6 + 0 + 0 − 3·(3−1) − 1) / 1", "6"),
        ({"bias": np.ones(5)}, ShapeError, "bias", "(5,)", "(6,)"),
        ({"x": X[0]}, ShapeError, "x", "3 axes", "(N, C, rows, cols)"),
        ({"x": X[:, :, :0]}, ShapeError, "x", "(2, 4, 0, 7)", "≥ 1"),
        ({"x": X + 1j}, ShapeError, "x", "complex128", "real numbers"),
        ({"kernel": KERNEL[0]}, ShapeError, "kernel", "3 axes", "C/groups"),
        ({"kernel": np.array("ab")}, ShapeError, "kernel", "<U2", "real numbers"),
    ],
    ids=repr,
)
def test_illegal_call_names_the_offending_and_the_legal_numbers(
    options: dict[str, Any], error: type[EngineError], path: str, quoted: str, legal: str
) -> None:
    arguments: dict[str, Any] = {"x": X, "kernel": KERNEL, "groups": 2, **options}
    with pytest.raises(error) as caught:
        conv2d(**arguments)
    assert caught.value.path == (path,)
    assert quoted in caught.value.message
    assert legal in caught.value.message
    assert caught.value.legal
    assert copy.copy(caught.value).message == caught.value.message


@pytest.mark.parametrize(
    ("options", "quoted"),
    [
        ({"stride": (1, 2)}, "Stride is [1, 2]"),
        ({"padding": (1, 2, 3)}, "(left, right)"),
        ({"padding": ((1, 2), (3, 4))}, "[[1, 2], [3, 4]]"),
        ({"padding": 9, "padding_mode": "reflect"}, "9 of the length"),
        ({"kernel": np.ones((1, 1, 9))}, "length of the output would be"),
    ],
)
def test_illegal_call_in_one_dimension(options: dict[str, Any], quoted: str) -> None:
    with pytest.raises(EngineError) as caught:
        conv1d(**{"x": np.ones((1, 1, 8)), "kernel": np.ones((1, 1, 3)), **options})
    assert quoted in caught.value.message


def test_upstream_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 6, 4, 4\).*\(2, 6, 4, 5\)"):
        conv2d_backward(np.ones((2, 6, 4, 4)), X, KERNEL, groups=2)
    with pytest.raises(ShapeError, match=r"\(1, 1, 5\).*\(1, 1, 6\)"):
        conv1d_backward(np.ones((1, 1, 5)), np.ones((1, 1, 8)), np.ones((1, 1, 3)))


def test_unknown_gradient_is_refused() -> None:
    with pytest.raises(ParameterError, match="'weight'; legal names are input, kernel, bias"):
        conv2d_backward(np.ones((2, 6, 4, 5)), X, KERNEL, groups=2, wanted=["weight"])


@pytest.mark.parametrize("share", [1, 3])
def test_a_kernel_with_fewer_or_more_channels_than_a_group_is_refused(share: int) -> None:
    x, kernel = np.ones((1, 4, 3, 3)), np.ones((2, share, 1, 1))
    with pytest.raises(ShapeError, match="in 2 groups needs 2") as caught:
        conv2d(x, kernel, groups=2)
    assert caught.value.path == ("kernel",)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_kernel_is_a_product_of_two_only_where_no_promise_breaks(dtype: str) -> None:
    kernel = np.outer([1, 2, 1], [3, 0, -1]).astype(dtype)[None, None]
    assert separable.factors(kernel) is not None
    kernel[0, 0, 0, 1] = 50 * np.finfo(dtype).eps
    assert separable.factors(kernel) is None
