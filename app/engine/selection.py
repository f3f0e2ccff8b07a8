"""The part of a feature map that a loss looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.arguments import entries_of, is_index, span, written
from app.engine.errors import ParameterError

Range = tuple[int, int]


@dataclass(frozen=True)
class Select:
    """The part of a feature map that a loss looks at; None takes everything.

    Attributes:
        layer: Index of the layer whose output is meant; None means the last.
        channels: Indices of channels, of features or classes for a vector.
        rows: Half-open range of rows.
        cols: Half-open range of columns; of positions for a sequence.
    """

    layer: int | None = None
    channels: Sequence[int] | None = None
    rows: Range | None = None
    cols: Range | None = None

    def index(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Return the index of the part in an array of this shape.

        Raises:
            ParameterError: A channel, row or column that the array does not have.
        """
        wanted = {"rows": self.rows, "cols": self.cols}
        axes = {4: ("rows", "cols"), 3: ("cols",)}.get(len(shape), ())
        for field, value in wanted.items():
            if value is not None and field not in axes:
                raise ParameterError(
                    f"{field} are selected, but an output of shape {shape} has none.",
                    ("select", field),
                    "none",
                )
        sizes = zip(axes, shape[2:], strict=True)
        spatial = [_as_slice(wanted[field], field, size) for field, size in sizes]
        return (slice(None), _as_channels(self.channels, shape[1]), *spatial)


def _as_slice(value: Range | None, field: str, size: int) -> slice:
    if value is None:
        return slice(None)
    legal = f"0 ≤ from < to ≤ {size}"
    ends = entries_of(value) or ()
    whole = len(ends) == 2 and all(is_index(end, size + 1) for end in ends)
    if not whole or not value[0] < value[1]:
        raise ParameterError(
            f"{field} {written(value)} are selected; legal is [from, to) with {legal}.",
            ("select", field),
            legal,
        )
    return slice(int(value[0]), int(value[1]))


def _as_channels(channels: Sequence[int] | None, count: int) -> Any:
    if channels is None:
        return slice(None)
    legal = f"different indices, {span(0, count - 1)}"
    chosen = entries_of(channels) or ()
    known = all(is_index(channel, count) for channel in chosen)
    if not chosen or not known or len(set(chosen)) < len(chosen):
        raise ParameterError(
            f"channels {written(channels)} are selected; legal: {legal}.",
            ("select", "channels"),
            legal,
        )
    return list(chosen)
