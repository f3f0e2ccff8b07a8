"""How `row_gemm` computes a geometry: what does not depend on the values of picture and kernel."""

import math
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.engine.algorithms.products import Part, even_part, parts_of
from app.engine.algorithms.row_buffer import Block, Buffer, Layout
from app.engine.problem import Array, Problem

# What a buffer takes: little enough to stay in a core's own cache (one thread: one map of 512² by
# 3×3 0.60 ms with 2 MiB, 0.49 with 640 KiB; 3 maps of 1024² added up 5.7 and 4.8).
CACHE_BYTES = 640 << 10
# Two threads wait for each other's hold on the interpreter after each call of NumPy. So a block
# that they share has at least so much work, counted as below, for which its buffer may outgrow the
# cache (two threads, depthwise: 3.5 ms with 640 KiB, 2.8 with 2 MiB).
BLOCK_WORK = 4_000_000
BUFFER_BYTES = 1 << 21
MAX_BLOCK_ROWS = 512
# Below this much work a hand-off to the workers costs more than it saves: multiplications, and
# values copied into the buffer, each as dear as sixteen (measured: few filters mostly copy).
SHARED_WORK = 16_000_000
COPY_WORK = 16
# The kernel as each of a block's products has it: by stack, then part, then summand.
Weights = dict[int, list[list[Array]]]


class Tile(NamedTuple):
    """A block of output rows of one picture and of some groups of its channels.

    Attributes:
        number: Which picture of the batch.
        group: The first of the groups.
        groups: How many groups there are.
        block: The rows.
    """

    number: int
    group: int
    groups: int
    block: Block

    def rows(self, maps: Array, plan: "Recipe") -> Array:
        """Return the tile's rows of maps (N, O, OH, OW), shape (groups, F, rows, OW)."""
        filters, phases = plan.problem.group_filters, plan.phases
        of_groups = slice(self.group * filters, (self.group + self.groups) * filters)
        start = self.block.phase + self.block.first * phases
        rows = maps[self.number, of_groups, start : start + self.block.height * phases : phases]
        return rows.reshape(self.groups, filters, *rows.shape[1:])


def _work_of_a_row(problem: Problem, strips: int) -> int:
    """Return the work of one output row of one group's maps, in multiplications."""
    depth = problem.group_channels * problem.output[1]
    taps = problem.group_filters * math.prod(problem.kernel)
    return depth * (taps + COPY_WORK * strips)


class Recipe:
    """How one geometry is computed."""

    def __init__(self, problem: Problem, stack: int, strips: int) -> None:
        self.problem = problem
        self.stack = stack
        kernel_cols, gap = problem.kernel[1], problem.dilation[1]
        sums = -(-kernel_cols // strips)
        self.exact = stack == 1 and sums * strips == kernel_cols
        self.phases = problem.dilation[0]
        self._row_work = _work_of_a_row(problem, strips)
        rows_in_all = problem.batch * problem.groups * problem.output[0]
        self.shared = self._row_work * rows_in_all >= SHARED_WORK
        heights = [len(range(p, problem.output[0], self.phases)) for p in range(self.phases)]
        self._leaves_rows = any(count % stack for count in heights)
        shifts = tuple(strips * gap * number for number in range(sums))
        self.layout = self._sized(Layout(problem, 1, 1, strips, shifts, stack), heights[0])
        if problem.whole is not None:
            # Blocks of a band are blocks of the whole.
            of_whole = recipe(problem.whole, stack, strips).layout
            self.layout = self.layout._replace(rows=of_whole.rows, groups=of_whole.groups)
        self.parts = self._parts()
        self.blocks = [
            Block(phase, first, min(self.layout.rows, count - first))
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
            yield Tile(picture, group, groups, self.blocks[block])

    def _sized(self, layout: Layout, height: int) -> Layout:
        """Return the layout with as many rows, and then groups, as the buffer has room for."""
        problem, step = self.problem, self.problem.stride[0]
        room = self._room(layout.bytes_per_row, self._row_work // step)
        fitting = (room - problem.kernel[0]) // step
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
            room = self._room(layout.input_rows(rows) * layout.bytes_per_row, self._row_work * rows)
            most = -(-problem.groups // 2) if single else problem.groups
            groups = even_part(problem.groups, min(most, max(1, room)))
        return layout._replace(rows=rows, groups=groups)

    def _room(self, size: int, work: int) -> int:
        """Return how many parts of this size (bytes) and work a block should have."""
        cached = CACHE_BYTES // size
        if not self.shared:
            return cached
        return max(cached, min(BUFFER_BYTES // size, BLOCK_WORK // max(work, 1)))

    def _parts(self) -> list[Part]:
        """Return the filters and columns of a row that products of one size compute."""
        problem, stack = self.problem, self.stack
        depth = problem.group_channels * self.layout.input_rows(stack) * self.layout.strips
        if stack == 1:
            return parts_of(problem.group_filters, depth, problem.output[1])
        # The stacked rows of each filter are a product of their own.
        every = slice(0, problem.group_filters)
        parts = parts_of(stack, depth, problem.output[1], stack)
        return [Part(every, every.stop, part.cols) for part in parts if part.rows.start == 0]

    def _buffer(self) -> Buffer:
        """Return the calling thread's own buffer, kept for the next call."""
        buffer: Buffer | None = getattr(self._local, "buffer", None)
        if buffer is None:
            buffer = self._local.buffer = Buffer(self.layout, self.parts)
        return buffer

    def weights(self, kernel: Array) -> Weights:
        """Return a kernel as the matrices that windows are multiplied by.

        Args:
            kernel: Filters of one group or of several, shape (F·groups, C/groups, KH, KW).

        Returns:
            Shape (groups, 1, F/each, each, K), or (groups, 1, F, stack, K) where rows are stacked.
        """
        filters, channels, kernel_rows, kernel_cols = kernel.shape
        strips, each = self.layout.strips, self.problem.group_filters
        padded_cols = len(self.layout.shifts) * strips
        if padded_cols != kernel_cols:
            padded = np.zeros((filters, channels, kernel_rows, padded_cols), kernel.dtype)
            padded[..., :kernel_cols] = kernel
            kernel = padded
        by_summand = [
            kernel[..., part : part + strips].transpose(0, 2, 1, 3)
            for part in range(0, padded_cols, strips)
        ]
        weights: Weights = {}
        if self.stack == 1 or self._leaves_rows:
            single = [taps.reshape(filters // each, 1, each, -1) for taps in by_summand]
            weights[1] = [
                [
                    taps[:, :, part.rows].reshape(len(taps), 1, -1, part.each, taps.shape[3])
                    for taps in single
                ]
                for part in self.parts
            ]
        if self.stack > 1:
            stacked = [self._banded(taps) for taps in by_summand]
            weights[self.stack] = [stacked for _ in self.parts]
        return weights

    def _banded(self, taps: Array) -> Array:
        """Return taps (F·groups, KH, C, strips) as they are for each of the stacked rows.

        The diagonal band: output row t of a stack starts at input row t·step.
        """
        filters, kernel_rows, channels, strips = taps.shape
        step, each = self.problem.stride[0], self.problem.group_filters
        band = self.layout.input_rows(self.stack)
        banded = np.zeros((filters, self.stack, band, channels, strips), taps.dtype)
        by_filter, by_row, by_band, *rest = banded.strides
        np.ndarray(
            (filters, self.stack, kernel_rows, channels, strips),
            taps.dtype,
            banded,
            strides=(by_filter, by_row + step * by_band, by_band, *rest),
        )[...] = taps[:, None]
        return banded.reshape(filters // each, 1, each, self.stack, -1)

    def pictures(self, x: Array) -> Array:
        """Return pictures x (N, C, H, W) as blocks read them: (N, groups, C/groups, H, cols)."""
        problem = self.problem
        shape = (problem.batch, problem.groups, problem.group_channels, *problem.size)
        return x.reshape(shape)[..., self.layout.picture_cols]

    def block(self, weights: Weights, pictures: Array, out: Array, tile: Tile) -> None:
        """Write a tile's rows.

        Args:
            weights: What `weights` returned for the kernel of the tile's groups.
            pictures: What `pictures` returned.
            out: The maps to write into, shape (N, O, OH, OW), contiguous.
            tile: Which rows.
        """
        number, group, groups, block = tile
        step = self._buffer().step(groups, block)
        step.load(pictures[number, group : group + groups])
        start = number * out.strides[0] + group * self.problem.group_filters * out.strides[1]
        start += step.offset
        for stack, part, windows, partial, shape, strides, offset in step.views.products:
            taps = weights[stack][part]
            target: Array = np.ndarray(shape, out.dtype, out, start + offset, strides)
            np.matmul(taps[0], windows[0], out=target)
            for number in range(1, len(taps)):
                np.matmul(taps[number], windows[number], out=partial)
                target += partial

    def loaded(self, pictures: Array, tile: Tile) -> Array:
        """Return the windows of a tile's rows, shape (groups, rows, KH·C·strips, OW)."""
        step = self._buffer().step(tile.groups, tile.block)
        step.load(pictures[tile.number, tile.group : tile.group + tile.groups])
        return step.views.windows


def of_groups(weights: Weights, tile: Tile) -> Weights:
    """Return the matrices of the tile's groups."""
    groups = slice(tile.group, tile.group + tile.groups)
    return {
        stack: [[taps[groups] for taps in summands] for summands in parts]
        for stack, parts in weights.items()
    }


@lru_cache(maxsize=16)
def recipe(problem: Problem, stack: int, strips: int) -> Recipe:
    """Return the recipe of a geometry; its buffers live as long as it is among the last used."""
    return Recipe(problem, stack, strips)
