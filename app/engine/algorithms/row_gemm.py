"""One matrix product per output row, on overlapping windows of a small buffer: no full unfolding.

The buffer keeps, for a block of rows, XS[h, c, j, :] = the padded row h of channel c from column j
on, one strip for each kernel column. The C·KH·KW values a whole output row needs are then rows of
one contiguous slice of XS, so a single batched product on overlapping slices does a block of output
rows and writes straight into the feature maps.

Two refinements. Where filters are few, `stack` output rows share a product: their kernels are
stacked into a banded (Toeplitz) matrix, which gives BLAS more rows to work on. Where strips cost
more than they save, only `strips` of them are kept, and the products of ceil(KW/strips) shifted
views of the buffer are added up. Both bring zeros into sums where the kernel has no tap; 0·NaN is
NaN, so a block that comes out non-finite is computed again without them.

Source: Cho, Brand, "MEC: Memory-efficient Convolution for Deep Neural Network", ICML 2017,
section 3.2, of which this is the row-wise form.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from app.engine import interrupt, threads
from app.engine.algorithms.kernel_sums import part_count, summed_products
from app.engine.algorithms.row_buffer import Block
from app.engine.algorithms.row_windows import Tile, of_groups, recipe
from app.engine.algorithms.strips import group_slices, is_finite
from app.engine.problem import Array, Problem

# How many output rows of a single filter share a product.
STACKED_ROWS = 4
# So many channels are dearer to copy in strips than a few filters' products are to add up.
MANY_CHANNELS = 8
# Wider kernels take too much memory to have a strip for each of their columns. For others the
# strips pay: products of shifted windows load every vector from two cache lines (4 filters 7×7 on
# one channel of 512²: 3.0 ms with all strips, 4.5 with half of them).
MOST_STRIPS = 15


def claims(problem: Problem) -> bool:
    """Return whether this algorithm computes the problem: not where rows both step and spread."""
    return problem.dilation[0] == 1 or problem.stride[0] == 1


@lru_cache(maxsize=256)
def best_shape(problem: Problem) -> tuple[int, int]:
    """Return (stack, strips) that measured fastest for problems like this one."""
    filters, channels = problem.group_filters, problem.group_channels
    kernel_cols = problem.kernel[1]
    # Nine taps are read and written in as much time as they are multiplied; stacked or not.
    taps = channels * problem.kernel[0] * kernel_cols
    stack = STACKED_ROWS if filters == 1 and taps > 9 else 1
    if problem.output[0] < 2 * stack:
        stack = 1
    strips = kernel_cols
    if problem.stride[1] == 1 and kernel_cols >= 3:
        if filters == 1 and kernel_cols > 5:
            strips = 2
        elif (filters == 1 and channels > 1) or (filters < 4 and channels >= MANY_CHANNELS):
            strips = 1
        elif kernel_cols > MOST_STRIPS:
            strips = -(-kernel_cols // 2)
    return stack, strips


def forward(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out`, which is contiguous."""
    run(problem, x, kernel, bias, out, *best_shape(problem.deciding))


def grain(problem: Problem) -> int:
    """Return how many output rows are computed together: those of a block of every phase."""
    plan = recipe(problem, *best_shape(problem))
    return plan.layout.rows * plan.phases


def run(
    problem: Problem,
    x: Array,
    kernel: Array,
    bias: Array | None,
    out: Array,
    stack: int,
    strips: int,
) -> None:
    """Do as `forward` with a given `stack` and `strips`; fewer strips need a column stride of 1."""
    plan = recipe(problem, stack, strips)
    weights, pictures = plan.weights(kernel), plan.pictures(x)

    def compute(numbers: Iterator[int]) -> None:
        for tile in plan.tiles_of(numbers):
            of_tile = weights if tile.groups == problem.groups else of_groups(weights, tile)
            plan.block(of_tile, pictures, out, tile)
            if not plan.exact and not _is_finite(tile.rows(out, plan)):
                exactly(problem, x, kernel, out, tile)
            if bias is not None:
                rows = tile.rows(out, plan)
                first = tile.group * rows.shape[1]
                added = bias[first : first + tile.groups * rows.shape[1]]
                rows += added.reshape(*rows.shape[:2], 1, 1)

    threads.share(compute, plan.tile_count, worth=plan.shared)


def _is_finite(rows: Array) -> bool:
    return is_finite(rows.reshape(-1, *rows.shape[2:]))


def exactly(problem: Problem, x: Array, kernel: Array, out: Array, tile: Tile) -> None:
    """Compute a tile with no zeros in any sum, so that nothing non-finite spreads.

    Args:
        problem: What is computed.
        x: The pictures, shape (N, C, H, W).
        kernel: All filters, shape (O, C/groups, KH, KW).
        out: The maps to write into, shape (N, O, OH, OW), contiguous.
        tile: Which rows.
    """
    plan = recipe(problem, 1, problem.kernel[1])
    pictures, (phase, start, height) = plan.pictures(x), tile.block
    for group in range(tile.group, tile.group + tile.groups):
        _, filters = group_slices(problem, group)
        weights = plan.weights(kernel[filters])
        for first in range(start, start + height, plan.layout.rows):
            block = Block(phase, first, min(plan.layout.rows, start + height - first))
            plan.block(weights, pictures, out, Tile(tile.number, group, 1, block))


def kernel_gradient(problem: Problem, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel, shape (O, C/groups, KH, KW), float64."""
    plan = recipe(problem, 1, problem.kernel[1])
    pictures = plan.pictures(x)
    filters, channels, (kernel_rows, kernel_cols) = (
        problem.group_filters,
        problem.group_channels,
        problem.kernel,
    )
    depth = channels * kernel_rows * kernel_cols
    # Float64 sums over blocks: a large picture has more of them than float32 can add up. Each part
    # has sums of its own, so that the result does not depend on who has computed which.
    sums = (problem.groups, depth, filters)
    parts = np.zeros((part_count(plan.tile_count, sums), *sums))

    def compute(numbers: Iterator[int]) -> None:
        for number in numbers:
            bounds = (plan.tile_count * n // len(parts) for n in (number, number + 1))
            for tile in plan.tiles_of(range(*bounds)):
                interrupt.check()
                rows = tile.rows(upstream, plan)
                windows = plan.loaded(pictures, tile)
                for group in range(tile.groups):
                    products = summed_products(windows[group], rows[group])
                    parts[number, tile.group + group] += products

    threads.share(compute, len(parts), worth=plan.shared)
    shape = (problem.groups, kernel_rows, channels, kernel_cols, filters)
    grad: Array = parts.sum(axis=0).reshape(shape)
    return grad.transpose(0, 4, 2, 1, 3).reshape(problem.kernel_shape)
