"""The bodies of the computing routes, as strict models that become plain values of the service."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from app.engine.losses import L2, CrossEntropy, Mean, Mse, Select, Sum, Upstream
from app.imaging import Rendering
from app.service.specs import (
    ArrayInput,
    Input,
    LossSpec,
    PictureInput,
    PictureLoss,
    Returning,
    ShapeInput,
    Spec,
    WireType,
)
from app.web.arrays import fault
from app.web.fields import Index, InputValues, Strict, Values
from app.web.layer_schemas import AnyLayer

Side = Annotated[int, Field(ge=1, le=16_384)]
Size = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(max_length=128)]
Position = Annotated[int, Field(ge=0, le=2**31 - 1)]
PICTURE_FIELDS = {"color", "range", "max_side"}


def _tuple(value: object) -> object:
    """Let strict tuples be written the only way JSON can: as lists."""
    return tuple(value) if isinstance(value, list) else value


Indices = Annotated[tuple[Index, ...], BeforeValidator(_tuple), Field(max_length=100_000)]
Span = Annotated[tuple[Index, Index], BeforeValidator(_tuple)]
Shape = Annotated[tuple[Size, ...], BeforeValidator(_tuple), Field(min_length=1, max_length=4)]


class InputModel(Strict):
    """A stored picture, a sample, or numbers; exactly one of them."""

    image: Name | None = None
    sample: Name | None = None
    array: InputValues | None = None
    color: Literal["rgb", "gray"] = "rgb"
    range: Literal["unit", "signed", "byte"] = "unit"
    max_side: Side | None = None

    @model_validator(mode="after")
    def _exactly_one_source(self) -> "InputModel":
        sources = self._sources()
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            raise fault(f"The input names {len(given)} sources; give one of {', '.join(sources)}.")
        unused = self.model_fields_set & PICTURE_FIELDS
        if given[0] not in ("image", "sample") and unused:
            raise fault(
                "color, range and max_side are for pictures; an array is taken as it is.",
                (min(unused),),
            )
        return self

    def _sources(self) -> tuple[str, ...]:
        return "image", "sample", "array"

    def to_input(self) -> Input:
        """Return the service's value."""
        if self.array is not None:
            return ArrayInput(self.array)
        return self.to_picture()

    def to_picture(self) -> PictureInput:
        """Return the service's value of an input that is a picture."""
        return PictureInput(
            image=self.image,
            sample=self.sample,
            color=self.color,
            range=self.range,
            max_side=self.max_side,
        )


class ShapeInputModel(InputModel):
    """As every input, or a shape alone."""

    shape: Shape | None = None

    def _sources(self) -> tuple[str, ...]:
        return "image", "sample", "array", "shape"

    def to_input(self) -> Input:
        """Return the service's value."""
        return super().to_input() if self.shape is None else ShapeInput(self.shape)


class SelectModel(Strict):
    """A part of one layer's output: a pixel, a region, a channel, a class score."""

    layer: Index | None = None
    channels: Indices | None = None
    rows: Span | None = None
    cols: Span | None = None

    def to_engine(self) -> Select:
        """Return the engine's value."""
        given = {name: value for name, value in self if value is not None}
        return Select(**given)


class ReducingLoss(Strict):
    """The sum, the mean, or half the sum of squares of the output or a part of it."""

    type: Literal["sum", "mean", "l2"]
    select: SelectModel | None = None

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        kinds: dict[str, type[Sum | Mean | L2]] = {"sum": Sum, "mean": Mean, "l2": L2}
        return kinds[self.type](None if self.select is None else self.select.to_engine())


def _target_form(value: object) -> str:
    return "input" if isinstance(value, dict) and "tensor" not in value else "array"


class MseLoss(Strict):
    """The mean of the squared differences to a target: an array, or an input as the network's."""

    type: Literal["mse"]
    target: Annotated[
        Annotated[Values, Tag("array")] | Annotated[InputModel, Tag("input")],
        Discriminator(_target_form),
    ]

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        if not isinstance(self.target, InputModel):
            return Mse(self.target)
        if self.target.array is not None:
            return Mse(self.target.array)
        return PictureLoss(self.target.to_picture())


class CrossEntropyLoss(Strict):
    """The negative log-likelihood of a class under the softmax of the output."""

    type: Literal["cross_entropy"]
    target: Position | Annotated[tuple[Position, ...], BeforeValidator(_tuple)]

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        return CrossEntropy(self.target)


class UpstreamLoss(Strict):
    """The sum of the output weighted by given values: any upstream gradient."""

    type: Literal["upstream"]
    values: Values

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        return Upstream(self.values)


AnyLoss = Annotated[ReducingLoss | MseLoss | CrossEntropyLoss | UpstreamLoss, Discriminator("type")]


class ReturnModel(Strict):
    """Which arrays go back, and in which form."""

    layers: Literal["last", "all"] | Indices = "last"
    channels: Literal["all"] | Indices = "all"
    data: bool = True
    max_side: Side | None = None
    dtype: WireType | None = None

    def to_returning(self) -> Returning:
        """Return the service's value."""
        return Returning(
            layers=self.layers,
            channels=None if self.channels == "all" else self.channels,
            values=self.data,
            max_side=self.max_side,
            dtype=self.dtype,
        )


class GradientReturnModel(ReturnModel):
    """Which gradients go back, and in which form."""

    gradients: Annotated[tuple[Name, ...], BeforeValidator(_tuple), Field(max_length=200)] = (
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
    layers: Annotated[tuple[AnyLayer, ...], BeforeValidator(_tuple)]
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
    layers: Annotated[tuple[AnyLayer, ...], BeforeValidator(_tuple)]
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


class FeaturePosition(Strict):
    """One number of a layer's output."""

    layer: Index = -1
    n: Position = 0
    channel: Position = 0
    row: Position = 0
    col: Position = 0


class InputPosition(Strict):
    """One number of a layer's input, of the network's by default."""

    layer: Index = 0
    n: Position = 0
    channel: Position = 0
    row: Position = 0
    col: Position = 0


class KernelPosition(Strict):
    """One number of a layer's kernel in its full form."""

    layer: Index = 0
    filter: Position = 0
    channel: Position = 0
    row: Position = 0
    col: Position = 0


class AtModel(Strict):
    """The number to explain; exactly one of the three."""

    feature: FeaturePosition | None = None
    input_gradient: InputPosition | None = None
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
            tuple[Annotated[tuple[Index, ...], BeforeValidator(_tuple)], ...],
            BeforeValidator(_tuple),
            Field(min_length=1, max_length=1000),
        ]
        | None
    ) = None
    step: Annotated[float, Field(gt=0, le=1e6)] | None = None
    seed: Position = 0
