"""The bodies of the computing routes, as strict models that become plain values of the service."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from app.imaging import Rendering
from app.service.explaining import Place
from app.service.specs import Returning, Spec, WireType
from app.web.arrays import fault
from app.web.fields import Index, Strict
from app.web.input_schemas import (
    Indices,
    InputModel,
    Name,
    Position,
    ShapeInputModel,
    Side,
    as_tuple,
)
from app.web.layer_schemas import AnyLayer
from app.web.loss_schemas import AnyLoss, ReducingLoss


class ValuesReturnModel(Strict):
    """The form in which arrays go back."""

    channels: Literal["all"] | Indices = "all"
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

    layers: Literal["last", "all"] | Indices = "last"

    def to_returning(self) -> Returning:
        """Return the service's value."""
        return replace(super().to_returning(), layers=self.layers)


class GradientReturnModel(ValuesReturnModel):
    """Which gradients go back, and in which form; `channels` are those of maps."""

    gradients: Annotated[tuple[Name, ...], BeforeValidator(as_tuple), Field(max_length=200)] = (
        "input",
    )

    def to_returning(self) -> Returning:
        """Return the service's value."""
        return replace(super().to_returning(), gradients=self.gradients)


class RenderModel(Strict):
    """How values become a picture."""

    colormap: (
        Literal["gray", "viridis", "magma", "inferno", "cividis", "turbo", "coolwarm", "seismic"]
        | None
    ) = None
    scale: Literal["map", "layer"] = "map"
    center: Literal["auto"] | float | None = "auto"
    clip: Annotated[float, Field(gt=0, le=100)] = 100.0
    columns: Annotated[int, Field(ge=1, le=64)] | None = None
    overlay: Annotated[float, Field(ge=0, le=1)] = 0.0
    legend: bool = False

    def to_rendering(self) -> Rendering:
        """Return the imaging's value."""
        return Rendering(**dict(self))


class SpecModel(Strict):
    """The network spec: what comes in, and the layers it passes through."""

    input: InputModel
    layers: Annotated[tuple[AnyLayer, ...], BeforeValidator(as_tuple)]
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
    layers: Annotated[tuple[AnyLayer, ...], BeforeValidator(as_tuple)]
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

    input: ShapeInputModel


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
            raise fault(
                f"{len(given)} numbers are named; give one of feature, input_gradient, "
                "kernel_gradient."
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

    at: AtModel
    loss: AnyLoss = ReducingLoss(type="sum")


class GradcheckBody(SpecModel):
    """`POST /gradcheck`; it computes in float64 whatever the dtype."""

    loss: AnyLoss = ReducingLoss(type="sum")
    wrt: Name = "input"
    indices: (
        Annotated[
            tuple[Annotated[tuple[Index, ...], BeforeValidator(as_tuple)], ...],
            BeforeValidator(as_tuple),
            Field(min_length=1, max_length=1000),
        ]
        | None
    ) = None
    step: Annotated[float, Field(gt=0, le=1e6)] = 1e-4
    seed: Position = 0
