"""One thread's buffer for `row_gemm`: how rows of a picture are laid out in it, and read from it.

The buffer holds XS[g, h, c, j, :] = the padded row h of channel c of group g from column j on. Each
strip j is a copy of the row. All strips of a block are copied together: every return from NumPy may
have to wait for another thread's hold on the interpreter, so few large calls win over many.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine.algorithms.products import aligned_zeros
from app.engine.bits import copy_every
from app.engine.problem import Array, Problem


class Layout(NamedTuple):
    """What the buffer's shape follows from.

    Attributes:
        problem: What is computed.
        groups: How many groups it holds at once.
        rows: How many output rows' windows it holds.
        strips: How many strips each row has.
        shifts: By how many cells the windows of each summand are shifted.
        stacks: How many output rows share a product, for each kind of product.
    """

    problem: Problem
    groups: int
    rows: int
    strips: int
    shifts: tuple[int, ...]
    stacks: frozenset[int]

    @property
    def length(self) -> int:
        """Return how many cells of a strip are read."""
        return self.problem.output[1] + self.shifts[-1]

    @property
    def period(self) -> int:
        """Return after how many strips the picture's columns are the same again, but shifted."""
        step = self.problem.stride[1]
        return step // math.gcd(step, self.problem.dilation[1]) if step > 1 else self.strips

    @property
    def shift(self) -> int:
        """Return by how many cells a strip is shifted against the one a period before."""
        return self.period * self.problem.dilation[1] // self.problem.stride[1]

    @property
    def pitch(self) -> int:
        """Return the distance of the strips: a little more than the cells, never a power of two."""
        cells = self.length + (self.strips - 1) // self.period * self.shift
        return -(-cells // 16) * 16 + 16

    @property
    def bytes_per_row(self) -> int:
        """Return what one row of one group takes."""
        values = self.problem.group_channels * self.strips * self.pitch
        return values * self.problem.dtype.itemsize


class Copy(NamedTuple):
    """A part of the strips that lies in the picture: where it goes, and where it comes from."""

    strips: slice
    cells: slice
    first: int


def copies(layout: Layout) -> list[Copy]:
    """Return the copies that fill the strips of a row; cells that they leave out are zero.

    Where the window steps by one column: all strips at once for the cells that lie in the picture
    in each of them, then, cell by cell at both ends, the strips in which it does.
    """
    problem = layout.problem
    step, gap, width = problem.stride[1], problem.dilation[1], problem.size[1]
    left = problem.padding[1][0]
    if step > 1:
        found = []
        for strip in range(min(layout.period, layout.strips)):
            start = strip * gap - left
            shifts = (layout.strips - 1 - strip) // layout.period * layout.shift
            low = max(0, -(start // step))
            high = min(layout.length + shifts, (width - 1 - start) // step + 1)
            if low < high:
                place = slice(strip, strip + 1)
                found.append(Copy(place, slice(low, high), start + low * step))
        return found
    reach = (layout.strips - 1) * gap
    low, high = min(left, layout.length), min(layout.length, width + left - reach)
    if low >= high:
        low = high = layout.length
    found = [Copy(slice(0, layout.strips), slice(low, high), low - left)] if low < high else []
    for cell in (*range(low), *range(high, layout.length)):
        first = max(0, -((cell - left) // gap))
        last = min(layout.strips - 1, (width - 1 - cell + left) // gap)
        if first <= last:
            start = cell - left + first * gap
            found.append(Copy(slice(first, last + 1), slice(cell, cell + 1), start))
    return found


class Source:
    """Pictures x (N, C, H, W) as the copies read them, one view for each, made once a call."""

    def __init__(self, layout: Layout, parts: list[Copy], x: Array) -> None:
        self._x = x
        self._step = layout.problem.stride[1]
        self._channels = layout.problem.group_channels
        *_, by_col = x.strides
        gap = layout.problem.dilation[1]
        self._views: list[tuple[slice, slice, Array]] = [
            (
                part.strips,
                part.cells,
                as_strided(
                    x[..., part.first :],
                    (
                        *x.shape[:3],
                        part.strips.stop - part.strips.start,
                        (part.cells.stop - part.cells.start - 1) * self._step + 1,
                    ),
                    (*x.strides[:3], gap * by_col, by_col),
                ),
            )
            for part in parts
        ]

    @property
    def height(self) -> int:
        """Return H."""
        return int(self._x.shape[2])

    def copy(self, into: Array, number: int, group: int, rows: slice) -> None:
        """Copy rows of one picture's groups into (groups, rows, C, strips, pitch)."""
        groups, channels = into.shape[0], self._channels
        chosen = slice(group * channels, (group + groups) * channels)
        for strips, cells, view in self._views:
            part = view[number, chosen, rows]
            source = part.reshape(groups, channels, *part.shape[1:]).transpose(0, 2, 1, 3, 4)
            copy_every(source, self._step, into[:, :, :, strips, cells])


class Buffer:
    """One thread's strips, and the windows on them that products read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        problem, channels = layout.problem, layout.problem.group_channels
        step = problem.stride[0]
        rows = (layout.rows - 1) * step + problem.kernel[0]
        # Columns that lie in the padding are zero from the start and never written.
        self._strips = aligned_zeros(
            (layout.groups, rows, channels, layout.strips, layout.pitch), problem.dtype
        )
        by_group, by_row, _, by_strip, by_cell = self._strips.strides
        self._windows = {
            stack: [
                as_strided(
                    self._strips[..., shift:],
                    (
                        layout.groups,
                        layout.rows // stack,
                        1,
                        ((stack - 1) * step + problem.kernel[0]) * channels * layout.strips,
                        problem.output[1],
                    ),
                    (
                        by_group,
                        stack * step * by_row,
                        0,
                        by_strip,
                        by_cell,
                    ),
                )
                for shift in layout.shifts
            ]
            for stack in layout.stacks
        }
        summed = (layout.groups, problem.group_filters, layout.rows, problem.output[1])
        self.partial = np.empty(summed if len(layout.shifts) > 1 else (0, 0, 0, 0), problem.dtype)

    def load(
        self, source: Source, number: int, group: int, groups: int, start: int, count: int
    ) -> None:
        """Fill the buffer with `count` rows, from picture row `start` on."""
        gap, height = self._layout.problem.dilation[0], source.height
        strips = self._strips[:groups]
        low = min(count, -(start // gap) if start < 0 else 0)
        high = max(low, min(count, (height - 1 - start) // gap + 1))
        if low:
            strips[:, :low] = 0
        if high < count:
            strips[:, high:count] = 0
        if high == low:
            return
        first = start + low * gap
        into = strips[:, low:high]
        source.copy(into, number, group, slice(first, first + (high - low - 1) * gap + 1, gap))
        period, shift, length = self._layout.period, self._layout.shift, self._layout.length
        for strip in range(period, self._layout.strips):
            # The same columns as a period before, which need not be picked out again.
            origin, cells = strip % period, strip // period * shift
            into[..., strip, :length] = into[..., origin, cells : cells + length]

    def windows(self, stack: int, summand: int, groups: int, rows: slice) -> Array:
        """Return the windows of output rows, shape (groups, rows/stack, 1, K, OW)."""
        part = slice(rows.start // stack, rows.stop // stack)
        return self._windows[stack][summand][:groups, part]
