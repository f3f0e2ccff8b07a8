"""Batch normalisation as it runs after training: with a mean and a variance that are given.

Source: Ioffe and Szegedy 2015 (arXiv:1502.03167), algorithm 2.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def batch_norm(x: Array, parameters: Mapping[str, Array], eps: float) -> Array:
    """Return (x − mean) / sqrt(variance + eps) · weight + bias, per channel.

    Args:
        x: Shape (N, C, …).
        parameters: "mean" and "variance", and "weight" and "bias" where there are any, shape (C,).
        eps: Keeps the root away from 0.
    """
    out = x - _spread(parameters["mean"], x)
    out *= _spread(_scale(parameters, eps), x)
    if "bias" in parameters:
        out += _spread(parameters["bias"], x)
    return out


def batch_norm_backward(
    upstream: Array, x: Array, parameters: Mapping[str, Array], eps: float, wanted: frozenset[str]
) -> dict[str, Array]:
    """Return the gradients named in `wanted`: "input", "mean", "variance", "weight", "bias".

    With g the upstream gradient, σ = sqrt(variance + eps) and sums over a channel's cells:

    | gradient | formula |
    | --- | --- |
    | input | g · weight / σ |
    | bias | Σ g |
    | mean | −Σ g · weight / σ |
    | weight | Σ g · (x − mean) / σ |
    | variance | −Σ g · (x − mean) · weight / (2 σ³) |

    Args:
        upstream: Gradient with respect to the output, shape (N, C, …).
        x: The input, of the same shape.
        parameters: As in the forward pass.
        eps: As in the forward pass.
        wanted: Names of the gradients.
    """
    scale = _scale(parameters, eps)
    grads = {}
    if "input" in wanted:
        grads["input"] = upstream * _spread(scale, x)
    if wanted & {"bias", "mean"}:
        total = _per_channel(upstream)
        grads.update({"bias": total, "mean": -total * scale})
    if wanted & {"weight", "variance"}:
        # Σ upstream · (x − mean), from which both follow.
        moment = _per_channel(upstream * (x - _spread(parameters["mean"], x)))
        variance = parameters["variance"] + parameters["variance"].dtype.type(eps)
        grads["weight"] = moment / np.sqrt(variance)
        grads["variance"] = moment * scale / (-2 * variance)
    return {field: grads[field] for field in wanted}


def _scale(parameters: Mapping[str, Array], eps: float) -> Array:
    variance = parameters["variance"]
    scale: Array = 1 / np.sqrt(variance + variance.dtype.type(eps))
    return scale * parameters["weight"] if "weight" in parameters else scale


def _spread(values: Array, x: Array) -> Array:
    return values.reshape(-1, *(1 for _ in x.shape[2:]))


def _per_channel(values: Array) -> Array:
    total: Array = values.sum(axis=(0, *range(2, values.ndim)))
    return total
