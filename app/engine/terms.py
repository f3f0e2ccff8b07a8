"""The parts of an explained number: factors, terms, and which cells of a window meet where."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engine.layers.view import Window
from app.engine.padding import source_indices

Array = NDArray[Any]
Position = tuple[int, ...]


@dataclass(frozen=True)
class Factor:
    """One factor of a term.

    Attributes:
        name: What it is: "input", "kernel", "weight", "upstream", a layer's own factor, or "loss"
            for what a loss itself sends to the map that it looks at.
        position: Its index in the array it stands in. A cell of zero padding has the index it
            would have there, below 0 or past the end; one of another padding mode that of the
            cell it repeats.
        value: The number.
    """

    name: str
    position: Position
    value: float


@dataclass(frozen=True)
class Term:
    """One product of a sum.

    Attributes:
        left: First factor.
        right: Second factor.
        product: Their product.
        padding: Whether the input cell among them is padding.
    """

    left: Factor
    right: Factor
    product: float
    padding: bool = False


def term(left: Factor, right: Factor, padding: bool = False) -> Term:
    """Return the product of two factors."""
    with np.errstate(all="ignore"):
        product = float(np.float64(left.value) * np.float64(right.value))
    return Term(left, right, product, padding)


class Meeting(NamedTuple):
    """Along one axis: output cell `out` and input cell `source` meet at the window's `tap`."""

    out: int
    tap: int
    source: int
    padding: bool


def meetings(
    window: Window,
    axis: int,
    size: int,
    output: int,
    *,
    out: int | None = None,
    tap: int | None = None,
    source: int | None = None,
) -> list[Meeting]:
    """Return what meets along an axis, as far as the given ends allow.

    What overhangs even the padding, as `ceil_mode` allows, meets nothing.

    Args:
        window: The resolved window.
        axis: 0 for rows, 1 for columns.
        size: Length of that axis of the input.
        output: Length of that axis of the output.
        out: Only this output cell.
        tap: Only this cell of the window.
        source: Only this input cell.
    """
    # A transposed window slides over the output: the roles of the two are exchanged.
    slides, stands = (size, output) if window.transposed else (output, size)
    outs, taps = np.meshgrid(np.arange(slides), np.arange(window.kernel[axis]), indexing="ij")
    before, after = window.padding[axis]
    cells = outs * window.stride[axis] + taps * window.dilation[axis] - before
    padding = (cells < 0) | (cells >= stands)
    exists = cells < stands + after
    if window.transposed:
        exists = ~padding
        outs, cells = cells, outs
    elif window.mode != "zeros":
        lookup = source_indices(size, before, after, window.mode)
        cells = lookup[np.minimum(cells, size + after - 1) + before]
    for fixed, values in ((out, outs), (tap, taps), (source, cells)):
        if fixed is not None:
            exists &= values == fixed
    found = (outs[exists], taps[exists], cells[exists], padding[exists])
    return [
        Meeting(int(o), int(t), int(s), bool(p) and not window.transposed)
        for o, t, s, p in zip(*found, strict=True)
    ]


def crossings(
    rows: Iterable[Meeting], cols: Iterable[Meeting]
) -> Iterator[tuple[Position, Position, Position, bool]]:
    """Yield (output cell, tap, input cell, padding) in two axes, in row-major order."""
    for r, c in itertools.product(rows, list(cols)):
        yield (r.out, c.out), (r.tap, c.tap), (r.source, c.source), r.padding or c.padding


def as_maps(array: Array) -> Array:
    """Return sequences (N, C, L) as pictures one row high, and pictures as they are."""
    return array if array.ndim == 4 else array[:, :, np.newaxis]


def at(array: Array, *index: int) -> Position:
    """Return the index (n, c, row, col) as one of the array itself, which may lack the rows."""
    return index if array.ndim == 4 else (*index[:2], index[3])


def on_maps(position: Position) -> Position:
    """Return an index as (n, c, row, col)."""
    return position if len(position) == 4 else (*position[:2], 0, position[2])
