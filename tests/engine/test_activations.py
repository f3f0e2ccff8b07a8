"""Activations against the standard library's scalar functions, and their slopes."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from app.engine import activations
from app.engine.bits import keep_where
from app.engine.layers import LAYER_TYPES, LeakyRelu, Prelu
from app.engine.layers.pointwise import Pointwise
from app.engine.normal import erf

RNG = np.random.default_rng(17)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


SCALAR: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "prelu": lambda x: x if x > 0 else -0.3 * x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "sigmoid": logistic,
    "tanh": math.tanh,
    "softplus": lambda x: x if x > 20 else math.log1p(math.exp(x)),
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "silu": lambda x: x * logistic(x),
    "abs": abs,
    "square": lambda x: x * x,
    "identity": lambda x: x,
}
POINTWISE = sorted(name for name, kind in LAYER_TYPES.items() if issubclass(kind, Pointwise))


def layer_of(name: str) -> Pointwise:
    layer = Prelu([-0.3]) if name == "prelu" else LAYER_TYPES[name]()  # type: ignore[call-arg]
    assert isinstance(layer, Pointwise)
    return layer


def run(name: str, x: np.ndarray, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    layer = layer_of(name)
    parameters = layer.parameters(x.shape, x.dtype)
    result = layer.forward(x, parameters)
    grads = layer.backward(upstream, x, result, parameters, frozenset({"input"}))
    return result.output, grads["input"]


def test_every_activation_has_its_scalar_twin_here() -> None:
    assert sorted(SCALAR) == POINTWISE


@pytest.mark.parametrize("name", POINTWISE)
def test_values_are_those_of_the_scalar_function(name: str) -> None:
    x = np.concatenate([RNG.standard_normal(60) * 4, [0, -0.0, 19.9, 20.1, 30, -30, 700, -700]])
    x = x.reshape(1, 2, 2, -1)
    out, _ = run(name, x, np.ones_like(x))
    expected = [SCALAR[name](float(v)) for v in x.ravel()]
    np.testing.assert_allclose(out.ravel(), expected, rtol=2e-13, atol=1e-15)


@pytest.mark.parametrize("name", POINTWISE)
def test_gradient_is_upstream_times_the_slope(name: str) -> None:
    x = RNG.standard_normal((2, 1, 3, 5)) * 3
    x[0, 0, 0, :2] = 25, -25
    upstream = RNG.standard_normal(x.shape)
    _, grad = run(name, x, upstream)
    step = 1e-5
    slopes = [
        (SCALAR[name](float(v) + step) - SCALAR[name](float(v) - step)) / (2 * step)
        for v in x.ravel()
    ]
    np.testing.assert_allclose(grad.ravel(), upstream.ravel() * slopes, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", POINTWISE)
def test_dtype_and_nan_stay_and_nothing_is_changed(name: str) -> None:
    for dtype in (np.float32, np.float64):
        x = np.array([[[[np.nan, 1, -2, 0.5, 90, -90, 1000, -1000]]]], dtype)
        upstream = np.arange(8, dtype=dtype).reshape(x.shape)
        before = x.copy(), upstream.copy()
        out, grad = run(name, x, upstream)
        assert out.dtype == grad.dtype == dtype
        assert np.isnan(out[0, 0, 0, 0])
        assert not np.isnan(out[..., 1:]).any()
        assert not np.isnan(grad[..., 1:]).any()
        np.testing.assert_array_equal(x, before[0])
        np.testing.assert_array_equal(upstream, before[1])
        assert not np.shares_memory(out, x)
        assert not np.shares_memory(grad, upstream)


@pytest.mark.parametrize("name", ["relu", "abs"])
def test_slope_at_a_corner_is_zero(name: str) -> None:
    zero = np.zeros((1, 1, 1, 2))
    zero[..., 1] = -0.0
    _, grad = run(name, zero, np.full(zero.shape, 5.0))
    np.testing.assert_array_equal(grad, np.zeros_like(zero))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu"])
def test_infinite_upstream_does_not_pass_a_closed_gate_as_nan(name: str) -> None:
    x = np.array([[[[-1.0, 2.0]]]])
    _, grad = run(name, x, np.full(x.shape, np.inf))
    assert not np.isnan(grad).any()
    assert grad[0, 0, 0, 1] == np.inf


def test_relu_passes_the_gradient_at_nan_as_pytorch_does() -> None:
    x = np.array([[[[np.nan]]]])
    _, grad = run("relu", x, np.full(x.shape, 3.0))
    assert grad.item() == 3


def test_prelu_has_a_gradient_for_one_weight_or_one_per_channel() -> None:
    x, upstream = RNG.standard_normal((2, 2, 3, 3, 4))
    terms = np.where(x > 0, 0, upstream * x)
    for weight, expected in (
        ([0.2], [terms.sum()]),
        ([0.2, 0.3, -1], terms.sum(axis=(0, 2, 3))),
    ):
        layer = Prelu(weight)
        parameters = layer.parameters(x.shape, x.dtype)
        result = layer.forward(x, parameters)
        grads = layer.backward(upstream, x, result, parameters, frozenset({"weight"}))
        assert list(grads) == ["weight"]
        np.testing.assert_allclose(grads["weight"], expected, rtol=1e-12)


def test_leaky_slope_is_the_callers() -> None:
    x = np.array([[[[-2.0, 3.0]]]])
    np.testing.assert_array_equal(LeakyRelu(0.5).forward(x, {}).output, [[[[-1, 3]]]])


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 1e-6), (np.float64, 7e-16)])
def test_erf_is_exact_to_the_last_digits(dtype: type, error: float) -> None:
    ends = [0.0, 0.46875, 0.46876, 4.0, 4.0001, 5.9, 6.1, 30.0, math.inf]
    x = np.concatenate([np.linspace(-7, 7, 4001), ends, np.negative(ends)]).astype(dtype)
    expected = [math.erf(v) for v in x]
    np.testing.assert_allclose(erf(x), expected, rtol=error, atol=0)
    assert erf(x).dtype == dtype
    assert np.isnan(erf(np.array([np.nan], dtype))).all()
    assert erf(x.reshape(-1, 1)).shape == (x.size, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_of_many_numbers_is_that_of_each(dtype: type) -> None:
    x = RNG.standard_normal((3, 50_000)).astype(dtype)
    np.testing.assert_array_equal(erf(x)[1, 200:900], erf(x[1, 200:900]))
    np.testing.assert_array_equal(erf(x).ravel()[-5:], erf(x.ravel()[-5:]))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_is_the_exponentials_over_their_sum(axis: int) -> None:
    x = RNG.standard_normal((3, 4, 2, 5))
    powers = np.exp(x)
    expected = powers / powers.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(activations.softmax(x, axis), expected, rtol=1e-13)
    np.testing.assert_allclose(activations.log_softmax(x, axis), np.log(expected), rtol=1e-12)
    # Numbers whose exponentials overflow make no difference.
    np.testing.assert_allclose(activations.softmax(x + 1e4, axis), expected, rtol=1e-9)
    np.testing.assert_allclose(activations.log_softmax(x - 1e4, axis), np.log(expected), rtol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_gradient_is_upstream_times_the_jacobian(axis: int) -> None:
    x, upstream = RNG.standard_normal((2, 3, 4, 5))
    lanes_x, lanes_up = (np.moveaxis(a, axis, -1).reshape(-1, x.shape[axis]) for a in (x, upstream))
    for forward, backward, jacobian in (
        (activations.softmax, activations.softmax_backward, lambda p: np.diag(p) - np.outer(p, p)),
        (
            activations.log_softmax,
            activations.log_softmax_backward,
            lambda p: np.eye(p.size) - np.outer(np.ones(p.size), p),
        ),
    ):
        grad = backward(upstream, forward(x, axis), axis)
        lanes = np.moveaxis(grad, axis, -1).reshape(lanes_x.shape)
        for lane_x, lane_up, lane in zip(lanes_x, lanes_up, lanes, strict=True):
            p = np.exp(lane_x) / np.exp(lane_x).sum()
            np.testing.assert_allclose(lane, lane_up @ jacobian(p), rtol=1e-11, atol=1e-13)


def test_softmax_of_an_empty_batch_is_empty() -> None:
    x = np.empty((0, 3))
    assert activations.softmax(x, 1).shape == (0, 3)
    assert activations.log_softmax(x, 0).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keep_where_keeps_every_bit_or_none(dtype: type) -> None:
    values = np.array([1.5, -0.0, np.inf, np.nan, 3], dtype)
    mask = np.array([True, True, True, True, False])
    kept = keep_where(values, mask)
    np.testing.assert_array_equal(kept, [1.5, 0, np.inf, np.nan, 0])
    assert np.signbit(kept[1])
    assert not np.signbit(kept[4])
    assert values[4] == 3
