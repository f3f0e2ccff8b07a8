"""One thread's buffer for `row_gemm`: how rows of a picture are laid out in it, and read from it.

Rows of the picture are first copied into a band, with the zeros of the padding around them. The
strips XS[g, h, c, j, :] = the padded row h of channel c of group g from column j on are then copies
within the buffer. So all views but two, on the picture and on the maps, are the same in every call
and made once. A block then costs few microseconds of Python, and may be small enough to stay in a
core's own cache.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine.algorithms.products import Part, aligned_zeros
from app.engine.bits import copies_every
from app.engine.problem import Array, Problem


class Layout(NamedTuple):
    """What the buffer's shape follows from.

    Attributes:
        problem: What is computed.
        groups: How many groups it holds at once.
        rows: How many output rows' windows it holds.
        strips: How many strips each row has.
        shifts: By how many cells the windows of each summand are shifted.
        stack: How many output rows share a product; those that are left over go one by one.
    """

    problem: Problem
    groups: int
    rows: int
    strips: int
    shifts: tuple[int, ...]
    stack: int

    @property
    def length(self) -> int:
        """Return how many cells of a strip are read."""
        return self.problem.output[1] + self.shifts[-1]

    @property
    def is_copied(self) -> bool:
        """Return whether strips are copies; a single one of neighbouring cells is the row."""
        return self.strips > 1 or self.problem.stride[1] > 1

    @property
    def cols(self) -> int:
        """Return how many columns of the padded picture are read."""
        step, gap = self.problem.stride[1], self.problem.dilation[1]
        return (self.length - 1) * step + (self.strips - 1) * gap + 1

    @property
    def shown_cols(self) -> slice:
        """Return which of them show the picture."""
        left, width = self.problem.padding[1][0], self.problem.size[1]
        low = min(max(0, left), self.cols)
        return slice(low, max(low, min(self.cols, width + left)))

    @property
    def picture_cols(self) -> slice:
        """Return which columns of the picture those show."""
        left, shown = self.problem.padding[1][0], self.shown_cols
        return slice(shown.start - left, shown.stop - left)

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
        """Return the distance of the strips; those that others are copied from are longer."""
        return _pitch(self.length + (self.strips - 1) // self.period * self.shift)

    @property
    def bytes_per_row(self) -> int:
        """Return what one row of one group takes."""
        cells = _pitch(self.cols) + (self.strips * self.pitch if self.is_copied else 0)
        return self.problem.group_channels * cells * self.problem.dtype.itemsize

    def input_rows(self, rows: int) -> int:
        """Return how many rows of the padded picture so many output rows read."""
        return (rows - 1) * self.problem.stride[0] + self.problem.kernel[0]


def _pitch(cells: int) -> int:
    """Return a distance of rows: a little more than their cells, never a power of two."""
    return -(-cells // 16) * 16 + 16


class Product(NamedTuple):
    """A batched product of a block: what it multiplies, and where in the maps its result goes.

    Attributes:
        stack: How many output rows share a product of the batch.
        part: Which of the parts that filters and columns are cut into.
        windows: Of each summand, shape (groups, rows/stack, 1, K, cols).
        partial: Memory for summands but the first, of the result's shape; empty if there are none.
        shape: The result's shape, (groups, rows, F/each, each, cols), or, where rows are stacked,
            (groups, rows/stack, F, stack, cols).
        strides: The result's strides within the maps.
        offset: The result's distance, in bytes, from the block's first number.
    """

    stack: int
    part: int
    windows: list[Array]
    partial: Array
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


class Views(NamedTuple):
    """Views on the buffer that all blocks of one height share.

    Attributes:
        copies: What fills the strips, (into, source), to be copied with `casting="unsafe"`.
        products: What computes the output rows.
        windows: Of each output row by itself, shape (groups, height, KH·C·strips, OW).
    """

    copies: list[tuple[Array, Array]]
    products: list[Product]
    windows: Array


class Block(NamedTuple):
    """Output rows that are computed together.

    Attributes:
        phase: Row of the maps that their phase starts at, see `Recipe.phases`.
        first: Which of the phase's rows comes first.
        height: How many rows there are.
    """

    phase: int
    first: int
    height: int


class Step(NamedTuple):
    """How a block is computed.

    Attributes:
        outside: Rows of the band that lie above or below the picture.
        inside: Those that show the picture, shape (groups, C, rows, cols).
        rows: Which rows of the picture these are.
        offset: The block's distance, in bytes, from the first number of its groups' maps.
        views: What it shares with blocks of its height.
    """

    outside: list[Array]
    inside: Array
    rows: slice
    offset: int
    views: Views

    def load(self, pictures: Array) -> None:
        """Fill the buffer from the groups' channels of one picture, shape (groups, C, H, cols)."""
        for rows in self.outside:
            rows[...] = 0
        self.inside[...] = pictures[:, :, self.rows]
        for into, source in self.views.copies:
            np.copyto(into, source, casting="unsafe")


class Buffer:
    """One thread's band and strips, and the views on them that its blocks need."""

    def __init__(self, layout: Layout, parts: list[Part]) -> None:
        self._layout, self._parts = layout, parts
        problem, channels = layout.problem, layout.problem.group_channels
        rows = layout.input_rows(layout.rows)
        # Columns that lie in the padding are zero from the start and never written.
        outer = (layout.groups, rows, channels)
        self._band = aligned_zeros((*outer, _pitch(layout.cols)), problem.dtype)
        self._strips = self._band[..., None, :]
        if layout.is_copied:
            self._strips = aligned_zeros((*outer, layout.strips, layout.pitch), problem.dtype)
        summed = layout.groups * problem.group_filters * layout.rows * problem.output[1]
        self._partial = np.empty(summed if len(layout.shifts) > 1 else 0, problem.dtype)
        self._views: dict[tuple[int, int], Views] = {}
        self._steps: dict[tuple[int, Block], Step] = {}

    def step(self, groups: int, block: Block) -> Step:
        """Return how a block of so many groups is computed."""
        step = self._steps.get((groups, block))
        if step is None:
            step = self._steps[groups, block] = self._step(groups, block)
        return step

    def _step(self, groups: int, block: Block) -> Step:
        layout, problem = self._layout, self._layout.problem
        views = self._views.get((groups, block.height))
        if views is None:
            views = self._views[groups, block.height] = Views(
                self._copies(groups, block.height) if layout.is_copied else [],
                self._products(groups, block.height),
                self._windows(1, 0, groups, slice(0, block.height))[:, :, 0],
            )
        gap, height, count = problem.dilation[0], problem.size[0], layout.input_rows(block.height)
        start = block.phase + gap * problem.stride[0] * block.first - problem.padding[0][0]
        low = min(count, -(start // gap) if start < 0 else 0)
        high = max(low, min(count, (height - 1 - start) // gap + 1))
        first = start + low * gap
        rows = slice(first, first + (high - low - 1) * gap + 1, gap) if low < high else slice(0, 0)
        band, shown = self._band[:groups], layout.shown_cols
        outside = [rows for rows in (band[:, :low], band[:, high:count]) if rows.size]
        inside = band[:, low:high, :, shown.start : shown.stop].transpose(0, 2, 1, 3)
        offset = (block.phase + block.first * gap) * problem.output[1] * problem.dtype.itemsize
        return Step(outside, inside, rows, offset, views)

    def _copies(self, groups: int, height: int) -> list[tuple[Array, Array]]:
        layout, count = self._layout, self._layout.input_rows(height)
        step, gap = layout.problem.stride[1], layout.problem.dilation[1]
        strips, band = self._strips[:groups, :count], self._band[:groups, :count]
        if step == 1:
            # All strips together: few large calls win over many.
            *outer, by_cell = band.strides
            shape = (*band.shape[:3], layout.strips, layout.length)
            source = as_strided(band, shape, (*outer, gap * by_cell, by_cell))
            return [(strips[..., : layout.length], source)]
        copies = []
        for strip in range(min(layout.period, layout.strips)):
            shifts = (layout.strips - 1 - strip) // layout.period * layout.shift
            into, start = strips[..., strip, : layout.length + shifts], strip * gap
            copies += copies_every(band[..., start : start + step * into.shape[-1]], step, into)
        for strip in range(layout.period, layout.strips):
            # The same columns as a period before, which need not be picked out again.
            origin, first = strip % layout.period, strip // layout.period * layout.shift
            source = strips[..., origin, first : first + layout.length]
            copies.append((strips[..., strip, : layout.length], source))
        return copies

    def _products(self, groups: int, height: int) -> list[Product]:
        stack = self._layout.stack
        stacked = height // stack * stack
        return [
            self._product(groups, together, rows, number)
            for together, rows in ((stack, slice(0, stacked)), (1, slice(stacked, height)))
            if rows.start < rows.stop
            for number in range(len(self._parts))
        ]

    def _product(self, groups: int, stack: int, rows: slice, number: int) -> Product:
        problem, part = self._layout.problem, self._parts[number]
        item = problem.dtype.itemsize
        by_row = problem.output[1] * item
        by_map = problem.output[0] * by_row
        by_group = problem.group_filters * by_map
        # Rows of a block are those of one phase.
        step, count = problem.dilation[0] * by_row, (rows.stop - rows.start) // stack
        filters, cols = (span.stop - span.start for span in (part.rows, part.cols))
        shape, strides = (
            (groups, count, filters, stack, cols),
            (by_group, stack * step, by_map, step, item),
        )
        if stack == 1:
            shape = (groups, count, filters // part.each, part.each, cols)
            strides = (by_group, step, part.each * by_map, by_map, item)
        shifts = self._layout.shifts
        windows = [self._windows(stack, shift, groups, rows)[..., part.cols] for shift in shifts]
        partial = self._partial
        if len(shifts) > 1:
            partial = partial[: math.prod(shape)].reshape(shape)
        offset = part.rows.start * by_map + rows.start * step + part.cols.start * item
        return Product(stack, number, windows, partial, shape, strides, offset)

    def _windows(self, stack: int, shift: int, groups: int, rows: slice) -> Array:
        """Return the windows of output rows, shape (groups, rows/stack, 1, K, OW)."""
        layout, problem = self._layout, self._layout.problem
        by_group, by_row, by_channel, _, by_cell = self._strips.strides
        depth = layout.input_rows(stack) * problem.group_channels * layout.strips
        by_stack, by_strip = stack * problem.stride[0] * by_row, by_channel // layout.strips
        return as_strided(
            self._strips[:, rows.start * problem.stride[0] :, :, :, shift:],
            (groups, (rows.stop - rows.start) // stack, 1, depth, problem.output[1]),
            (by_group, by_stack, 0, by_strip, by_cell),
        )
