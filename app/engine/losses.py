"""Losses: one number from a feature map, and the gradient with which backpropagation starts."""

import abc
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.engine.activations import log_softmax
from app.engine.arguments import span
from app.engine.errors import ParameterError, ShapeError
from app.engine.kernels import real_array
from app.engine.selection import Select

Array = NDArray[Any]


def _like(value: ArrayLike, field: str, shape: tuple[int, ...]) -> Array:
    array = real_array(value, field)
    lead = len(shape) - array.ndim
    if lead < 0 or array.shape != shape[lead:] or set(shape[:lead]) - {1}:
        what = f"has shape {array.shape}" if array.ndim else "is a single number"
        raise ShapeError(
            f"{field} {what}, but the output has shape {shape}; legal is the output's shape, of "
            "which leading axes of 1 may be left out.",
            (field,),
            f"shape {shape}",
        )
    return array.reshape(shape)


def _total(values: Array) -> float:
    return float(values.sum(dtype=np.float64))


class Loss(abc.ABC):
    """One number from the network's output."""

    type: ClassVar[str]

    @property
    def layer(self) -> int | None:
        """Index of the layer the loss looks at; None means the last."""
        return None

    @abc.abstractmethod
    def value(self, output: Array) -> float:
        """Return the loss of `output`, summed in float64.

        Raises:
            EngineError: The loss does not fit the output's shape.
        """

    @abc.abstractmethod
    def upstream(self, output: Array) -> Array:
        """Return the loss's gradient with respect to `output`, of its shape and dtype."""

    @abc.abstractmethod
    def change(self, after: Array, before: Array) -> float:
        """Return value(after) − value(before) without the cancellation of two large sums."""


@dataclass(frozen=True)
class _Selected(Loss):
    select: Select | None = None

    @property
    def layer(self) -> int | None:
        return self.select.layer if self.select else None

    def part(self, output: Array) -> Array:
        """Return the selected part of `output`."""
        return output[self.select.index(output.shape)] if self.select else output

    def _spread(self, output: Array, values: Array | float) -> Array:
        if self.select is None:
            upstream = np.empty_like(output)
            upstream[...] = values
            return upstream
        upstream = np.zeros_like(output)
        upstream[self.select.index(output.shape)] = values
        return upstream


@dataclass(frozen=True)
class Sum(_Selected):
    """The plain sum of the selected features."""

    type: ClassVar[str] = "sum"

    def value(self, output: Array) -> float:
        return _total(self.part(output))

    def upstream(self, output: Array) -> Array:
        return self._spread(output, 1.0)

    def change(self, after: Array, before: Array) -> float:
        return _total(self.part(after) - self.part(before))


@dataclass(frozen=True)
class Mean(_Selected):
    """The mean of the selected features; NaN if there are none."""

    type: ClassVar[str] = "mean"

    def value(self, output: Array) -> float:
        part = self.part(output)
        return _total(part) / part.size if part.size else math.nan

    def upstream(self, output: Array) -> Array:
        return self._spread(output, 1 / max(self.part(output).size, 1))

    def change(self, after: Array, before: Array) -> float:
        difference = self.part(after) - self.part(before)
        return _total(difference) / max(difference.size, 1)


@dataclass(frozen=True)
class L2(_Selected):
    """Half the sum of squares of the selected features."""

    type: ClassVar[str] = "l2"

    def value(self, output: Array) -> float:
        return _total(np.square(self.part(output), dtype=np.float64)) / 2

    def upstream(self, output: Array) -> Array:
        return self._spread(output, self.part(output))

    def change(self, after: Array, before: Array) -> float:
        after, before = self.part(after), self.part(before)
        return _total((after - before) * (after + before)) / 2


@dataclass(frozen=True, eq=False)
class Mse(Loss):
    """The mean of the squared differences from `target`.

    Attributes:
        target: An array of the output's shape, or one number for every feature.
    """

    target: ArrayLike
    type: ClassVar[str] = "mse"

    def _target(self, output: Array) -> Array:
        target = real_array(self.target, "target")
        if target.ndim:
            target = _like(target, "target", output.shape)
        return target.astype(output.dtype, copy=False)

    def value(self, output: Array) -> float:
        squares = np.square(output - self._target(output), dtype=np.float64)
        return _total(squares) / output.size if output.size else math.nan

    def upstream(self, output: Array) -> Array:
        upstream = output - self._target(output)
        upstream *= 2 / max(output.size, 1)
        return upstream

    def change(self, after: Array, before: Array) -> float:
        middle = after + before - 2 * self._target(after)
        return _total((after - before) * middle) / max(after.size, 1)


@dataclass(frozen=True, eq=False)
class CrossEntropy(Loss):
    """Mean of −log softmax(output)[target]; its gradient is (softmax − one-hot) / count.

    Attributes:
        target: One index on axis 1 for all examples and positions, or an array of shape (N,)
            or, for maps, the output's shape without axis 1.
    """

    target: int | ArrayLike
    type: ClassVar[str] = "cross_entropy"

    def _classes(self, shape: tuple[int, ...]) -> NDArray[np.intp]:
        target = real_array(self.target, "target")
        legal = f"integers, {span(0, shape[1] - 1)}"
        if target.dtype.kind not in "iu" or np.any((target < 0) | (target >= shape[1])):
            raise ParameterError(
                f"the target is no class of the output's {shape[1]}; legal: {legal}.",
                ("target",),
                legal,
            )
        places = (shape[0], *shape[2:])
        if target.ndim and target.size == shape[0] == math.prod(places):
            target = target.reshape(places)
        if target.ndim and target.shape != places:
            raise ShapeError(
                f"the target has shape {target.shape}; legal are one class, or shape {places}.",
                ("target",),
                f"one class, or shape {places}",
            )
        return np.broadcast_to(target, places)[:, np.newaxis].astype(np.intp)

    def value(self, output: Array) -> float:
        classes = self._classes(output.shape)
        logs = np.take_along_axis(log_softmax(output.astype(np.float64), 1), classes, 1)
        return -_total(logs) / logs.size if logs.size else math.nan

    def upstream(self, output: Array) -> Array:
        classes = self._classes(output.shape)
        upstream = np.exp(log_softmax(output, 1))
        hit = np.take_along_axis(upstream, classes, 1)
        np.put_along_axis(upstream, classes, hit - 1, 1)
        upstream /= max(classes.size, 1)
        return upstream

    def change(self, after: Array, before: Array) -> float:
        classes, moved = self._classes(before.shape), after - before
        moved -= np.take_along_axis(moved, classes, 1)  # log Σ p · exp(moved) is what is left
        if not np.all(moved < 1):
            return self.value(after) - self.value(before)
        grown = np.exp(log_softmax(before, 1)) * np.expm1(moved)
        return _total(np.log1p(grown.sum(axis=1))) / max(classes.size, 1)


@dataclass(frozen=True, eq=False)
class Upstream(Loss):
    """The upstream gradient is given: the loss is the sum of output × values."""

    values: ArrayLike
    type: ClassVar[str] = "upstream"

    def _values(self, output: Array) -> Array:
        return _like(self.values, "values", output.shape).astype(output.dtype, copy=False)

    def value(self, output: Array) -> float:
        return _total(np.multiply(output, self._values(output), dtype=np.float64))

    def upstream(self, output: Array) -> Array:
        return self._values(output).copy()

    def change(self, after: Array, before: Array) -> float:
        return _total((after - before) * self._values(after))
