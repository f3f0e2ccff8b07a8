"""Activation layers: the same function at each element."""

import abc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from app.engine import activations
from app.engine.errors import ParameterError, ShapeError
from app.engine.kernels import real_array
from app.engine.layers.base import (
    UNBOUNDED,
    Array,
    Bounds,
    Inference,
    Layer,
    Result,
    Shape,
)
from app.engine.layers.numbers import counts, finite_number


@dataclass(frozen=True)
class Curve:
    """A function of one number and its way back.

    Attributes:
        value: From x.
        gradient: From the upstream gradient and x, or the output where that is cheaper.
        from_output: Whether `gradient` takes the output.
        scratch: Copies of the input that it holds on the way forward, and on the way back.
    """

    value: Callable[[Array], Array]
    gradient: Callable[[Array, Array], Array]
    from_output: bool = False
    scratch: tuple[float, float] = (0.0, 0.0)


def _in_place(shape: Shape, scratch: tuple[float, float], parameters: int = 0) -> Inference:
    numbers = math.prod(shape)
    return Inference(
        shape,
        "as the input",
        parameters=parameters,
        scratch=round(scratch[0] * numbers),
        backward_scratch=round(scratch[1] * numbers),
    )


class Pointwise(Layer):
    """A function of one number at each element."""

    curve: ClassVar[Curve]

    def infer(self, shape: Shape) -> Inference:
        self.check()
        return _in_place(shape, self.curve.scratch)

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(self.curve.value(x))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        at = result.output if self.curve.from_output else x
        return {"input": self.curve.gradient(upstream, at)}

    def pieces(self, x: Array, result: Result) -> Array:
        return (x > 0).astype(np.int8) - (x < 0) if self.kink else super().pieces(x, result)


@dataclass(frozen=True, eq=False)
class Relu(Pointwise):
    """max(x, 0)."""

    name: str | None = None
    type: ClassVar[str] = "relu"
    kink: ClassVar[str] = "the input crosses 0"
    curve = Curve(activations.relu, activations.relu_backward, scratch=(0, 1.5))


@dataclass(frozen=True, eq=False)
class Elu(Pointwise):
    """x above 0, exp(x) − 1 below."""

    name: str | None = None
    type: ClassVar[str] = "elu"
    curve = Curve(activations.elu, activations.elu_backward, scratch=(1, 1))


@dataclass(frozen=True, eq=False)
class Sigmoid(Pointwise):
    """1 / (1 + exp(−x))."""

    name: str | None = None
    type: ClassVar[str] = "sigmoid"
    curve = Curve(activations.sigmoid, activations.sigmoid_backward, True, (1, 0))


@dataclass(frozen=True, eq=False)
class Tanh(Pointwise):
    """The hyperbolic tangent."""

    name: str | None = None
    type: ClassVar[str] = "tanh"
    curve = Curve(activations.tanh, activations.tanh_backward, True, (0, 1))


@dataclass(frozen=True, eq=False)
class Softplus(Pointwise):
    """log(1 + exp(x))."""

    name: str | None = None
    type: ClassVar[str] = "softplus"
    curve = Curve(activations.softplus, activations.softplus_backward, scratch=(1.25, 1.25))


@dataclass(frozen=True, eq=False)
class Gelu(Pointwise):
    """x · Φ(x) with the normal distribution function Φ, exact."""

    name: str | None = None
    type: ClassVar[str] = "gelu"
    curve = Curve(activations.gelu, activations.gelu_backward, scratch=(1.05, 2.05))


@dataclass(frozen=True, eq=False)
class Silu(Pointwise):
    """x · sigmoid(x)."""

    name: str | None = None
    type: ClassVar[str] = "silu"
    curve = Curve(activations.silu, activations.silu_backward, scratch=(1, 1))


@dataclass(frozen=True, eq=False)
class Abs(Pointwise):
    """|x|."""

    name: str | None = None
    type: ClassVar[str] = "abs"
    kink: ClassVar[str] = "the input crosses 0"
    curve = Curve(activations.absolute, activations.absolute_backward)


@dataclass(frozen=True, eq=False)
class Square(Pointwise):
    """x²."""

    name: str | None = None
    type: ClassVar[str] = "square"
    curve = Curve(activations.square, activations.square_backward)


@dataclass(frozen=True, eq=False)
class Identity(Pointwise):
    """x."""

    name: str | None = None
    type: ClassVar[str] = "identity"
    curve = Curve(activations.identity, activations.identity_backward)


_LEAKY_SCRATCH = (1.0, 3.5)


class _Leaky(Pointwise):
    """x above 0, a multiple of x below."""

    kink: ClassVar[str] = "the input crosses 0"

    @abc.abstractmethod
    def _slope(self, x: Array, parameters: Mapping[str, Array]) -> Array:
        """Return the multiple, broadcasting against x."""

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(activations.leaky_relu(x, self._slope(x, parameters)))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        grads = {}
        if "input" in wanted:
            slope = self._slope(x, parameters)
            grads["input"] = activations.leaky_relu_backward(upstream, x, slope)
        if "weight" in wanted:
            weight = parameters["weight"]
            each = activations.leaky_relu_backward_slope(upstream, x)
            other = tuple(axis for axis in range(x.ndim) if axis != 1 or weight.size == 1)
            grads["weight"] = each.sum(axis=other).reshape(weight.shape)
        return grads


@dataclass(frozen=True, eq=False)
class LeakyRelu(_Leaky):
    """x above 0, slope · x below."""

    slope: float = 0.01
    name: str | None = None
    type: ClassVar[str] = "leaky_relu"

    def check(self) -> None:
        finite_number(self.slope, "slope")

    def infer(self, shape: Shape) -> Inference:
        self.check()
        return _in_place(shape, _LEAKY_SCRATCH)

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        return {"slope": "a finite number"}

    def _slope(self, x: Array, parameters: Mapping[str, Array]) -> Array:
        return np.asarray(self.slope, x.dtype)


@dataclass(frozen=True, eq=False)
class Prelu(_Leaky):
    """x above 0, weight · x below; one weight for all, or one per channel."""

    weight: ArrayLike
    name: str | None = None
    type: ClassVar[str] = "prelu"

    def check(self) -> None:
        weight = real_array(self.weight, "weight")
        if weight.ndim > 1 or not np.isfinite(weight).all():
            raise ParameterError(
                "the weight of prelu must be one finite number, or one per channel.",
                ("weight",),
                "finite numbers, one or one per channel",
            )

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        return {"weight": f"{counts(shape[1])} finite numbers"}

    def infer(self, shape: Shape) -> Inference:
        self.check()
        size = real_array(self.weight, "weight").size
        if size not in (1, shape[1]):
            legal = counts(shape[1])
            raise ShapeError(
                f"the weight has {size} numbers, but the input has shape {shape}; legal: {legal}.",
                ("weight",),
                legal,
            )
        return _in_place(shape, _LEAKY_SCRATCH, size)

    def parameters(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, Array]:
        return {"weight": np.array(self.weight, dtype, ndmin=1)}

    def _slope(self, x: Array, parameters: Mapping[str, Array]) -> Array:
        return parameters["weight"].reshape(1, -1, *(1 for _ in x.shape[2:]))
