"""Layers that reshape, mix or normalise: flatten, dense, batch_norm, softmax, log_softmax."""

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from app.engine.kernels import WeightLike
from app.engine.layers.base import Layer


@dataclass(frozen=True, eq=False)
class BatchNorm(Layer):
    """(x − mean) / sqrt(variance + eps) · weight + bias per channel, the inference form."""

    mean: ArrayLike
    variance: ArrayLike
    weight: ArrayLike | None = None
    bias: ArrayLike | None = None
    eps: float = 1e-5
    name: str | None = None
    type: ClassVar[str] = "batch_norm"


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """(N, C, H, W) to (N, C·H·W), in C-order."""

    name: str | None = None
    type: ClassVar[str] = "flatten"


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """x · weightᵀ + bias; an input of more than two axes is flattened first."""

    weight: WeightLike
    bias: ArrayLike | None = None
    name: str | None = None
    type: ClassVar[str] = "dense"
    reads: ClassVar[int | None] = 0


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """exp(x) / Σ exp(x) along `axis`."""

    axis: int = 1
    name: str | None = None
    type: ClassVar[str] = "softmax"


@dataclass(frozen=True, eq=False)
class LogSoftmax(Softmax):
    """The logarithm of `Softmax`."""

    type: ClassVar[str] = "log_softmax"
