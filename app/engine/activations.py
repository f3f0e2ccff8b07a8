"""Activation functions and their derivatives, element by element.

Each function takes float32 or float64 of any shape and returns the same; NaN stays NaN.
`*_backward` return upstream × derivative, written g · f′(x) below, with y for the output. Where a
function has a corner, its derivative there is taken as 0. Infinite upstream never meets a zero
derivative as a product: 0 · inf would be NaN.

Source: Goodfellow, Bengio, Courville, "Deep Learning", 2016, sections 6.2.2.3 and 6.3, unless a
function names its own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.bits import keep_where
from app.engine.normal import erf

Array = NDArray[Any]

# Above this log1p(exp(x)) is x to the last bits, and PyTorch returns x itself.
SOFTPLUS_LINEAR = 20.0
_SQRT_HALF = 0.7071067811865476
_DENSITY_AT_ZERO = 0.3989422804014327  # 1 / sqrt(2 π)


def relu(x: Array) -> Array:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def relu_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of `relu`: g where x > 0, else 0."""
    return keep_where(upstream, ~(x <= 0))


def leaky_relu(x: Array, slope: Array) -> Array:
    """Return x where x > 0, else slope · x.

    Args:
        x: Any shape.
        slope: Finite, of x's dtype; broadcasts against x.

    Source: Maas, Hannun, Ng 2013, "Rectifier nonlinearities improve neural network acoustic
    models"; with a slope that is learned, He et al. 2015, section 2.1 (arXiv:1502.01852).
    """
    out = np.minimum(x, 0)
    out *= slope
    out += np.maximum(x, 0)
    return out


def leaky_relu_backward(upstream: Array, x: Array, slope: Array) -> Array:
    """Return the gradient of `leaky_relu` with respect to x: g where x > 0, else g · slope."""
    above = x > 0
    grad = keep_where(upstream * slope, ~above)
    grad += keep_where(upstream, above)
    return grad


def leaky_relu_backward_slope(upstream: Array, x: Array) -> Array:
    """Return the gradient with respect to the slope, before any summing: g · x where x ≤ 0."""
    return keep_where(upstream * x, ~(x > 0))


def elu(x: Array) -> Array:
    """Return x where x > 0, else exp(x) − 1.

    Source: Clevert, Unterthiner, Hochreiter 2016 (arXiv:1511.07289), with α = 1.
    """
    out = np.expm1(np.minimum(x, 0))
    out += np.maximum(x, 0)
    return out


def elu_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of `elu`: g where x > 0, else g · exp(x)."""
    return upstream * np.exp(np.minimum(x, 0))


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(−x))."""
    with np.errstate(over="ignore"):  # 1 / ∞ is the 0 that is wanted
        out: Array = np.exp(-x)
    out += 1
    np.reciprocal(out, out=out)
    return out


def sigmoid_backward(upstream: Array, output: Array) -> Array:
    """Return the gradient of `sigmoid`, from its output: g · y · (1 − y)."""
    grad: Array = 1 - output
    grad *= output
    grad *= upstream
    return grad


def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent."""
    out: Array = np.tanh(x)
    return out


def tanh_backward(upstream: Array, output: Array) -> Array:
    """Return the gradient of `tanh`, from its output: g · (1 − y²)."""
    grad: Array = 1 - output * output
    grad *= upstream
    return grad


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)); x itself above 20, as PyTorch does."""
    return np.where(x > SOFTPLUS_LINEAR, x, np.log1p(np.exp(np.minimum(x, SOFTPLUS_LINEAR))))


def softplus_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of `softplus`: g · sigmoid(x)."""
    return np.where(x > SOFTPLUS_LINEAR, upstream, upstream * sigmoid(x))


def gelu(x: Array) -> Array:
    """Return x · Φ(x), Φ the standard normal distribution function.

    Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), the exact form.
    """
    out = _distribution(x)
    out *= x
    return out


def gelu_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of `gelu`: g · (Φ(x) + x · φ(x)), φ the normal density."""
    grad: Array = np.exp(x * x * x.dtype.type(-0.5))
    grad *= x.dtype.type(_DENSITY_AT_ZERO)
    grad *= x
    grad += _distribution(x)
    grad *= upstream
    return grad


def _distribution(x: Array) -> Array:
    out = erf(x * x.dtype.type(_SQRT_HALF))
    out += 1
    out *= x.dtype.type(0.5)
    return out


def silu(x: Array) -> Array:
    """Return x · sigmoid(x).

    Source: Elfwing, Uchibe, Doya 2018 (arXiv:1702.03118).
    """
    out = sigmoid(x)
    out *= x
    return out


def silu_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of `silu`: g · s · (1 + x · (1 − s)) with s = sigmoid(x)."""
    gate = sigmoid(x)
    grad: Array = 1 - gate
    grad *= x
    grad += 1
    grad *= gate
    grad *= upstream
    return grad


def absolute(x: Array) -> Array:
    """Return |x|."""
    return np.abs(x)


def absolute_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of |x|: g · sign(x), 0 at x = 0."""
    grad: Array = upstream * np.sign(x)
    return grad


def square(x: Array) -> Array:
    """Return x²."""
    out: Array = x * x
    return out


def square_backward(upstream: Array, x: Array) -> Array:
    """Return the gradient of x²: g · 2x."""
    grad: Array = x + x
    grad *= upstream
    return grad


def softmax(x: Array, axis: int) -> Array:
    """Return exp(x) / Σ exp(x) along `axis`, without overflow."""
    powers: Array = np.exp(x - x.max(axis=axis, keepdims=True)) if x.size else x.copy()
    powers /= powers.sum(axis=axis, keepdims=True)
    return powers


def softmax_backward(upstream: Array, output: Array, axis: int) -> Array:
    """Return the gradient of `softmax`, from its output: (g − Σ g · y) · y."""
    inner = (upstream * output).sum(axis=axis, keepdims=True)
    grad: Array = (upstream - inner) * output
    return grad


def log_softmax(x: Array, axis: int) -> Array:
    """Return x − log Σ exp(x) along `axis`, without overflow."""
    if not x.size:
        return x.copy()
    shifted: Array = x - x.max(axis=axis, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return shifted


def log_softmax_backward(upstream: Array, output: Array, axis: int) -> Array:
    """Return the gradient of `log_softmax`, from its output: g − exp(y) · Σ g."""
    grad: Array = np.exp(output)
    grad *= -upstream.sum(axis=axis, keepdims=True)
    grad += upstream
    return grad


def identity(x: Array) -> Array:
    """Return a copy of x."""
    return x.copy()


def identity_backward(upstream: Array, x: Array) -> Array:
    """Return a copy of the upstream gradient."""
    del x
    return upstream.copy()
