"""Activations, normalisation, softmax, flatten and dense, on inputs of every rank."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from tests.conformance.case import Case, random_for

SHAPES = [(2, 3, 5, 4), (1, 2, 7), (3, 6), (0, 3, 2, 2), (1, 1, 1, 1)]
PLAIN = [
    "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu", "abs", "square",
    "identity",
]  # fmt: skip
# Kinks, tails, and values where exp overflows or underflows.
SPECIAL = [0.0, -0.0, 1e-12, -1e-12, 0.5, -0.5, 1.0, -1.0, 6.0, -6.0, 19.5, 20.5, 40.0, 700.0]
TAILS = [*SPECIAL, -20.0, -40.0, -700.0, 800.0, -800.0, 1e-300, -3.7, 3.7, 1.5, -1.5]


def cases() -> Iterator[Case]:
    """Yield all cases of layers that have no window."""
    for shape in SHAPES:
        for op in PLAIN:
            yield _case(op, shape)
        for slope in (0.0, 0.2, 1.5):
            yield _case("leaky_relu", shape, slope=slope)
        yield from _prelu(shape)
        yield from _batch_norm(shape)
        yield _case("flatten", shape)
        yield from _softmax(shape)
        yield from _dense(shape)
    yield from _special()


def _case(op: str, shape: tuple[int, ...], scale: float = 2.0, **fields: Any) -> Case:
    told = {key: np.shape(value) or value for key, value in fields.items()}
    name = f"{op} {told} on {shape} scale {scale}"
    x = random_for(name).normal(size=shape) * scale
    return Case(op, name, [{"type": op, **fields}], x)


def _prelu(shape: tuple[int, ...]) -> Iterator[Case]:
    random = random_for("prelu", shape)
    for count in {1, shape[1]}:
        yield _case("prelu", shape, weight=random.normal(size=count))


def _batch_norm(shape: tuple[int, ...]) -> Iterator[Case]:
    channels = shape[1]
    random = random_for("batch_norm", shape)
    statistics = {
        "mean": random.normal(size=channels),
        "variance": random.uniform(0.1, 3.0, channels),
    }
    weight, bias = random.normal(size=(2, channels))
    yield _case("batch_norm", shape, **statistics)
    yield _case("batch_norm", shape, **statistics, weight=weight, eps=0.01)
    yield _case("batch_norm", shape, **statistics, bias=bias)
    yield _case("batch_norm", shape, **statistics, weight=weight, bias=bias, eps=1e-3)


def _softmax(shape: tuple[int, ...]) -> Iterator[Case]:
    for op, axis in product(["softmax", "log_softmax"], range(1, len(shape))):
        for scale in (1.0, 4.0):
            yield _case(op, shape, scale, axis=axis)


def _dense(shape: tuple[int, ...]) -> Iterator[Case]:
    features = int(np.prod(shape[1:]))
    for outputs, has_bias in product([1, 4, 17], [True, False]):
        random = random_for("dense", shape, outputs)
        weight = random.normal(size=(outputs, features))
        bias = random.normal(size=outputs) if has_bias else None
        yield _case("dense", shape, weight=weight, bias=bias)


def _special() -> Iterator[Case]:
    x = np.array(TAILS).reshape(1, 2, 3, 4)
    for op in PLAIN:
        yield Case(op, f"{op} at kinks and in the tails", [{"type": op}], x)
    for op in ("softmax", "log_softmax"):
        yield Case(op, f"{op} of huge values", [{"type": op}], x)
