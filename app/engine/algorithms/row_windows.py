"""How `row_gemm` computes a geometry: what does not depend on the values of picture and kernel."""

import math
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.engine.algorithms.products import Part, even_part, parts_of
from app.engine.algorithms.row_buffer import Buffer, Layout, Source, copies
from app.engine.problem import Array, Problem

# What a buffer takes. One that stays in a core's own cache is no faster: each call of NumPy costs
# microseconds of waiting for the other thread's hold on the interpreter, so that few large ones win
# (depthwise 7.9 ms with 0.75 MiB, 4.9 with 2; one map 1.02 and 0.82).
BUFFER_BYTES = 1 << 21
MAX_BLOCK_ROWS = 512
# Below this much work a hand-off to the workers costs more than it saves: multiplications, and
# values copied into the buffer, each as dear as sixteen (measured: few filters mostly copy).
SHARED_WORK = 12_000_000
COPY_WORK = 16
Weights = list[Array]


class Tile(NamedTuple):
    """A block of output rows of one picture and of some groups of its channels.

    Attributes:
        number: Which picture of the batch.
        group: The first of the groups.
        groups: How many groups there are.
        phase: Row of the maps that its phase starts at.
        first: Which of the phase's rows comes first.
    """

    number: int
    group: int
    groups: int
    phase: int
    first: int

    def rows(self, maps: Array, plan: "Recipe") -> Array:
        """Return the tile's rows of maps (N, O, OH, OW), shape (groups, F, rows, OW)."""
        filters = plan.problem.group_filters
        of_groups = slice(self.group * filters, (self.group + self.groups) * filters)
        start = self.phase + self.first * plan.phases
        end = start + plan.layout.rows * plan.phases
        rows = maps[self.number, of_groups, start : end : plan.phases]
        return rows.reshape(self.groups, filters, *rows.shape[1:])


class Recipe:
    """How one geometry is computed."""

    def __init__(self, problem: Problem, stack: int, strips: int) -> None:
        self.problem = problem
        self.stack = stack
        kernel_cols, gap = problem.kernel[1], problem.dilation[1]
        sums = -(-kernel_cols // strips)
        self.exact = stack == 1 and sums * strips == kernel_cols
        self.phases = problem.dilation[0]
        copied = problem.batch * problem.channels * math.prod(problem.output) * strips
        self.shared = problem.multiply_adds + COPY_WORK * copied >= SHARED_WORK
        heights = [len(range(p, problem.output[0], self.phases)) for p in range(self.phases)]
        # Rows that are left over when the others are stacked go one by one.
        stacks = frozenset({stack, *(1 for count in heights if count % stack)})
        shifts = tuple(strips * gap * number for number in range(sums))
        self.layout = self._sized(Layout(problem, 1, 1, strips, shifts, stacks), heights[0])
        if problem.whole is not None:
            # Blocks of a band are blocks of the whole.
            of_whole = recipe(problem.whole, stack, strips).layout
            self.layout = self.layout._replace(rows=of_whole.rows, groups=of_whole.groups)
        self.copies = copies(self.layout)
        self.parts = self._parts()
        self.blocks = [
            (phase, first)
            for phase, count in enumerate(heights)
            for first in range(0, count, self.layout.rows)
        ]
        self.grouped = -(-problem.groups // self.layout.groups)
        self.tile_count = problem.batch * self.grouped * len(self.blocks)
        self._local = threading.local()

    def tiles_of(self, numbers: Iterable[int]) -> Iterator[Tile]:
        """Yield the tiles with these numbers, of `tile_count`."""
        at_once = self.layout.groups
        for number in numbers:
            maps, block = divmod(number, len(self.blocks))
            picture, part = divmod(maps, self.grouped)
            group = part * at_once
            groups = min(at_once, self.problem.groups - group)
            yield Tile(picture, group, groups, *self.blocks[block])

    def _sized(self, layout: Layout, height: int) -> Layout:
        """Return the layout with as many rows, and then groups, as the buffer has room for."""
        problem, step = self.problem, self.problem.stride[0]
        fitting = (BUFFER_BYTES // layout.bytes_per_row - problem.kernel[0]) // step
        most = min(max(fitting, 8), MAX_BLOCK_ROWS, height)
        single = self.shared and problem.batch * self.phases == 1
        if single and problem.groups == 1:
            most = min(most, -(-height // 2))
        rows = height
        if most < height:
            stacks = even_part(height, most) // self.stack
            rows = self.stack * max(1, min(stacks + 1, most // self.stack))
            if single and -(-height // rows) % 2:
                # Two threads have as much to do.
                rows = -(-height // (-(-height // rows) + 1))
                rows = -(-rows // self.stack) * self.stack
        groups = 1
        if rows >= height:
            taken = ((rows - 1) * step + problem.kernel[0]) * layout.bytes_per_row
            most = -(-problem.groups // 2) if single else problem.groups
            groups = even_part(problem.groups, min(most, max(1, BUFFER_BYTES // taken)))
        return layout._replace(rows=rows, groups=groups)

    def _parts(self) -> list[Part]:
        """Return the filters and columns of a row that products of one size compute."""
        problem, stack = self.problem, self.stack
        kernel_rows = (stack - 1) * problem.stride[0] + problem.kernel[0]
        depth = problem.group_channels * kernel_rows * self.layout.strips
        if stack == 1:
            return parts_of(problem.group_filters, depth, problem.output[1])
        # The stacked rows of each filter are a product of their own.
        every = slice(0, problem.group_filters)
        parts = parts_of(stack, depth, problem.output[1], stack)
        return [Part(every, every.stop, part.cols) for part in parts if part.rows.start == 0]

    def source(self, x: Array) -> Source:
        """Return pictures (N, C, H, W) in the form that `block` reads."""
        return Source(self.layout, self.copies, x)

    def _buffer(self) -> Buffer:
        """Return the calling thread's own buffer, kept for the next call."""
        buffer: Buffer | None = getattr(self._local, "buffer", None)
        if buffer is None:
            buffer = self._local.buffer = Buffer(self.layout)
        return buffer

    def weights(self, kernel: Array) -> dict[int, Weights]:
        """Return a kernel as matrices for each group, by how many rows they stack.

        Args:
            kernel: Filters of one group or of several, shape (F·groups, C/groups, KH, KW).

        Returns:
            For each summand, shape (groups, 1, F, K), or (groups, 1, F, stack, K).
        """
        filters, channels, kernel_rows, kernel_cols = kernel.shape
        strips, each = self.layout.strips, self.problem.group_filters
        padded_cols = len(self.layout.shifts) * strips
        if padded_cols != kernel_cols:
            padded = np.zeros((filters, channels, kernel_rows, padded_cols), kernel.dtype)
            padded[..., :kernel_cols] = kernel
            kernel = padded
        step = self.problem.stride[0]
        band = (self.stack - 1) * step + kernel_rows
        matrices: dict[int, Weights] = {stack: [] for stack in self.layout.stacks}
        for part in range(0, padded_cols, strips):
            taps = kernel[..., part : part + strips].transpose(0, 2, 1, 3)
            if 1 in matrices:
                matrices[1].append(taps.reshape(filters // each, 1, each, -1))
            if self.stack > 1:
                shape = (filters, self.stack, band, channels, strips)
                banded = np.zeros(shape, kernel.dtype)
                by_filter, by_row, by_band, *rest = banded.strides
                # The diagonal band: output row t of a stack starts at input row t·step.
                np.ndarray(
                    (filters, self.stack, kernel_rows, channels, strips),
                    kernel.dtype,
                    banded,
                    strides=(by_filter, by_row + step * by_band, by_band, *rest),
                )[...] = taps[:, None]
                stacked = banded.reshape(filters // each, 1, each, self.stack, -1)
                matrices[self.stack].append(stacked)
        return matrices

    def block(self, weights: dict[int, Weights], source: Source, rows: Array, tile: Tile) -> None:
        """Write a block of output rows, shape (groups, F, at most `layout.rows`, OW).

        Args:
            weights: What `weights` returned for the kernel of the tile's groups.
            source: The pictures.
            rows: Where to write: every `phases`-th row of the maps from the tile's phase on.
            tile: Which rows these are.
        """
        count = rows.shape[2]
        buffer = self._load(source, tile, count)
        stacked = count // self.stack * self.stack
        if stacked:
            self._multiply(buffer, weights[self.stack], self.stack, rows, slice(0, stacked))
        if stacked < count:
            self._multiply(buffer, weights[1], 1, rows, slice(stacked, count))

    def loaded(self, source: Source, tile: Tile, count: int) -> Array:
        """Return the windows of `count` output rows, shape (groups, count, KH·C·strips, OW)."""
        return self._load(source, tile, count).windows(1, 0, tile.groups, slice(0, count))[:, :, 0]

    def _load(self, source: Source, tile: Tile, count: int) -> Buffer:
        buffer, step = self._buffer(), self.problem.stride[0]
        start = tile.phase - self.problem.padding[0][0] + self.phases * step * tile.first
        rows = (count - 1) * step + self.problem.kernel[0]
        buffer.load(source, tile.number, tile.group, tile.groups, start, rows)
        return buffer

    def _multiply(
        self, buffer: Buffer, weights: Weights, stack: int, rows: Array, which: slice
    ) -> None:
        groups = len(rows)
        for part in self.parts:
            target = _by_product(rows[:, part.rows, which, part.cols], stack, part.each)
            for number, matrix in enumerate(weights):
                taps = matrix[:, :, part.rows]
                if stack == 1:
                    taps = taps.reshape(groups, 1, -1, part.each, matrix.shape[-1])
                window = buffer.windows(stack, number, groups, which)[..., part.cols]
                if number == 0:
                    np.matmul(taps, window, out=target)
                    continue
                summand = buffer.partial[:groups, part.rows, which, part.cols]
                partial = _by_product(summand, stack, part.each)
                np.matmul(taps, window, out=partial)
                target += partial


def of_groups(weights: dict[int, Weights], tile: Tile) -> dict[int, Weights]:
    """Return the matrices of the tile's groups."""
    groups = slice(tile.group, tile.group + tile.groups)
    return {stack: [part[groups] for part in parts] for stack, parts in weights.items()}


def _by_product(rows: Array, stack: int, each: int) -> Array:
    """Return a view of rows (groups, F, n, W) with the axes of a batched product's result."""
    groups, filters, count, cols = rows.shape
    if stack == 1:
        split = rows.reshape(groups, filters // each, each, count, cols)
        return split.transpose(0, 3, 1, 2, 4)
    split = rows.reshape(groups, filters, count // stack, stack, cols)
    return split.transpose(0, 2, 1, 3, 4)


@lru_cache(maxsize=16)
def recipe(problem: Problem, stack: int, strips: int) -> Recipe:
    """Return the recipe of a geometry; its buffers live as long as it is among the last used."""
    return Recipe(problem, stack, strips)
