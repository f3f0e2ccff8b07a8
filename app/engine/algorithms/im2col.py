"""Patches of some output rows as the columns of matrices, then one matrix product for each.

The plain way that works for every geometry, forward and backward. No value takes part in a sum it
does not belong to. Some rows are unfolded at a time, so memory stays small; several matrices are
unfolded by one copy and multiplied by one call, so that a small picture takes three calls of NumPy
in all: one to pad it, one to unfold it, one to multiply it.

Source: Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document
Processing", 2006, section 2.
"""

import math
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine import interrupt, threads
from app.engine.algorithms.strips import even_part, group_slices
from app.engine.geometry import effective_size
from app.engine.problem import Array, Problem

# What the columns of a block may take: few large calls of NumPy win, see `row_windows`.
BLOCK_BYTES = 1 << 21
# As in `row_windows`: larger products would be packed, and threaded by BLAS.
SMALL_PRODUCT = 1_000_000
PRODUCT_FILTERS = 32
# Multiplications from which a hand-off to another thread pays.
SHARED_WORK = 12_000_000
# A kernel's gradient is summed up in so many parts, whoever computes them.
GRADIENT_PARTS = 4


class _Block(NamedTuple):
    """Some output rows: `products` matrices of `rows` rows each, from row `first` on.

    The strip's rows and columns that lie inside the picture, and which picture rows those are.
    """

    first: int
    products: int
    rows: int
    strip_rows: slice
    strip_cols: slice
    picture_rows: slice

    @property
    def output_rows(self) -> slice:
        return slice(self.first, self.first + self.products * self.rows)


class _Plan:
    """How a geometry is cut into blocks."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        height, width = problem.output
        depth = problem.group_channels * math.prod(problem.kernel)
        filters = problem.group_filters
        # Filters are split evenly or not at all.
        self.filter_parts = next(
            (
                parts
                for parts in range(-(-filters // PRODUCT_FILTERS), filters // 8 + 1)
                if filters % parts == 0
            ),
            1,
        )
        wanted = SMALL_PRODUCT // (depth * width * (filters // self.filter_parts))
        # A single product needs no second one to share the work with.
        whole = depth * width * height * filters <= SMALL_PRODUCT
        if whole:
            self.filter_parts = 1
        rows = height if whole else even_part(height, max(1, wanted))
        per_product = depth * rows * width * problem.dtype.itemsize
        products = max(1, min(height // rows, BLOCK_BYTES // per_product))
        starts = range(0, height - height % rows, products * rows)
        self.blocks = [self._block(s, min(products, (height - s) // rows), rows) for s in starts]
        if height % rows:
            self.blocks.append(self._block(height - height % rows, 1, height % rows))
        self.tile_count = problem.batch * problem.groups * len(self.blocks)
        self.shared = problem.multiply_adds >= SHARED_WORK
        self._local = threading.local()

    def _block(self, first: int, products: int, rows: int) -> _Block:
        problem = self.problem
        start = first * problem.stride[0] - problem.padding[0][0]
        count = self.strip_rows(products * rows)
        low = min(max(0, -start), count)
        high = max(low, min(count, problem.size[0] - start))
        left = problem.padding[1][0]
        cols = slice(left, left + problem.size[1])
        return _Block(
            first, products, rows, slice(low, high), cols, slice(start + low, start + high)
        )

    def strip_rows(self, rows: int) -> int:
        """Return how many padded input rows so many output rows need."""
        spread = effective_size(self.problem.kernel[0], self.problem.dilation[0])
        return (rows - 1) * self.problem.stride[0] + spread

    def unfolding(self) -> "_Unfolding":
        """Return the calling thread's own buffers, kept for the next call."""
        unfolding: _Unfolding | None = getattr(self._local, "unfolding", None)
        if unfolding is None:
            unfolding = self._local.unfolding = _Unfolding(self)
        return unfolding

    def tiles_of(self, numbers: Iterable[int]) -> Iterator[tuple[int, int, _Block]]:
        """Yield picture, group and block of the tiles with these numbers, of `tile_count`."""
        for tile in numbers:
            maps, block = divmod(tile, len(self.blocks))
            yield *divmod(maps, self.problem.groups), self.blocks[block]

    def by_product(self, maps: Array, block: _Block) -> Array:
        """Return a view of a group's maps (F, OH, OW), shape (products, parts, F/parts, cells)."""
        rows = maps[:, block.output_rows]
        cells = block.rows * self.problem.output[1]
        split = rows.reshape(self.filter_parts, -1, block.products, cells)
        return split.transpose(2, 0, 1, 3)

    def by_part(self, kernel: Array) -> Array:
        """Return a group's filters (F, C, KH, KW) as matrices (parts, F/parts, K)."""
        return kernel.reshape(self.filter_parts, len(kernel) // self.filter_parts, -1)


class _Unfolding:
    """One thread's padded input rows of one group, and the views that show them as patches."""

    def __init__(self, plan: _Plan) -> None:
        problem, self._blocks = plan.problem, plan.blocks
        channels, largest = problem.group_channels, plan.blocks[0]
        rows = plan.strip_rows(largest.products * largest.rows)
        cols = problem.size[1] + sum(problem.padding[1])
        self._strip = np.zeros((channels, rows, cols), problem.dtype)
        by_channel, by_row, by_col = self._strip.strides
        by_output = by_row * problem.stride[0]
        self._shape = (channels, *problem.kernel)
        self._patches = {
            block.rows: as_strided(
                self._strip,
                (block.products, *self._shape, block.rows, problem.output[1]),
                (
                    by_output * block.rows,
                    by_channel,
                    by_row * problem.dilation[0],
                    by_col * problem.dilation[1],
                    by_output,
                    by_col * problem.stride[1],
                ),
            )
            for block in (plan.blocks[-1], largest)
        }
        self._columns = {
            rows: np.empty(seen.shape, seen.dtype) for rows, seen in self._patches.items()
        }

    def unfold(self, picture: Array, block: _Block) -> Array:
        """Return a block's patches as the columns of matrices, shape (products, K, cells)."""
        if len(self._blocks) > 1:  # what another block has left there
            self._strip[:, : block.strip_rows.start] = 0
            self._strip[:, block.strip_rows.stop :] = 0
        self._strip[:, block.strip_rows, block.strip_cols] = picture[:, block.picture_rows]
        columns = self._columns[block.rows][: block.products]
        columns[...] = self._patches[block.rows][: block.products]
        return columns.reshape(block.products, math.prod(self._shape), -1)

    def fold(self, columns: Array, picture: Array, block: _Block) -> None:
        """Add columns back to the picture's cells they came from: the adjoint of `unfold`."""
        patches = self._patches[block.rows][: block.products]
        columns = columns.reshape(patches.shape)
        self._strip[:] = 0
        for i in range(self._shape[1]):
            for j in range(self._shape[2]):
                patches[:, :, i, j] += columns[:, :, i, j]
        picture[:, block.picture_rows] += self._strip[:, block.strip_rows, block.strip_cols]
        self._strip[:] = 0  # `unfold` relies on the padding


_plan = lru_cache(maxsize=16)(_Plan)


def forward(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out`, which is contiguous."""
    plan = _plan(problem)
    if plan.tile_count == plan.filter_parts == plan.blocks[0].products == 1:
        # A small picture is done in the time that a loop over tiles takes to begin.
        (columns,) = plan.unfolding().unfold(x[0], plan.blocks[0])
        filters = problem.filters
        np.matmul(kernel.reshape(filters, -1), columns, out=out.reshape(filters, -1))
    else:
        _forward_by_tiles(plan, x, kernel, out)
    if bias is not None:
        out += bias[:, None, None]


def _forward_by_tiles(plan: _Plan, x: Array, kernel: Array, out: Array) -> None:
    def compute(numbers: Iterator[int]) -> None:
        unfolding = plan.unfolding()
        for number, group, block in plan.tiles_of(numbers):
            channels, filters = group_slices(plan.problem, group)
            columns = unfolding.unfold(x[number, channels], block)
            target = plan.by_product(out[number, filters], block)
            np.matmul(plan.by_part(kernel[filters]), columns[:, None], out=target)

    threads.share(compute, plan.tile_count, worth=plan.shared)


def input_gradient(problem: Problem, upstream: Array, kernel: Array, out: Array) -> None:
    """Write the gradient with respect to x into `out`, which is contiguous."""
    plan = _plan(problem)
    unfolding = plan.unfolding()
    out[...] = 0
    for number, group, block in plan.tiles_of(range(plan.tile_count)):
        interrupt.check()
        channels, filters = group_slices(problem, group)
        maps = upstream[number, filters, block.output_rows]
        sent = maps.reshape(len(maps), block.products, -1).transpose(1, 0, 2)
        columns = kernel[filters].reshape(len(maps), -1).T @ sent
        unfolding.fold(columns, out[number, channels], block)


def kernel_gradient(problem: Problem, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel, shape (O, C/groups, KH, KW), float64."""
    plan = _plan(problem)
    filters = problem.group_filters
    shape = (plan.filter_parts, filters // plan.filter_parts, math.prod(problem.kernel_shape[1:]))
    # Float64 sums over blocks: a large picture has more of them than float32 can add up exactly.
    # Each part has sums of its own, so that the result does not depend on who computed which.
    parts = np.zeros((min(GRADIENT_PARTS, max(plan.tile_count, 1)), problem.groups, *shape))

    def compute(numbers: Iterator[int]) -> None:
        unfolding = plan.unfolding()
        for part in numbers:
            bounds = (plan.tile_count * n // len(parts) for n in (part, part + 1))
            for number, group, block in plan.tiles_of(range(*bounds)):
                interrupt.check()
                channels, of_group = group_slices(problem, group)
                columns = unfolding.unfold(x[number, channels], block)
                sent = plan.by_product(upstream[number, of_group], block)
                products = sent @ columns[:, None].swapaxes(2, 3)
                parts[part, group] += products.sum(axis=0)

    threads.share(compute, len(parts), worth=plan.shared)
    grad: Array = parts.sum(axis=0).reshape(problem.kernel_shape)
    return grad
