"""NaN and infinities in the input: they may touch the outputs that see them and no others."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from tests.conformance.case import Array, Case, random_for

CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 12, 15), (4, 3, 3, 3), {"padding": "same"}),
    ((1, 4, 11, 9), (6, 2, 2, 3), {"groups": 2, "stride": 2}),
    ((1, 2, 20, 17), (2, 1, 3, 3), {"groups": 2, "dilation": 2, "padding": 2}),
    ((1, 1, 90, 120), (2, 1, 25, 25), {"padding": "same"}),
    ((1, 1, 170, 180), (1, 1, 41, 37), {"padding": "same"}),
    ((1, 8, 40, 50), (16, 8, 3, 3), {"padding": "same"}),
    ((1, 3, 24, 30), (3, 3, 3, 3), {"padding": "same", "padding_mode": "reflect"}),
]
POOLS: list[dict[str, Any]] = [
    {"size": 3, "stride": 1},
    {"size": 2},
    {"size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"size": (7, 5), "stride": 1, "padding": (3, 2)},
]
# Without abs: the sign of NaN is NaN for NumPy and 0 for PyTorch.
POINTWISE = ["relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "square"]


def cases() -> Iterator[Case]:
    """Yield all cases with non-finite inputs."""
    values = [np.nan, np.inf, -np.inf]
    for (x_shape, kernel_shape, fields), value in product(CONVOLUTIONS, values):
        name = f"conv2d {kernel_shape} {fields} on {x_shape} with {value}"
        kernel = random_for(name).normal(size=kernel_shape)
        layer = {"type": "conv2d", "kernel": kernel, **fields}
        yield Case("non-finite conv2d", name, [layer], _spoilt(name, x_shape, value))
    for value in values:
        name = f"conv2d of rank one with {value}"
        kernel = np.outer(np.arange(1.0, 10.0), np.linspace(-1, 2, 8))
        layer = {"type": "conv2d", "kernel": kernel, "padding": "same"}
        yield Case("non-finite conv2d", name, [layer], _spoilt(name, (1, 2, 50, 70), value))
    for op, fields, value in product(["max_pool2d", "avg_pool2d"], POOLS, values):
        name = f"{op} {fields} with {value}"
        x = _spoilt(name, (2, 3, 14, 19), value)
        yield Case(f"non-finite {op}", name, [{"type": op, **fields}], x)
    for op, value in product(POINTWISE, values):
        name = f"{op} with {value}"
        x = _spoilt(name, (2, 3, 4, 5), value)
        yield Case("non-finite pointwise", name, [{"type": op}], x)


def _spoilt(name: str, shape: tuple[int, ...], value: float) -> Array:
    """Return random values with one cell of one channel replaced."""
    x = random_for(name, "x").normal(size=shape)
    x[0, -1, shape[2] // 3, shape[3] // 2] = value
    return x
