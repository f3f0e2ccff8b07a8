"""Which cells of a network's input one unit depends on, layer by layer, axis by axis."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.arguments import entries_of, is_index, span, written
from app.engine.errors import ParameterError
from app.engine.geometry import Padding, Pair, ReceptiveField
from app.engine.padding import source_indices

Cells = NDArray[np.intp]

# Cells traced back to tell one field; 0.1 s. Networks that people draw need some hundreds.
MOST_TRACED = 2**19


@dataclass(frozen=True)
class Window:
    """A sliding window after all forms were resolved; a 1-D one has a single row.

    Attributes:
        kernel: Extent (rows, cols) in taps.
        stride: Step (rows, cols).
        dilation: Spacing of the taps (rows, cols).
        padding: ((top, bottom), (left, right)).
        mode: Padding mode.
        groups: Groups of channels.
        flip: Whether the taps are read backwards (mathematical convolution).
        transposed: Whether the window is spread over the output instead.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    mode: str = "zeros"
    groups: int = 1
    flip: bool = False
    transposed: bool = False

    def reads(self, units: Cells, axis: int) -> Cells:
        """Return the cells of the padded input that `units` of the output read, ascending.

        Args:
            units: Indices along one axis of the output.
            axis: 0 for rows, 1 for columns.
        """
        return self.reads_each(np.zeros_like(units), units, axis)[1]

    def reads_each(self, owners: Cells, units: Cells, axis: int) -> tuple[Cells, Cells]:
        """Return which cells of the padded input each owner reads through its units.

        Args:
            owners: The owner of each entry of `units`.
            units: Indices along one axis of the output.
            axis: 0 for rows, 1 for columns.

        Returns:
            Owners and cells, entry by entry, each pair once, ascending.
        """
        stride, before = self.stride[axis], self.padding[axis][0]
        taps = np.arange(self.kernel[axis]) * self.dilation[axis]
        owners = np.repeat(owners, taps.size)
        if self.transposed:
            spread = (units[:, np.newaxis] + before - taps).ravel()
            read = spread % stride == 0
            owners, cells = owners[read], spread[read] // stride
        else:
            cells = (units[:, np.newaxis] * stride - before + taps).ravel()
        order = np.lexsort((cells, owners))
        owners, cells = owners[order], cells[order]
        first = np.append(True, (np.diff(owners) != 0) | (np.diff(cells) != 0))[: cells.size]
        return owners[first], cells[first]

    def sources(self, units: Cells, axis: int, size: int) -> Cells:
        """Return the cells of the unpadded input that `units` depend on, ascending.

        Args:
            units: Indices along one axis of the output.
            axis: 0 for rows, 1 for columns.
            size: Length of that axis of the input.
        """
        cells = self.reads(units, axis)
        if self.mode != "zeros":
            before, after = self.padding[axis]
            return np.unique(source_indices(size, before, after, self.mode)[cells + before])
        return cells[(cells >= 0) & (cells < size)]


@dataclass(frozen=True)
class View:
    """What the units of a map see of the network's input.

    Attributes:
        size: (rows, cols) of the map the units stand on; kept through `flatten`.
        field: What one unit sees, with padding counted as if it were input; None where transposed
            windows make units so different that telling them apart would take too long.
        steps: The windows on the way from the input, each with its input's (rows, cols).
    """

    size: Pair
    field: ReceptiveField | None = field(default_factory=ReceptiveField)
    steps: tuple[tuple[Window, Pair], ...] = ()

    def then(self, window: Window, size: Pair) -> "View":
        """Return the view after one more window, whose output has (rows, cols) `size`."""
        steps = (*self.steps, (window, self.size))
        if self.field is None or any(step.transposed for step, _ in steps):
            return View(size, _spread_field(steps, size), steps)
        w = window
        return View(size, self.field.then(w.kernel, w.stride, w.dilation, w.padding), steps)

    def whole(self) -> "View":
        """Return the view of the one unit that sees the whole map."""
        return self.then(Window(self.size), (1, 1))

    def mixed(self, rows: bool, cols: bool) -> "View":
        """Return the view of units that all see every row and/or every column of the map."""
        kernel = (self.size[0] if rows else 1, self.size[1] if cols else 1)
        # A step of 0: the window stands still while the units move.
        return self.then(Window(kernel, (int(not rows), int(not cols))), self.size)

    def cells(self, unit: Pair) -> tuple[Cells, Cells]:
        """Return the rows and the columns of the input that the unit at (row, col) depends on.

        Padding is no input: padded zeros are left out, and cells that `reflect`, `replicate` or
        `circular` padding repeats are counted where they stand.

        Raises:
            ParameterError: The map has no such unit.
        """
        entries = entries_of(unit) or ()
        if len(entries) != 2 or not all(map(is_index, entries, self.size)):
            rows, cols = (span(0, size - 1) for size in self.size)
            legal = f"rows {rows}, cols {cols}"
            raise ParameterError(
                f"there is no unit at {written(unit)}; legal: {legal}.", ("unit",), legal
            )
        found: list[Any] = []
        for axis in (0, 1):
            units = np.array([unit[axis]], dtype=np.intp)
            for window, size in reversed(self.steps):
                units = window.sources(units, axis, size[axis])
            found.append(units)
        return found[0], found[1]


def _spread_field(steps: tuple[tuple[Window, Pair], ...], size: Pair) -> ReceptiveField | None:
    """Return the field behind transposed windows, whose extent differs from unit to unit.

    Its size is the largest extent, its start that of the first unit that sees anything, its
    stride the mean step, which may be a fraction.
    """
    rows, cols = (_spread_axis(steps, axis, size[axis]) for axis in (0, 1))
    if rows is None or cols is None:
        return None
    (extent_rows, row_step, top), (extent_cols, col_step, left) = rows, cols
    return ReceptiveField((extent_rows, extent_cols), (row_step, col_step), (top, left))


def _spread_axis(
    steps: tuple[tuple[Window, Pair], ...], axis: int, units: int
) -> tuple[int, Any, int] | None:
    """Return extent, step and start along one axis; None where it would take too long."""
    forward = math.prod(w.stride[axis] for w, _ in steps if not w.transposed)
    period = math.prod(w.stride[axis] for w, _ in steps if w.transposed)
    # The pattern of extents repeats after that many units.
    owners = cells = np.arange(min(period, units, MOST_TRACED + 1))
    left = MOST_TRACED
    for window, _ in reversed(steps):
        left -= cells.size * window.kernel[axis]
        if left < 0 or _may_overflow(window, axis, cells):
            return None
        owners, cells = window.reads_each(owners, cells, axis)
    step = forward / period
    whole_step = int(step) if step.is_integer() else step
    if not cells.size:
        return 0, whole_step, 0
    begins = np.flatnonzero(np.append(True, np.diff(owners) != 0))
    ends = np.append(begins[1:], cells.size) - 1
    extent = int((cells[ends] - cells[begins]).max()) + 1
    return extent, whole_step, int(cells[0])


def _may_overflow(window: Window, axis: int, cells: Cells) -> bool:
    """Tell whether a cell's index could leave the range of 64 bits."""
    farthest = int(np.abs(cells).max(initial=0))
    reach = window.kernel[axis] * window.dilation[axis] + max(window.padding[axis])
    return farthest * window.stride[axis] + reach > 2**62
