"""Patches of a few output rows as the columns of a matrix, then one matrix product.

The plain way that works for every geometry, forward and backward. Only a few rows are unfolded at
a time, so memory stays small, and no value takes part in a sum it does not belong to.

Source: Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document
Processing", 2006, section 2.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine import interrupt
from app.engine.geometry import effective_size
from app.engine.problem import Array, Problem

BLOCK_BYTES = 1 << 19


class _Unfolding:
    """A few padded input rows of one group, and the views that show them as patches."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        channels, (kernel_rows, kernel_cols) = problem.group_channels, problem.kernel
        out_rows, out_cols = problem.output
        row_bytes = channels * kernel_rows * kernel_cols * out_cols * problem.dtype.itemsize
        self.rows = max(1, min(out_rows, BLOCK_BYTES // row_bytes))
        strip_rows = self._strip_rows(self.rows)
        strip_cols = problem.size[1] + sum(problem.padding[1])
        self.strip = np.zeros((channels, strip_rows, strip_cols), problem.dtype)
        by_channel, by_row, by_col = self.strip.strides
        self.patches = as_strided(
            self.strip,
            (channels, kernel_rows, kernel_cols, self.rows, out_cols),
            (
                by_channel,
                by_row * problem.dilation[0],
                by_col * problem.dilation[1],
                by_row * problem.stride[0],
                by_col * problem.stride[1],
            ),
        )
        self.columns = np.empty(self.patches.shape, problem.dtype)

    def _strip_rows(self, rows: int) -> int:
        problem = self.problem
        return (rows - 1) * problem.stride[0] + effective_size(
            problem.kernel[0], problem.dilation[0]
        )

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield (first, end) of the output rows of each block."""
        for first in range(0, self.problem.output[0], self.rows):
            interrupt.check()
            yield first, min(first + self.rows, self.problem.output[0])

    def inside(self, first: int, end: int) -> tuple[slice, slice, slice]:
        """Return which strip rows and cols lie inside the picture, and which picture rows."""
        start = first * self.problem.stride[0] - self.problem.padding[0][0]
        count = self._strip_rows(end - first)
        low = min(max(0, -start), count)
        high = max(low, min(count, self.problem.size[0] - start))
        left = self.problem.padding[1][0]
        return (
            slice(low, high),
            slice(left, left + self.problem.size[1]),
            slice(start + low, start + high),
        )

    def unfold(self, picture: Array, first: int, end: int) -> Array:
        """Return the patches of output rows first..end as columns, shape (C·KH·KW, pixels)."""
        strip_rows, strip_cols, rows = self.inside(first, end)
        self.strip[:, : strip_rows.start] = 0
        self.strip[:, strip_rows.stop :] = 0
        if strip_rows.stop > strip_rows.start:
            self.strip[:, strip_rows, strip_cols] = picture[:, rows]
        columns = self.columns
        if end - first != self.rows:
            columns = np.empty((*columns.shape[:3], end - first, columns.shape[4]), columns.dtype)
        np.copyto(columns, self.patches[:, :, :, : end - first])
        return columns.reshape(-1, (end - first) * columns.shape[4])

    def fold(self, columns: Array, picture: Array, first: int, end: int) -> None:
        """Add columns back to the picture's cells they came from: the adjoint of `unfold`."""
        problem = self.problem
        columns = columns.reshape(*self.patches.shape[:3], end - first, -1)
        self.strip[:] = 0
        for i in range(problem.kernel[0]):
            for j in range(problem.kernel[1]):
                self.patches[:, i, j, : end - first] += columns[:, i, j]
        strip_rows, strip_cols, rows = self.inside(first, end)
        if strip_rows.stop > strip_rows.start:
            picture[:, rows] += self.strip[:, strip_rows, strip_cols]


def _grouped(problem: Problem, *arrays: Array) -> Iterator[tuple[int, tuple[Array, ...]]]:
    """Yield, for each picture of the batch and each group, the group and its part of each array."""
    batch, groups = problem.batch, problem.groups
    split = [a.reshape(batch, groups, a.shape[1] // groups, *a.shape[2:]) for a in arrays]
    for picture in range(batch):
        for group in range(groups):
            yield group, tuple(a[picture, group] for a in split)


def forward(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out`, which is contiguous."""
    unfolding = _Unfolding(problem)
    weights = kernel.reshape(problem.groups, problem.group_filters, -1)
    for group, (picture, maps) in _grouped(problem, x, out):
        for first, end in unfolding.blocks():
            columns = unfolding.unfold(picture, first, end)
            maps[:, first:end] = (weights[group] @ columns).reshape(len(maps), end - first, -1)
    if bias is not None:
        out += bias[:, None, None]


def input_gradient(problem: Problem, upstream: Array, kernel: Array, out: Array) -> None:
    """Write the gradient with respect to x into `out`, which is contiguous."""
    unfolding = _Unfolding(problem)
    weights = kernel.reshape(problem.groups, problem.group_filters, -1)
    out[...] = 0
    for group, (maps, picture) in _grouped(problem, upstream, out):
        for first, end in unfolding.blocks():
            columns = weights[group].T @ maps[:, first:end].reshape(len(maps), -1)
            unfolding.fold(columns, picture, first, end)


def kernel_gradient(problem: Problem, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel, shape (O, C/groups, KH, KW), float64."""
    unfolding = _Unfolding(problem)
    # Float64 sums over blocks: a large picture has more of them than float32 can add up exactly.
    grad = np.zeros((problem.groups, problem.group_filters, unfolding.columns[..., 0, 0].size))
    for group, (picture, maps) in _grouped(problem, x, upstream):
        for first, end in unfolding.blocks():
            columns = unfolding.unfold(picture, first, end)
            grad[group] += maps[:, first:end].reshape(len(maps), -1) @ columns.T
    return grad.reshape(problem.kernel_shape)
