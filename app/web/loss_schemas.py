"""Losses as strict models."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, PlainValidator, Tag, WithJsonSchema

from app.engine.losses import L2, CrossEntropy, Mean, Mse, Sum, Upstream
from app.engine.selection import Select
from app.service.specs import LossSpec, PictureLoss
from app.web.arrays import LARGEST, unexpected
from app.web.fields import INTEGER, INTEGERS, Index, Indices, Span, Strict, Values, integers, told
from app.web.input_schemas import InputModel


class SelectModel(Strict):
    """A part of one layer's output: a pixel, a region, a channel, a class score."""

    layer: Annotated[Index | None, told("the index of a layer, an integer from 0")] = None
    channels: Annotated[Indices | None, told("a list of indices of channels")] = None
    rows: Annotated[Span | None, told("a pair [from, to) of integers")] = None
    cols: Annotated[Span | None, told("a pair [from, to) of integers")] = None

    def to_engine(self) -> Select:
        """Return the engine's value."""
        given = {name: value for name, value in self if value is not None}
        return Select(**given)


class ReducingLoss(Strict):
    """The sum, the mean, or half the sum of squares of the output or a part of it."""

    type: Literal["sum", "mean", "l2"]
    select: Annotated[
        SelectModel | None, told("an object with the fields layer, channels, rows and cols")
    ] = None

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        kinds: dict[str, type[Sum | Mean | L2]] = {"sum": Sum, "mean": Mean, "l2": L2}
        return kinds[self.type](None if self.select is None else self.select.to_engine())


def _target_form(value: object) -> str:
    return "picture" if isinstance(value, dict) and "tensor" not in value else "numbers"


class MseLoss(Strict):
    """The mean of the squared differences to a target: numbers, or an input as the network's."""

    type: Literal["mse"]
    target: Annotated[
        Annotated[Values, Tag("numbers")] | Annotated[InputModel, Tag("picture")],
        Discriminator(_target_form),
        told(
            "a number, nested lists of numbers in the output's shape, or an input as the network's"
        ),
    ]

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        if not isinstance(self.target, InputModel):
            return Mse(self.target)
        if self.target.array is not None:
            return Mse(self.target.array)
        return PictureLoss(self.target.to_picture())


def _classes(value: object) -> object:
    if isinstance(value, list):
        return integers()(value)
    if type(value) is not int or abs(value) > LARGEST:
        raise unexpected()
    return value


class CrossEntropyLoss(Strict):
    """The negative log-likelihood of a class under the softmax of the output."""

    type: Literal["cross_entropy"]
    target: Annotated[
        Any,
        PlainValidator(_classes),
        WithJsonSchema({"anyOf": [INTEGER, INTEGERS]}),
        told("the index of a class, an integer from 0, or a list of them, one an example"),
    ]

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        return CrossEntropy(self.target)


class UpstreamLoss(Strict):
    """The sum of the output weighted by given values: any upstream gradient."""

    type: Literal["upstream"]
    values: Annotated[Values, told("nested lists of numbers in the output's shape")]

    def to_loss(self) -> LossSpec:
        """Return the service's value."""
        return Upstream(self.values)


AnyLoss = Annotated[ReducingLoss | MseLoss | CrossEntropyLoss | UpstreamLoss, Discriminator("type")]
