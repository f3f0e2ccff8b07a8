"""Which one number is to be explained, and its explanation."""

from dataclasses import dataclass
from typing import Literal

from app.engine.arguments import span
from app.engine.errors import ParameterError
from app.engine.explain import (
    Explanation,
    explain_feature,
    explain_input_gradient,
    explain_kernel_gradient,
)
from app.engine.losses import Loss
from app.engine.network import Tape

Kind = Literal["feature", "input_gradient", "kernel_gradient"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One number of a computation.

    Attributes:
        kind: What it is.
        layer: Index of its layer; None is the last one for a feature, else the first.
        lead: Index on the first axis, n or filter, and its name.
        channel: Index on the second axis.
        row: Index on the rows; 0 where there are none.
        col: Index on the columns; 0 where there are none.
    """

    kind: Kind
    layer: int | None = None
    lead: int = 0
    channel: int = 0
    row: int = 0
    col: int = 0

    @property
    def axes(self) -> tuple[str, str, str, str]:
        """Return what the four indices are called."""
        return ("filter" if self.kind == "kernel_gradient" else "n", "channel", "row", "col")


def explain(tape: Tape, place: Place, loss: Loss) -> Explanation:
    """Return every term of the number.

    Raises:
        ParameterError: There is no such number, paths ("at", kind, field).
    """
    last = len(tape.steps) - 1
    layer = place.layer if place.layer is not None else (last if place.kind == "feature" else 0)
    if not 0 <= layer <= last:
        raise ParameterError(
            f"There is no layer {layer}; legal: {span(0, last)}.",
            ("at", place.kind, "layer"),
            span(0, last),
        )
    shape = _shape(tape, layer, place.kind)
    if shape is None:
        raise ParameterError(
            f"Layer {layer} has no kernel; legal are convolutions and dense layers.",
            ("at", place.kind, "layer"),
            "a convolution or a dense layer",
        )
    position = _position(place, shape)
    if place.kind == "feature":
        return explain_feature(tape, layer, position)
    if place.kind == "input_gradient":
        return explain_input_gradient(tape, position, loss, layer)
    return explain_kernel_gradient(tape, layer, position, loss)


def _shape(tape: Tape, layer: int, kind: Kind) -> tuple[int, ...] | None:
    """Return the shape of the array that the number stands in; None where there is none."""
    if kind == "feature":
        return tape.steps[layer].output.shape
    if kind == "input_gradient":
        return tape.input_of(layer).shape
    parameters = tape.steps[layer].parameters
    kernel = parameters.get("kernel", parameters.get("weight"))
    return None if kernel is None or kernel.ndim < 2 else kernel.shape


def _position(place: Place, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index into an array of this shape, which may have no rows, or no columns."""
    given = dict(zip(place.axes, (place.lead, place.channel, place.row, place.col), strict=True))
    lead, channel, row, col = place.axes
    named = {4: place.axes, 3: (lead, channel, col), 2: (lead, channel)}[len(shape)]
    for axis, size in zip(named, shape, strict=True):
        if given[axis] >= size:
            legal = span(0, size - 1)
            raise ParameterError(
                f"{axis} {given[axis]} is outside of the shape {shape}; legal: {legal}.",
                ("at", place.kind, axis),
                legal,
            )
    for axis in (row, col):
        if axis not in named and given[axis]:
            raise ParameterError(
                f"{axis} is {given[axis]}, but an array of shape {shape} has no {axis}s.",
                ("at", place.kind, axis),
                "0",
            )
    return tuple(given[axis] for axis in named)
