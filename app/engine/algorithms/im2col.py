"""Patches of some output rows as the columns of a matrix, then one matrix product.

The plain way that works for every geometry, forward and backward. No value takes part in a sum it
does not belong to. Some rows are unfolded at a time, so memory stays small; a small picture takes
three calls of NumPy in all: one to pad it, one to unfold it, one to multiply it.

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
from app.engine.algorithms.kernel_sums import part_count, summed_products
from app.engine.algorithms.products import VECTOR, aligned_zeros, even_part, multiply, parts_of
from app.engine.algorithms.strips import group_slices
from app.engine.geometry import effective_size
from app.engine.problem import Array, Problem

# What the columns of a block may take.
BLOCK_BYTES = 1 << 21
# Multiplications from which a hand-off to another thread pays.
SHARED_WORK = 12_000_000


class _Block(NamedTuple):
    """Some output rows, and how their products are cut.

    The strip's rows and columns that lie inside the picture, and which picture rows those are.
    """

    first: int
    rows: int
    strip_rows: slice
    strip_cols: slice
    picture_rows: slice

    @property
    def output_rows(self) -> slice:
        return slice(self.first, self.first + self.rows)


class _Plan:
    """How a geometry is cut into blocks."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        height, width = problem.output
        self.depth = problem.group_channels * math.prod(problem.kernel)
        self.shared = problem.multiply_adds >= SHARED_WORK
        most = max(1, BLOCK_BYTES // (self.depth * width * problem.dtype.itemsize))
        rows = even_part(height, min(most, height))
        if self.shared and problem.batch * problem.groups == 1 and rows > 1:
            # Two threads have as much to do.
            rows = even_part(height, -(-height // (-(-height // rows) // 2 * 2 + 2)))
        if problem.whole is not None:  # blocks of a band are blocks of the whole
            rows = grain(problem.whole)
        self.blocks = [
            self._block(first, min(rows, height - first)) for first in range(0, height, rows)
        ]
        self.parts = {
            block.rows: parts_of(problem.group_filters, self.depth, block.rows * width)
            for block in (self.blocks[0], self.blocks[-1])
        }
        self.tile_count = problem.batch * problem.groups * len(self.blocks)
        self._local = threading.local()

    def _block(self, first: int, rows: int) -> _Block:
        problem = self.problem
        start = first * problem.stride[0] - problem.padding[0][0]
        count = self.strip_rows(rows)
        low = min(max(0, -start), count)
        high = max(low, min(count, problem.size[0] - start))
        left = problem.padding[1][0]
        cols = slice(left, left + problem.size[1])
        return _Block(first, rows, slice(low, high), cols, slice(start + low, start + high))

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


def _cells(maps: Array, block: _Block) -> Array:
    """Return a view of a block's rows of a group's maps (F, OH, OW), shape (F, cells)."""
    rows = maps[:, block.output_rows]
    return rows.reshape(len(maps), -1)


class _Unfolding:
    """One thread's padded input rows of one group, and the views that show them as patches."""

    def __init__(self, plan: _Plan) -> None:
        problem, self._blocks = plan.problem, plan.blocks
        channels, largest = problem.group_channels, plan.blocks[0]
        rows = plan.strip_rows(largest.rows)
        cols = problem.size[1] + sum(problem.padding[1])
        self._strip = np.zeros((channels, rows, cols), problem.dtype)
        by_channel, by_row, by_col = self._strip.strides
        self._patches = {
            block.rows: as_strided(
                self._strip,
                (channels, *problem.kernel, block.rows, problem.output[1]),
                (
                    by_channel,
                    by_row * problem.dilation[0],
                    by_col * problem.dilation[1],
                    by_row * problem.stride[0],
                    by_col * problem.stride[1],
                ),
            )
            for block in (plan.blocks[-1], largest)
        }
        # Rows of the matrix begin a cache line each, and not all at the same place of the cache.
        pitch = -(-largest.rows * problem.output[1] // VECTOR) * VECTOR + VECTOR
        self._matrix = aligned_zeros((plan.depth, pitch), problem.dtype)
        self._width = problem.output[1]
        self._columns = {
            rows: self._matrix[:, : rows * self._width].reshape(seen.shape)
            for rows, seen in self._patches.items()
        }

    def unfold(self, picture: Array, block: _Block) -> Array:
        """Return a block's patches as the columns of a matrix, shape (K, cells)."""
        if len(self._blocks) > 1:  # what another block has left there
            self._strip[:, : block.strip_rows.start] = 0
            self._strip[:, block.strip_rows.stop :] = 0
        self._strip[:, block.strip_rows, block.strip_cols] = picture[:, block.picture_rows]
        self._columns[block.rows][...] = self._patches[block.rows]
        return self._matrix[:, : block.rows * self._width]

    def fold(self, columns: Array, picture: Array, block: _Block) -> None:
        """Add columns back to the picture's cells they came from: the adjoint of `unfold`."""
        patches = self._patches[block.rows]
        columns = columns.reshape(patches.shape)
        self._strip[:] = 0
        for i in range(patches.shape[1]):
            for j in range(patches.shape[2]):
                patches[:, i, j] += columns[:, i, j]
        picture[:, block.picture_rows] += self._strip[:, block.strip_rows, block.strip_cols]
        self._strip[:] = 0  # `unfold` relies on the padding


_plan = lru_cache(maxsize=16)(_Plan)


def grain(problem: Problem) -> int:
    """Return how many output rows are computed together."""
    return _plan(problem).blocks[0].rows


def forward(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out`, which is contiguous."""
    plan = _plan(problem)
    if plan.tile_count == 1:
        # A small picture is done in the time that a loop over tiles takes to begin.
        block, filters = plan.blocks[0], problem.filters
        columns = plan.unfolding().unfold(x[0], block)
        taps, target = kernel.reshape(filters, -1), out.reshape(filters, -1)
        multiply(taps, columns, target, plan.parts[block.rows])
    else:
        _forward_by_tiles(plan, x, kernel, out)
    if bias is not None:
        out += bias[:, None, None]


def _forward_by_tiles(plan: _Plan, x: Array, kernel: Array, out: Array) -> None:
    taps = kernel.reshape(-1, plan.depth)  # copies a kernel that is turned, once for all tiles

    def compute(numbers: Iterator[int]) -> None:
        unfolding = plan.unfolding()
        for number, group, block in plan.tiles_of(numbers):
            channels, filters = group_slices(plan.problem, group)
            columns = unfolding.unfold(x[number, channels], block)
            target = _cells(out[number, filters], block)
            multiply(taps[filters], columns, target, plan.parts[block.rows])

    threads.share(compute, plan.tile_count, worth=plan.shared)


def input_gradient(problem: Problem, upstream: Array, kernel: Array, out: Array) -> None:
    """Write the gradient with respect to x into `out`, which is contiguous."""
    plan = _plan(problem)
    unfolding = plan.unfolding()
    out[...] = 0
    for number, group, block in plan.tiles_of(range(plan.tile_count)):
        interrupt.check()
        channels, filters = group_slices(problem, group)
        sent = _cells(upstream[number, filters], block)
        taps = kernel[filters].reshape(len(sent), -1).T
        columns = np.empty((plan.depth, sent.shape[1]), problem.dtype)
        multiply(taps, sent, columns, parts_of(plan.depth, len(sent), sent.shape[1]))
        unfolding.fold(columns, out[number, channels], block)


def kernel_gradient(problem: Problem, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel, shape (O, C/groups, KH, KW), float64."""
    plan = _plan(problem)
    # Float64 sums over blocks: a large picture has more of them than float32 can add up exactly.
    # Each part has sums of its own, so that the result does not depend on who computed which.
    sums = (problem.groups, plan.depth, problem.group_filters)
    count = part_count(plan.tile_count, sums)
    parts = np.zeros((count, *sums))

    def compute(numbers: Iterator[int]) -> None:
        unfolding = plan.unfolding()
        for part in numbers:
            bounds = (plan.tile_count * n // count for n in (part, part + 1))
            for number, group, block in plan.tiles_of(range(*bounds)):
                interrupt.check()
                channels, filters = group_slices(problem, group)
                columns = unfolding.unfold(x[number, channels], block)
                sent = _cells(upstream[number, filters], block)
                parts[part, group] += summed_products(columns[None], sent[:, None])

    threads.share(compute, count, worth=plan.shared)
    grad: Array = parts.sum(axis=0).swapaxes(1, 2).reshape(problem.kernel_shape)
    return grad
