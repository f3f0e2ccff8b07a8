"""What every layer has in common: its shape rule, its forward pass, its backward pass."""

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import EngineError, NetworkError, ShapeError
from app.engine.geometry import Pair
from app.engine.layers.view import View, Window

Shape = tuple[int, ...]
Array = NDArray[Any]
T = TypeVar("T")

AXIS_NAMES = {2: "(N, I)", 3: "(N, C, L)", 4: "(N, C, H, W)"}


@dataclass(frozen=True)
class Inference:
    """What a layer will do to an input of a known shape, without doing it.

    Attributes:
        output_shape: Shape of the output.
        formula: How the shape came out, with numbers.
        window: The resolved window, if the layer slides one.
        parameters: How many numbers could be learned.
        multiply_adds: Products summed, or their like, over the whole batch.
        kept: Numbers that the way back needs, kept beside the output.
        scratch: Numbers held beside all these while it runs.
        backward_scratch: Numbers held on the way back, beside upstream gradient and gradients.
    """

    output_shape: Shape
    formula: str = ""
    window: Window | None = None
    parameters: int = 0
    multiply_adds: int = 0
    kept: int = 0
    scratch: int = 0
    backward_scratch: int = 0


@dataclass(frozen=True)
class Bounds:
    """How large a caller lets fields be, beyond what is legal for the shape; None for no bound.

    Attributes:
        stride: Largest step, along each axis.
        taps: Most taps of a kernel or cells of a window, along each axis.
        filters: Most filters of a convolution, or outputs of a dense layer.
    """

    stride: int | None = None
    taps: int | None = None
    filters: int | None = None


@dataclass(frozen=True)
class Result:
    """What a forward pass leaves behind.

    Attributes:
        output: The feature maps.
        context: What the backward pass needs beyond input, output and parameters.
        algorithm: Which algorithm ran.
        reason: Why it was chosen.
    """

    output: Array
    context: Any = None
    algorithm: str = "direct"
    reason: str = "the only algorithm of this layer"


@dataclass
class Problems:
    """Collects a layer's errors, so that all are told at once."""

    errors: list[EngineError] = field(default_factory=list)

    def attempt(self, check: Callable[[], T], fallback: T) -> T:
        """Return what `check` returns; where it raises, note the error and return `fallback`."""
        try:
            return check()
        except EngineError as error:
            self.add(error)
        return fallback

    def add(self, error: EngineError) -> None:
        """Note an error once, a NetworkError as the several it is."""
        told = {(known.message, known.path) for known in self.errors}
        found = error.errors if isinstance(error, NetworkError) else (error,)
        self.errors.extend(each for each in found if (each.message, each.path) not in told)

    @property
    def error(self) -> EngineError | None:
        """The one error, all of them as a NetworkError, or None."""
        if len(self.errors) > 1:
            return NetworkError(self.errors)
        return self.errors[0] if self.errors else None

    def raise_all(self) -> None:
        """Raise what was noted, if anything."""
        if self.error is not None:
            raise self.error


UNBOUNDED = Bounds()


class Layer(abc.ABC):
    """One layer: a frozen dataclass of what the caller wrote."""

    type: ClassVar[str]
    reads: ClassVar[int | None] = None  # spatial axes it insists on; None takes any input
    kink: ClassVar[str] = ""  # what happens at a point without a derivative, if there is one
    name: str | None

    @abc.abstractmethod
    def infer(self, shape: Shape) -> Inference:
        """Return what the layer will do to an input of this shape.

        Raises:
            EngineError: Some field is illegal, with path `(field,)`; several at once come as
                a NetworkError.
        """

    def check(self) -> None:
        """Raise EngineError for fields that are illegal whatever the input's shape."""
        return

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        """Return the legal range of each field for an input of this shape, within bounds."""
        del shape, bounds
        return {}

    def parameters(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, Array]:
        """Return the layer's arrays in full form by field name, for a legal input shape."""
        del shape, dtype
        return {}

    @abc.abstractmethod
    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        """Compute the layer.

        Args:
            x: Input of a shape that `infer` accepted, float32 or float64; never changed.
            parameters: What `parameters` returned.
            keep: Whether a backward pass may follow and its context is worth keeping.
        """

    @abc.abstractmethod
    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        """Return the gradients named in `wanted` ("input" or a parameter's name), no others.

        Args:
            upstream: Gradient with respect to the output; never changed.
            x: The input of the forward pass.
            result: What the forward pass returned.
            parameters: The parameters of the forward pass.
            wanted: Names of the gradients.
        """

    def view(self, view: View, shape: Shape, inference: Inference) -> View:
        """Return what a unit of the output sees, given what a unit of the input sees."""
        del shape
        if inference.window is None:
            return view
        return view.then(inference.window, map_size(inference.output_shape))

    def pieces(self, x: Array, result: Result) -> Array:
        """Return which smooth piece each unit is on; a layer without kinks has one for all."""
        del x, result
        return np.zeros(())


def map_size(shape: Shape) -> Pair:
    """Return (rows, cols) of the maps: (H, W), (1, L), or (1, 1) for a vector."""
    spatial = (1, 1, *shape[2:])
    return spatial[-2], spatial[-1]


def expect_axes(layer: Layer, shape: Shape, axes: int) -> None:
    """Raise ShapeError unless the input has as many axes as the layer reads."""
    if len(shape) != axes:
        raise ShapeError(
            f"{layer.type} reads {AXIS_NAMES[axes]}, but its input has shape {shape}.",
            (),
            f"an input of {axes} axes {AXIS_NAMES[axes]}",
        )


def expect_cells(layer: Layer, shape: Shape) -> None:
    """Raise ShapeError where a channel, row or column is missing; an empty batch is legal."""
    if 0 in shape[1:]:
        raise ShapeError(
            f"{layer.type} needs at least one channel and one cell per map, but its input has "
            f"shape {shape}; every size except the batch must be at least 1.",
            (),
            "every size except the batch at least 1",
        )
