"""How `row_gemm` computes a geometry: what does not depend on the values of picture and kernel."""

import math
import os
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.engine.algorithms.row_buffer import Buffer, Layout, Source, copies
from app.engine.algorithms.strips import even_part
from app.engine.problem import Array, Problem

# What a buffer takes. One that stays in a core's own cache is no faster: each call of NumPy costs
# microseconds of waiting for the other thread's hold on the interpreter, so that few large ones win
# (depthwise 7.9 ms with 0.75 MiB, 4.9 with 2; one map 1.02 and 0.82).
BUFFER_BYTES = 1 << 21
MAX_BLOCK_ROWS = 512
# OpenBLAS computes products up to this many multiplications without packing its operands, and never
# with threads of its own, which under ours would cost tenfold.
SMALL_PRODUCT = 1_000_000
# Where the caller keeps BLAS to one thread, as the server does, larger ones are safe; deep sums
# gain 20% by packing (64 filters of 64 channels: 3.0 ms and 2.4).
LARGE_PRODUCT = 10_000_000
LARGE_DEPTH = 256
SINGLE_BLAS = "1" in (os.environ.get("OPENBLAS_NUM_THREADS"), os.environ.get("OMP_NUM_THREADS"))
# Below this much work a hand-off to the workers costs more than it saves: multiplications, and
# values copied into the buffer, each as dear as sixteen (measured: few filters mostly copy).
SHARED_WORK = 12_000_000
COPY_WORK = 16
# A product with fewer filters or columns than this is slow, whatever its size.
TILE_FILTERS = 16
TILE_COLS = 128

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
        groups = 1
        if rows >= height:
            taken = ((rows - 1) * step + problem.kernel[0]) * layout.bytes_per_row
            most = -(-problem.groups // 2) if single else problem.groups
            groups = even_part(problem.groups, min(most, max(1, BUFFER_BYTES // taken)))
        return layout._replace(rows=rows, groups=groups)

    def _parts(self) -> list[tuple[slice, slice]]:
        """Return the parts (filters, cols) of a row that one product computes."""
        problem = self.problem
        filters, cols = problem.group_filters, problem.output[1]
        depth = problem.group_channels * problem.kernel[0] * self.layout.strips
        largest = largest_product(depth)
        if self.stack == 1:
            wanted = largest // (depth * min(cols, TILE_COLS))
            part_filters = even_part(filters, max(wanted, TILE_FILTERS))
            depth *= part_filters
        else:
            # Few filters, stacked: the products of one filter are as small as they get.
            part_filters = filters
            depth *= self.stack * (1 + self.stack * problem.stride[0] // problem.kernel[0])
        part_cols = even_part(cols, max(largest // depth, 64))
        return [
            (slice(f, f + part_filters), slice(c, min(c + part_cols, cols)))
            for f in range(0, filters, part_filters)
            for c in range(0, cols, part_cols)
        ]

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
        return self._load(source, tile, count).windows(1, 0, tile.groups, slice(0, count))

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
        target = _by_product(rows[:, :, which], stack)
        for filters, cols in self.parts:
            place = (slice(None), slice(None), filters, ..., cols)
            for number, matrix in enumerate(weights):
                window = buffer.windows(stack, number, groups, which)[..., cols]
                if number == 0:
                    np.matmul(matrix[:, :, filters], window, out=target[place])
                    continue
                partial = _by_product(buffer.partial[:groups, :, which], stack)[place]
                np.matmul(matrix[:, :, filters], window, out=partial)
                target[place] += partial


def of_groups(weights: dict[int, Weights], tile: Tile) -> dict[int, Weights]:
    """Return the matrices of the tile's groups."""
    groups = slice(tile.group, tile.group + tile.groups)
    return {stack: [part[groups] for part in parts] for stack, parts in weights.items()}


def largest_product(depth: int) -> int:
    """Return how many multiplications a product that sums over `depth` values may have."""
    return LARGE_PRODUCT if SINGLE_BLAS and depth >= LARGE_DEPTH else SMALL_PRODUCT


def _by_product(rows: Array, stack: int) -> Array:
    """Return a view of rows (groups, F, n, W) with the axes of a batched product's result."""
    groups, filters, count, cols = rows.shape
    if stack == 1:
        return rows.transpose(0, 2, 1, 3)
    split = rows.reshape(groups, filters, count // stack, stack, cols)
    return split.transpose(0, 2, 1, 3, 4)


@lru_cache(maxsize=16)
def recipe(problem: Problem, stack: int, strips: int) -> Recipe:
    """Return the recipe of a geometry; its buffers live as long as it is among the last used."""
    return Recipe(problem, stack, strips)
