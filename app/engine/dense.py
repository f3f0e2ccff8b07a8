"""The fully connected layer: every output is a weighted sum of every input.

Source: Goodfellow, Bengio, Courville, "Deep Learning", 2016, section 6.5.4.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def dense(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return x · weightᵀ + bias, shape (N, O).

    Args:
        x: Inputs, shape (N, I).
        weight: Weights, shape (O, I).
        bias: Added to each output, shape (O,).
    """
    out: Array = np.matmul(x, weight.T)
    if bias is not None:
        out += bias
    return out


def dense_backward_input(upstream: Array, weight: Array) -> Array:
    """Return the gradient with respect to x, upstream · weight, shape (N, I)."""
    grad: Array = np.matmul(upstream, weight)
    return grad


def dense_backward_weight(upstream: Array, x: Array) -> Array:
    """Return the gradient with respect to the weight, upstreamᵀ · x, shape (O, I)."""
    grad: Array = np.matmul(upstream.T, x)
    return grad


def dense_backward_bias(upstream: Array) -> Array:
    """Return the gradient with respect to the bias, Σ upstream over the batch, shape (O,)."""
    grad: Array = upstream.sum(axis=0)
    return grad
