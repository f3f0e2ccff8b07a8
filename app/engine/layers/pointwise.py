"""Activation layers: the same function at each element."""

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from app.engine.layers.base import Layer


@dataclass(frozen=True, eq=False)
class Relu(Layer):
    """max(x, 0)."""

    name: str | None = None
    type: ClassVar[str] = "relu"


@dataclass(frozen=True, eq=False)
class LeakyRelu(Layer):
    """x above 0, slope · x below."""

    slope: float = 0.01
    name: str | None = None
    type: ClassVar[str] = "leaky_relu"


@dataclass(frozen=True, eq=False)
class Prelu(Layer):
    """x above 0, weight · x below; one weight, or one per channel."""

    weight: ArrayLike
    name: str | None = None
    type: ClassVar[str] = "prelu"


@dataclass(frozen=True, eq=False)
class Elu(Layer):
    """x above 0, exp(x) − 1 below."""

    name: str | None = None
    type: ClassVar[str] = "elu"


@dataclass(frozen=True, eq=False)
class Sigmoid(Layer):
    """1 / (1 + exp(−x))."""

    name: str | None = None
    type: ClassVar[str] = "sigmoid"


@dataclass(frozen=True, eq=False)
class Tanh(Layer):
    """The hyperbolic tangent."""

    name: str | None = None
    type: ClassVar[str] = "tanh"


@dataclass(frozen=True, eq=False)
class Softplus(Layer):
    """log(1 + exp(x))."""

    name: str | None = None
    type: ClassVar[str] = "softplus"


@dataclass(frozen=True, eq=False)
class Gelu(Layer):
    """x · Φ(x) with the normal distribution function Φ, exact."""

    name: str | None = None
    type: ClassVar[str] = "gelu"


@dataclass(frozen=True, eq=False)
class Silu(Layer):
    """x · sigmoid(x)."""

    name: str | None = None
    type: ClassVar[str] = "silu"


@dataclass(frozen=True, eq=False)
class Abs(Layer):
    """|x|."""

    name: str | None = None
    type: ClassVar[str] = "abs"


@dataclass(frozen=True, eq=False)
class Square(Layer):
    """x²."""

    name: str | None = None
    type: ClassVar[str] = "square"


@dataclass(frozen=True, eq=False)
class Identity(Layer):
    """x."""

    name: str | None = None
    type: ClassVar[str] = "identity"
