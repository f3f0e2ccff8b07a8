"""Losses as strict models."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Tag

from app.engine.losses import L2, CrossEntropy, Mean, Mse, Select, Sum, Upstream
from app.service.specs import LossSpec, PictureLoss
from app.web.fields import Index, Strict, Values
from app.web.input_schemas import Indices, InputModel, Position, Span, as_tuple


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
    target: Position | Annotated[tuple[Position, ...], BeforeValidator(as_tuple)]

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
