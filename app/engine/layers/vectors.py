"""Layers that reshape, mix or normalise: flatten, dense, batch_norm, softmax, log_softmax."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from app.engine import activations, dense, normalization
from app.engine.arguments import as_extent, as_integer, span
from app.engine.errors import ParameterError, ShapeError
from app.engine.initialisers import check_random, random_kernel
from app.engine.kernels import RandomWeight, WeightLike, real_array
from app.engine.layers.base import (
    UNBOUNDED,
    Array,
    Bounds,
    Inference,
    Layer,
    Problems,
    Result,
    Shape,
)
from app.engine.layers.numbers import check_per_channel, check_vector, counts, finite_number
from app.engine.layers.view import View


@dataclass(frozen=True, eq=False)
class BatchNorm(Layer):
    """(x − mean) / sqrt(variance + eps) · weight + bias per channel, the inference form.

    Each of the four is a vector of one number a channel, or one number for all channels.
    """

    mean: ArrayLike
    variance: ArrayLike
    weight: ArrayLike | None = None
    bias: ArrayLike | None = None
    eps: float = 1e-5
    name: str | None = None
    type: ClassVar[str] = "batch_norm"

    def _given(self) -> dict[str, ArrayLike]:
        may_lack = {"weight": self.weight, "bias": self.bias}
        given = {name: value for name, value in may_lack.items() if value is not None}
        return {"mean": self.mean, "variance": self.variance, **given}

    def check(self) -> None:
        if finite_number(self.eps, "eps") < 0:
            raise ParameterError(f"eps is {self.eps}, but must be ≥ 0.", ("eps",), "≥ 0")
        variance = real_array(self.variance, "variance")
        if variance.size and not variance.min() + self.eps > 0:
            raise ParameterError(
                f"the least variance is {variance.min()}, but variance + eps must be above 0.",
                ("variance",),
                "numbers ≥ 0, with eps above 0",
            )

    def infer(self, shape: Shape) -> Inference:
        problems = Problems()
        problems.attempt(self.check, None)
        for field, value in self._given().items():
            problems.attempt(partial(check_per_channel, value, field, shape[1]), None)
        problems.raise_all()
        learned = shape[1] * ((self.weight is not None) + (self.bias is not None))
        return Inference(shape, "as the input", parameters=learned, multiply_adds=math.prod(shape))

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        vector = f"{counts(shape[1])} finite numbers"
        return {
            "mean": vector,
            "variance": f"{vector} ≥ 0",
            "weight": f"null, or {vector}",
            "bias": f"null, or {vector}",
            "eps": "a number ≥ 0",
        }

    def parameters(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, Array]:
        given = {name: np.asarray(value, dtype) for name, value in self._given().items()}
        return {name: np.array(np.broadcast_to(one, shape[1:2])) for name, one in given.items()}

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(normalization.batch_norm(x, parameters, self.eps))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        return normalization.batch_norm_backward(upstream, x, parameters, self.eps, wanted)


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """(N, C, H, W) to (N, C·H·W), in C-order."""

    name: str | None = None
    type: ClassVar[str] = "flatten"

    def infer(self, shape: Shape) -> Inference:
        count = math.prod(shape[1:])
        factors = "·".join(map(str, shape[1:]))
        return Inference((shape[0], count), f"features: {factors} = {count}")

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(x.reshape(x.shape[0], math.prod(x.shape[1:])).copy())

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        return {"input": upstream.reshape(x.shape)}


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """x · weightᵀ + bias; an input of more than two axes is flattened first."""

    weight: WeightLike
    bias: ArrayLike | None = None
    name: str | None = None
    type: ClassVar[str] = "dense"
    reads: ClassVar[int | None] = 0

    def check(self) -> None:
        if isinstance(self.weight, RandomWeight):
            try:
                as_extent(self.weight.features, "features", 1)
                check_random(self.weight.init, self.weight.seed)
            except ParameterError as error:
                raise error.under("weight", "random") from None
            return
        weight = real_array(self.weight, "weight")
        if weight.ndim != 2 or 0 in weight.shape:
            raise ShapeError(
                f"the weight has shape {weight.shape}; legal is (O, I), both at least 1.",
                ("weight",),
                "(O, I)",
            )

    def _outputs(self) -> int:
        if isinstance(self.weight, RandomWeight):
            return self.weight.features
        return int(real_array(self.weight, "weight").shape[0])

    def infer(self, shape: Shape) -> Inference:
        self.check()
        inputs, outputs = math.prod(shape[1:]), self._outputs()
        problems = Problems()
        if not isinstance(self.weight, RandomWeight):
            problems.attempt(lambda: self._check_inputs(inputs, shape), None)
        if self.bias is not None:
            bias = self.bias
            problems.attempt(lambda: check_vector(bias, "bias", outputs, "outputs"), None)
        problems.raise_all()
        return Inference(
            (shape[0], outputs),
            f"features: {inputs} to {outputs}",
            parameters=outputs * (inputs + (self.bias is not None)),
            multiply_adds=shape[0] * outputs * inputs,
            # Drawn in float64 first.
            scratch=2 * outputs * inputs if isinstance(self.weight, RandomWeight) else 0,
        )

    def _check_inputs(self, inputs: int, shape: Shape) -> None:
        weight: Shape = real_array(self.weight, "weight").shape  # type: ignore[arg-type]
        if weight[1:] != (inputs,):
            raise ShapeError(
                f"the weight has shape {weight}, but the input has {inputs} features (shape "
                f"{shape}); legal is (O, {inputs}).",
                ("weight",),
                f"(O, {inputs})",
            )

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        outputs = "" if bounds.filters is None else f"; O: {span(1, bounds.filters)}"
        return {
            "weight": f"(O, {math.prod(shape[1:])}), or random{outputs}",
            "bias": "null, or O numbers",
        }

    def parameters(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, Array]:
        inputs = math.prod(shape[1:])
        weight = self.weight
        if isinstance(weight, RandomWeight):
            full = (weight.features, inputs)
            weight = random_kernel(full, weight.init, weight.seed, inputs, weight.features)
        arrays = {"weight": np.asarray(weight, dtype)}
        if self.bias is not None:
            arrays["bias"] = np.asarray(self.bias, dtype)
        return arrays

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        out = dense.dense(_flat(x), parameters["weight"], parameters.get("bias"))
        return Result(out, None, "gemm", "one matrix product.")

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
            grad = dense.dense_backward_input(upstream, parameters["weight"])
            grads["input"] = grad.reshape(x.shape)
        if "weight" in wanted:
            grads["weight"] = dense.dense_backward_weight(upstream, _flat(x))
        if "bias" in wanted:
            grads["bias"] = dense.dense_backward_bias(upstream)
        return grads

    def view(self, view: View, shape: Shape, inference: Inference) -> View:
        return view.whole()


def _flat(x: Array) -> Array:
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """exp(x) / Σ exp(x) along `axis`."""

    axis: int = 1
    name: str | None = None
    type: ClassVar[str] = "softmax"

    def check(self) -> None:
        as_integer(self.axis, "axis", -4)

    def infer(self, shape: Shape) -> Inference:
        self.check()
        legal = self.legal(shape)["axis"]
        if not -len(shape) <= self.axis < len(shape):
            raise ParameterError(
                f"axis is {self.axis}, but the input has {len(shape)} axes; legal are {legal}.",
                ("axis",),
                legal,
            )
        numbers = math.prod(shape)
        return Inference(
            shape, "as the input", scratch=4 * numbers // 3, backward_scratch=numbers // 2
        )

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        return {"axis": f"integers, {-len(shape)} to {len(shape) - 1}"}

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(activations.softmax(x, self.axis))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        return {"input": activations.softmax_backward(upstream, result.output, self.axis)}

    def view(self, view: View, shape: Shape, inference: Inference) -> View:
        mixed = self.axis % len(shape)
        if len(shape) == 2:  # after `flatten`, the features are the cells of the map
            return view.mixed(mixed == 1, mixed == 1)
        rows, cols = len(shape) - 2, len(shape) - 1
        return view.mixed(mixed == rows > 1, mixed == cols)


@dataclass(frozen=True, eq=False)
class LogSoftmax(Softmax):
    """The logarithm of `Softmax`."""

    type: ClassVar[str] = "log_softmax"

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        return Result(activations.log_softmax(x, self.axis))

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        return {"input": activations.log_softmax_backward(upstream, result.output, self.axis)}
