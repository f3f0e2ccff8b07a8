"""A kernel that is a column times a row, as two passes of banded (Toeplitz) matrix products.

KH + KW multiplications a pixel take the place of KH·KW. The column pass computes TALL output rows
with one product, the row pass WIDE output columns: what is multiplied by the bands' zeros is less
than what a matrix of that size gains.

Source: Gonzalez, Woods, "Digital Image Processing", 4th edition, section 3.4, "Separable filter
kernels".
"""

import math
from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine import threads
from app.engine.algorithms import row_gemm
from app.engine.algorithms.row_buffer import Block
from app.engine.algorithms.row_windows import Tile
from app.engine.algorithms.strips import group_slices, is_finite, load_rows
from app.engine.problem import Array, Problem

TALL = 16
WIDE = 32
BLOCK_ROWS = 128
# With fewer output cells than this a hand-off to the workers costs more than it saves.
SHARED_CELLS = 400_000


def claims(problem: Problem, kernel: Array) -> bool:
    """Return whether each group has one channel and one filter, of rank 1, at stride 1."""
    return (
        problem.stride == problem.dilation == (1, 1)
        and problem.group_channels == problem.group_filters == 1
        and factors(kernel) is not None
    )


def factors(kernel: Array) -> tuple[Array, Array] | None:
    """Return columns (G, KH) and rows (G, KW) whose products are the kernels (G, 1, KH, KW).

    None where one of them is not of rank 1, to a few units in the last place of its largest weight.
    """
    kernels = kernel[:, 0]
    numbers = np.arange(len(kernels))
    magnitudes = np.abs(kernels).reshape(len(kernels), -1)
    pivot_rows, pivot_cols = np.divmod(magnitudes.argmax(axis=1), kernel.shape[3])
    pivots = kernels[numbers, pivot_rows, pivot_cols]
    if not pivots.all():
        return None
    columns = kernels[numbers, :, pivot_cols]
    rows = kernels[numbers, pivot_rows] / pivots[:, None]
    error = np.abs(columns[:, :, None] * rows[:, None] - kernels).max(axis=(1, 2))
    if not (error <= 4 * np.finfo(kernel.dtype).eps * np.abs(pivots)).all():
        return None
    return columns, rows


def _banded(taps: Array, count: int) -> Array:
    """Return the matrix (count, count + K − 1) whose row t holds the taps from column t on."""
    band = np.zeros((count, count + len(taps) - 1), taps.dtype)
    for row in range(count):
        band[row, row : row + len(taps)] = taps
    return band


class _Passes:
    """One thread's buffers for the two passes, and the views that products read and write."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        (kernel_rows, kernel_cols), (out_rows, self.cols) = problem.kernel, problem.output
        self.rows = min(BLOCK_ROWS, -(-out_rows // TALL) * TALL)
        self.whole, rest = divmod(self.cols, WIDE)
        pitch = self.cols + kernel_cols - 1 + (WIDE - rest)
        size = problem.dtype.itemsize
        self.strip = np.zeros((1, self.rows + kernel_rows - 1, pitch), problem.dtype)
        self.middle = np.zeros((self.rows // TALL, TALL, pitch), problem.dtype)
        self.bands = as_strided(
            self.strip,
            (self.rows // TALL, TALL + kernel_rows - 1, pitch),
            (TALL * pitch * size, pitch * size, size),
        )
        self.spans = as_strided(
            self.middle,
            (self.whole + 1, self.rows, WIDE + kernel_cols - 1),
            (WIDE * size, pitch * size, size),
        )

    def run(self, column: Array, row: Array, picture: Array, rows: Array, first: int) -> None:
        """Write output rows (n, OW) from `first` on; `column` and `row` are banded matrices."""
        problem = self.problem
        load_rows(self.strip, picture, first - problem.padding[0][0], problem.padding[1][0])
        np.matmul(column, self.bands, out=self.middle)
        count, by_col = len(rows), rows.strides[1]
        parts = as_strided(
            rows,
            (self.whole, count, WIDE),
            (WIDE * by_col, rows.strides[0], by_col),
        )
        np.matmul(self.spans[: self.whole, :count], row, out=parts)
        rest = self.cols - self.whole * WIDE
        if rest:
            np.matmul(self.spans[-1, :count], row[:, :rest], out=rows[:, -rest:])


def grain(problem: Problem) -> int:
    """Return how many output rows are computed together."""
    del problem
    return BLOCK_ROWS


def forward(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out`, which is contiguous.

    The kernel must be one that `claims` accepts.
    """
    # What `claims` accepts has factors.
    column_taps, row_taps = cast("tuple[Array, Array]", factors(kernel))
    columns = [_banded(taps, TALL) for taps in column_taps]
    rows_of = [_banded(taps, WIDE).T for taps in row_taps]
    starts = range(0, problem.output[0], BLOCK_ROWS)

    def compute(tiles: Iterator[int]) -> None:
        passes = _Passes(problem)
        for tile in tiles:
            maps, block = divmod(tile, len(starts))
            number, group = divmod(maps, problem.groups)
            of_channels, of_filters = group_slices(problem, group)
            picture, first = x[number, of_channels], starts[block]
            rows = out[number, of_filters, first : first + BLOCK_ROWS]
            passes.run(columns[group], rows_of[group], picture, rows[0], first)
            if not is_finite(rows):
                band = Tile(number, group, 1, Block(0, first, rows.shape[1]))
                row_gemm.exactly(problem, x, kernel, out, band)
            if bias is not None:
                rows += bias[of_filters, None, None]

    count = problem.batch * problem.groups * len(starts)
    threads.share(compute, count, worth=math.prod(problem.output_shape) >= SHARED_CELLS)
