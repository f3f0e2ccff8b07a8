"""The bodies of the computing routes, as strict models that become plain values of the service."""

import math
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from app.engine.gradcheck import LEAST_STEP
from app.imaging import Rendering
from app.service.explaining import Place
from app.service.specs import Returning, Spec, WireType
from app.web.arrays import fault, unexpected
from app.web.fields import INTEGERS, Indices, Strict, integers, told
from app.web.input_schemas import (
    InputModel,
    Name,
    Position,
    ShapeInputModel,
    Side,
    as_tuple,
)
from app.web.layer_schemas import AnyLayer
from app.web.loss_schemas import AnyLoss, ReducingLoss

Chosen = Annotated[
    Any,
    PlainValidator(integers("last", "all")),
    WithJsonSchema({"anyOf": [{"enum": ["last", "all"]}, INTEGERS]}),
]
Channels = Annotated[
    Any,
    PlainValidator(integers("all")),
    WithJsonSchema({"anyOf": [{"enum": ["all"]}, INTEGERS]}),
]
Layers = Annotated[
    tuple[AnyLayer, ...], BeforeValidator(as_tuple), told("a list of layers, each an object")
]
INPUT = told("an object with one of the fields image, sample and array")


class ValuesReturnModel(Strict):
    """The form in which arrays go back."""

    channels: Annotated[Channels, told('"all", or a list of indices of channels')] = "all"
    data: bool = True
    max_side: Side | None = None
    dtype: WireType | None = None

    def to_returning(self) -> Returning:
        """Return the service's value."""
        return Returning(
            channels=None if self.channels == "all" else self.channels,
            values=self.data,
            max_side=self.max_side,
            dtype=self.dtype,
        )


class ReturnModel(ValuesReturnModel):
    """Which maps go back, and in which form."""

    layers: Annotated[Chosen, told('"last", "all", or a list of indices of layers')] = "last"

    def to_returning(self) -> Returning:
        """Return the service's value."""
        return replace(super().to_returning(), layers=self.layers)


class GradientReturnModel(ValuesReturnModel):
    """Which gradients go back, and in which form; `channels` are those of maps."""

    gradients: Annotated[
        tuple[Name, ...],
        BeforeValidator(as_tuple),
        Field(max_length=200),
        told("a list of at most 200 names of gradients"),
    ] = ("input",)

    def to_returning(self) -> Returning:
        """Return the service's value."""
        return replace(super().to_returning(), gradients=self.gradients)


def _center(value: object) -> object:
    number = type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    if not (number or value in ("auto", None)):
        raise unexpected()
    return value


class RenderModel(Strict):
    """How values become a picture."""

    colormap: (
        Literal["gray", "viridis", "magma", "inferno", "cividis", "turbo", "coolwarm", "seismic"]
        | None
    ) = None
    scale: Literal["map", "layer"] = "map"
    center: Annotated[
        Any,
        PlainValidator(_center),
        WithJsonSchema({"anyOf": [{"enum": ["auto"]}, {"type": "number"}, {"type": "null"}]}),
        told('"auto", a finite number, or null'),
    ] = "auto"
    clip: Annotated[float, Field(gt=0, le=100)] = 100.0
    columns: Annotated[int, Field(ge=1, le=64)] | None = None
    overlay: Annotated[float, Field(ge=0, le=1)] = 0.0
    legend: bool = False

    def to_rendering(self) -> Rendering:
        """Return the imaging's value."""
        return Rendering(**dict(self))


class SpecModel(Strict):
    """The network spec: what comes in, and the layers it passes through."""

    input: Annotated[InputModel, INPUT]
    layers: Layers
    dtype: Literal["float32", "float64"] = "float32"

    def to_spec(self) -> Spec:
        """Return the service's value."""
        layers = tuple(layer.to_engine() for layer in self.layers)
        return Spec(self.input.to_input(), layers, np.dtype(self.dtype))


class PictureFields(Strict):
    """How a picture becomes an input."""

    color: Literal["rgb", "gray"] = "rgb"
    range: Literal["unit", "signed", "byte"] = "unit"
    max_side: Side | None = None


class OneShot(Strict):
    """What the form fields of `POST /convolve` and `POST /gradient` say."""

    input: PictureFields
    layers: Layers
    dtype: Literal["float32", "float64"] = "float32"
    loss: AnyLoss = ReducingLoss(type="sum")
    render: RenderModel = RenderModel()


class ForwardBody(SpecModel):
    """`POST /forward`."""

    returning: Annotated[ReturnModel, Field(alias="return")] = ReturnModel()
    render: RenderModel = RenderModel()


class BackwardBody(SpecModel):
    """`POST /backward`."""

    loss: AnyLoss = ReducingLoss(type="sum")
    returning: Annotated[GradientReturnModel, Field(alias="return")] = GradientReturnModel()
    render: RenderModel = RenderModel()


class ShapesBody(SpecModel):
    """`POST /shapes`."""

    input: Annotated[ShapeInputModel, told("an input, or an object with the field shape")]


class CellPosition(Strict):
    """One number of a feature map or an input; `layer` is its layer, by default the nearest."""

    layer: Position | None = None
    n: Position = 0
    channel: Position = 0
    row: Position = 0
    col: Position = 0


class KernelPosition(Strict):
    """One number of a layer's kernel in its full form, or of a dense layer's weight."""

    layer: Position | None = None
    filter: Position = 0
    channel: Position = 0
    row: Position = 0
    col: Position = 0


class AtModel(Strict):
    """The number to explain; exactly one of the three."""

    feature: CellPosition | None = None
    input_gradient: CellPosition | None = None
    kernel_gradient: KernelPosition | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "AtModel":
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            named = f"{len(given)} numbers are" if given else "no number is"
            raise fault(
                f"Here {named} named; give one of feature, input_gradient, kernel_gradient."
            )
        return self

    def to_place(self) -> Place:
        """Return the service's value."""
        if self.kernel_gradient is not None:
            at = self.kernel_gradient
            return Place(
                kind="kernel_gradient",
                layer=at.layer,
                lead=at.filter,
                channel=at.channel,
                row=at.row,
                col=at.col,
            )
        cell = self.feature or self.input_gradient or CellPosition()
        return Place(
            kind="feature" if self.feature is not None else "input_gradient",
            layer=cell.layer,
            lead=cell.n,
            channel=cell.channel,
            row=cell.row,
            col=cell.col,
        )


class ExplainBody(SpecModel):
    """`POST /explain`."""

    at: Annotated[
        AtModel, told("an object with one of the fields feature, input_gradient, kernel_gradient")
    ]
    loss: AnyLoss = ReducingLoss(type="sum")


class GradcheckBody(SpecModel):
    """`POST /gradcheck`; it computes in float64 whatever the dtype."""

    loss: AnyLoss = ReducingLoss(type="sum")
    wrt: Annotated[Name, told("the name of a gradient, such as input or layers.0.kernel")] = "input"
    indices: (
        Annotated[
            tuple[Indices, ...],
            BeforeValidator(as_tuple),
            Field(min_length=1, max_length=1000),
            told("a list of 1 to 1000 indices, each a list of integers, one an axis"),
        ]
        | None
    ) = None
    step: Annotated[float, Field(ge=LEAST_STEP, le=1e6)] = 1e-4
    seed: Position = 0
