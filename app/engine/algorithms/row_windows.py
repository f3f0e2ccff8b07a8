"""The buffer of `row_gemm` and the windows on it: what depends on a geometry, not on its values."""

import math
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine.problem import Array, Problem

BUFFER_BYTES = 3 << 18
MAX_BLOCK_ROWS = 128
# OpenBLAS computes products up to this many multiplications with a kernel that neither packs its
# operands nor takes a lock; above it two workers hold each other up.
SMALL_PRODUCT = 1_000_000
# Below this much work a hand-off to the workers costs more than it saves: multiplications, and
# values copied into the buffer, each as dear as sixteen (measured: few filters mostly copy).
SHARED_WORK = 20_000_000
COPY_WORK = 16
# Up to so many values a picture is copied as a whole.
SMALL_PICTURE = 1 << 14
# A product with fewer filters or columns than this is slow, whatever its size.
TILE_FILTERS = 16
TILE_COLS = 128

Weights = list[Array]


class Tile(NamedTuple):
    """A block of output rows of one picture and group.

    Attributes:
        number: Which picture of the batch.
        group: Which group of its channels.
        phase: Row of the maps that its phase starts at.
        first: Which of the phase's rows comes first.
    """

    number: int
    group: int
    phase: int
    first: int

    def of_group(self, x: Array, plan: "Recipe") -> Array:
        """Return the picture's channels that the group sees."""
        channels = plan.problem.group_channels
        return x[self.number, self.group * channels : (self.group + 1) * channels]

    def rows(self, maps: Array, plan: "Recipe") -> Array:
        """Return the tile's rows of maps (N, O, OH, OW), shape (F, rows, OW)."""
        filters = plan.problem.group_filters
        of_group = slice(self.group * filters, (self.group + 1) * filters)
        start = self.phase + self.first * plan.phases
        end = start + plan.block_rows * plan.phases
        return maps[self.number, of_group, start : end : plan.phases]


class _Workspace:
    """One thread's buffer, and the views of it that products read."""

    def __init__(self, recipe: "Recipe") -> None:
        problem = recipe.problem
        channels, step = problem.group_channels, problem.stride[0]
        row_values = channels * recipe.strips * recipe.pitch
        rows = (recipe.block_rows - 1) * step + problem.kernel[0]
        # Columns that lie in the padding are zero from the start and never written.
        self.strips = np.zeros((rows, channels, recipe.strips, recipe.pitch), problem.dtype)
        size = self.strips.itemsize
        self.windows = {
            stack: [
                as_strided(
                    self.strips[..., shift:],
                    (
                        recipe.block_rows // stack,
                        *(() if stack == 1 else (1,)),
                        ((stack - 1) * step + problem.kernel[0]) * channels * recipe.strips,
                        problem.output[1],
                    ),
                    (
                        stack * step * row_values * size,
                        *(() if stack == 1 else (0,)),
                        recipe.pitch * size,
                        size,
                    ),
                )
                for shift in recipe.shifts
            ]
            for stack in recipe.stacks
        }
        self.frame: Array | None = None
        if recipe.small:
            self.frame, self.inside, self.framed = _framed(recipe)
            self.unframed = self.strips[: len(self.framed), ..., : self.framed.shape[-1]]
        sums = len(recipe.shifts) > 1
        shape = (problem.group_filters, recipe.block_rows, problem.output[1])
        self.partial = np.empty(shape if sums else (0, 0, 0), problem.dtype)


def _framed(recipe: "Recipe") -> tuple[Array, tuple[slice, ...], Array]:
    """Return a zeroed frame for a whole picture, where the picture goes, and the strips it shows.

    Two copies by way of the frame cost less than one for each strip where the picture is small.
    """
    problem = recipe.problem
    (top, bottom), (left, right) = problem.padding
    height, width = problem.size
    frame = np.zeros(
        (problem.group_channels, top + height + bottom, left + width + right), problem.dtype
    )
    by_channel, by_row, by_col = frame.strides
    rows = (problem.output[0] - 1) * problem.stride[0] + problem.kernel[0]
    length = problem.output[1] + recipe.shifts[-1]
    framed = as_strided(
        frame,
        (rows, problem.group_channels, recipe.strips, length),
        (by_row, by_channel, by_col * problem.dilation[1], by_col * problem.stride[1]),
    )
    return frame, (slice(None), slice(top, top + height), slice(left, left + width)), framed


class Recipe:
    """How one geometry is computed: everything that does not depend on the values."""

    def __init__(self, problem: Problem, stack: int, strips: int) -> None:
        self.problem = problem
        self.stack = stack
        self.strips = strips
        kernel_cols, gap = problem.kernel[1], problem.dilation[1]
        sums = -(-kernel_cols // strips)
        self.shifts = [strips * gap * number for number in range(sums)]
        self.exact = stack == 1 and sums * strips == kernel_cols
        length = problem.output[1] + self.shifts[-1]
        self.pitch = -(-length // 16) * 16 + 16
        self.loads = [self._load(number * gap, length) for number in range(strips)]
        self.phases = problem.dilation[0]
        self.block_rows = self._block_rows()
        self.tiles = self._tiles()
        rows = [len(range(phase, problem.output[0], self.phases)) for phase in range(self.phases)]
        # Rows that are left over when the others are stacked go one by one.
        self.stacks = {stack, *(1 for count in rows if count % stack)}
        self.blocks = [
            (phase, first)
            for phase in range(min(self.phases, problem.output[0]))
            for first in range(
                0, len(range(phase, problem.output[0], self.phases)), self.block_rows
            )
        ]
        self.small = (
            self.phases == len(self.blocks) == 1
            and self.block_rows >= rows[0]
            and problem.size[0] * problem.size[1] * problem.group_channels <= SMALL_PICTURE
            and sums * strips == kernel_cols
        )
        self.tile_count = problem.batch * problem.groups * len(self.blocks)
        copied = problem.batch * problem.channels * math.prod(problem.output) * strips
        self.shared = problem.multiply_adds + COPY_WORK * copied >= SHARED_WORK
        self._local = threading.local()

    def tiles_of(self, numbers: Iterable[int]) -> Iterator[Tile]:
        """Yield the tiles with these numbers, of `tile_count`."""
        for number in numbers:
            maps, block = divmod(number, len(self.blocks))
            yield Tile(*divmod(maps, self.problem.groups), *self.blocks[block])

    def _load(self, offset: int, length: int) -> tuple[slice, slice]:
        """Return which cells of a strip lie in the picture, and which picture cells they are."""
        step, width = self.problem.stride[1], self.problem.size[1]
        start = offset - self.problem.padding[1][0]
        low = min(length, max(0, -(start // step)))
        high = max(low, min(length, (width - 1 - start) // step + 1))
        first = start + low * step
        return slice(low, high), slice(first, max(first, start + (high - 1) * step + 1), step)

    def _block_rows(self) -> int:
        problem = self.problem
        row_bytes = problem.group_channels * self.strips * self.pitch * problem.dtype.itemsize
        fitting = (BUFFER_BYTES // row_bytes - problem.kernel[0]) // problem.stride[0]
        rows = min(max(fitting, 8), MAX_BLOCK_ROWS, -(-problem.output[0] // self.phases))
        return max(rows // self.stack, 1) * self.stack

    def _tiles(self) -> list[tuple[slice, slice]]:
        """Return the parts (filters, cols) of a row that one product computes."""
        problem = self.problem
        filters, cols = problem.group_filters, problem.output[1]
        depth = problem.group_channels * problem.kernel[0] * self.strips
        if self.stack == 1:
            wanted = SMALL_PRODUCT // (depth * min(cols, TILE_COLS))
            tile_filters = even_part(filters, max(wanted, TILE_FILTERS))
            depth *= tile_filters
        else:
            # Few filters, stacked: the products of one filter are as small as they get.
            tile_filters = filters
            depth *= self.stack * (1 + self.stack * problem.stride[0] // problem.kernel[0])
        tile_cols = even_part(cols, max(SMALL_PRODUCT // depth, 64))
        return [
            (slice(f, f + tile_filters), slice(c, min(c + tile_cols, cols)))
            for f in range(0, filters, tile_filters)
            for c in range(0, cols, tile_cols)
        ]

    def workspace(self) -> _Workspace:
        """Return the calling thread's own buffers, kept for the next call."""
        workspace: _Workspace | None = getattr(self._local, "workspace", None)
        if workspace is None:
            workspace = self._local.workspace = _Workspace(self)
        return workspace

    def weights(self, kernel: Array) -> list[dict[int, Weights]]:
        """Return a kernel as matrices, by how many rows they stack, for each group it has.

        Args:
            kernel: Filters of one group or of several, shape (F·groups, C/groups, KH, KW).
        """
        filters, channels, kernel_rows, kernel_cols = kernel.shape
        padded_cols = len(self.shifts) * self.strips
        if padded_cols != kernel_cols:
            padded = np.zeros((filters, channels, kernel_rows, padded_cols), kernel.dtype)
            padded[..., :kernel_cols] = kernel
            kernel = padded
        step = self.problem.stride[0]
        band = (self.stack - 1) * step + kernel_rows
        matrices: dict[int, Weights] = {stack: [] for stack in self.stacks}
        for part in range(0, padded_cols, self.strips):
            taps = kernel[..., part : part + self.strips].transpose(0, 2, 1, 3)
            if 1 in matrices:
                matrices[1].append(taps.reshape(filters, -1))
            if self.stack > 1:
                shape = (filters, self.stack, band, channels, self.strips)
                banded = np.zeros(shape, kernel.dtype)
                by_filter, by_row, by_band, *rest = banded.strides
                # The diagonal band: output row t of a stack starts at input row t·step.
                np.ndarray(
                    (filters, self.stack, kernel_rows, channels, self.strips),
                    kernel.dtype,
                    banded,
                    strides=(by_filter, by_row + step * by_band, by_band, *rest),
                )[...] = taps[:, None]
                matrices[self.stack].append(banded.reshape(filters, self.stack, -1))
        each = self.problem.group_filters
        if filters == each:
            return [matrices]
        return [
            {stack: [part[f : f + each] for part in parts] for stack, parts in matrices.items()}
            for f in range(0, filters, each)
        ]

    def load(self, strips: Array, picture: Array, start: int, count: int) -> None:
        """Fill the buffer with `count` rows of a picture (C, H, W), from row `start` on."""
        gap, height = self.phases, picture.shape[1]
        low = min(count, -(start // gap) if start < 0 else 0)
        high = max(low, min(count, (height - 1 - start) // gap + 1))
        if low:
            strips[:low] = 0
        if high < count:
            strips[high:count] = 0
        if high > low:
            first = start + low * gap
            rows = picture[:, first : first + (high - low - 1) * gap + 1 : gap].transpose(1, 0, 2)
            into = strips[low:high]
            for number, (cells, source) in enumerate(self.loads):
                into[:, :, number, cells] = rows[:, :, source]

    def block(
        self, weights: dict[int, Weights], picture: Array, rows: Array, phase: int, first: int
    ) -> None:
        """Write a block of output rows, shape (F, at most `block_rows`, OW).

        Args:
            weights: What `weights` returned for the group's kernel.
            picture: One picture's channels of the group, shape (C, H, W).
            rows: Where to write: every `phases`-th row of the maps from `phase` on.
            phase: Row of the maps that the phase starts at.
            first: Which of the phase's rows is the first of `rows`.
        """
        workspace, count = self.workspace(), rows.shape[1]
        self._load_rows(workspace, picture, phase, first, count)
        stacked = count // self.stack * self.stack
        if stacked:
            self._multiply(workspace, weights[self.stack], self.stack, rows, 0, stacked)
        if stacked < count:
            self._multiply(workspace, weights[1], 1, rows, stacked, count)

    def loaded(self, picture: Array, phase: int, first: int, count: int) -> Array:
        """Return the windows of `count` output rows, shape (count, KH·C·strips, OW)."""
        workspace = self.workspace()
        self._load_rows(workspace, picture, phase, first, count)
        return workspace.windows[1][0][:count]

    def _load_rows(
        self, workspace: _Workspace, picture: Array, phase: int, first: int, count: int
    ) -> None:
        if workspace.frame is not None:
            workspace.frame[workspace.inside] = picture
            workspace.unframed[...] = workspace.framed
            return
        step = self.problem.stride[0]
        start = phase - self.problem.padding[0][0] + self.phases * step * first
        self.load(workspace.strips, picture, start, (count - 1) * step + self.problem.kernel[0])

    def _multiply(
        self,
        workspace: _Workspace,
        weights: Weights,
        stack: int,
        rows: Array,
        first: int,
        end: int,
    ) -> None:
        target = _by_product(rows[:, first:end], stack)
        if len(self.tiles) == len(weights) == 1:
            window = workspace.windows[stack][0][first // stack : end // stack]
            np.matmul(weights[0], window, target)
            return
        for filters, cols in self.tiles:
            place = (slice(None), filters, ..., cols)
            for number, matrix in enumerate(weights):
                window = workspace.windows[stack][number][first // stack : end // stack, ..., cols]
                if number == 0:
                    np.matmul(matrix[filters], window, out=target[place])
                    continue
                partial = _by_product(workspace.partial[:, first:end], stack)[place]
                np.matmul(matrix[filters], window, out=partial)
                target[place] += partial


def even_part(whole: int, largest: int) -> int:
    """Return the size of the parts when `whole` is split evenly into parts of at most `largest`."""
    parts = -(-whole // largest)
    return -(-whole // parts)


def _by_product(rows: Array, stack: int) -> Array:
    """Return a view of rows (F, n, W) with the axes of a batched product's result."""
    filters, count, cols = rows.shape
    if stack == 1:
        return rows.transpose(1, 0, 2)
    return rows.reshape(filters, count // stack, stack, cols).transpose(1, 0, 2, 3)


@lru_cache(maxsize=32)
def recipe(problem: Problem, stack: int, strips: int) -> Recipe:
    """Return the recipe of a geometry; its buffers live as long as it is among the last used."""
    return Recipe(problem, stack, strips)
