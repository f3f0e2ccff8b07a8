"""A kernel that is the same on all channels: the channels are added up first, then filtered once.

Σ w · x[c] over c is w · Σ x[c]. A preset's matrix on a colour picture is the common case; what is
left is a picture of one channel, which may be filtered by two passes or in the frequency domain.
Three channels of 512² by one 15×15 kernel take half the time, a fifth if it separates; by one 3×3,
0.7 of it. On the way back all channels of a group have the same gradient.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from app.engine import threads
from app.engine.algorithms.products import even_part
from app.engine.algorithms.strips import is_finite
from app.engine.problem import Array, Problem

# With fewer multiplications, or fewer taps, adding up takes as long as it saves.
LEAST_WORK = 2_000_000
LEAST_TAPS = 9
# Input values added up at a time; with fewer in all, by one thread.
BLOCK_VALUES = 1 << 19


def common_taps(problem: Problem, kernel: Array) -> Array | None:
    """Return the taps (O, 1, KH, KW) that all channels share, or None where it does not pay.

    None as well where a step skips most of what would be added up.
    """
    problem = problem.deciding
    if problem.group_channels == 1 or problem.multiply_adds < LEAST_WORK:
        return None
    met = problem.group_filters * math.prod(problem.kernel) // math.prod(problem.stride)
    # One comparison tells nearly all other kernels apart.
    if met < LEAST_TAPS or kernel[0, 0, 0, 0] != kernel[0, 1, 0, 0]:
        return None
    taps = kernel[:, :1]
    return np.ascontiguousarray(taps) if (kernel == taps).all() else None


def reduced(problem: Problem) -> Problem:
    """Return the problem that is left for one channel a group."""
    whole = problem.whole and reduced(problem.whole)
    return replace(problem, channels=problem.groups, whole=whole)


def added_up(problem: Problem, x: Array) -> Array | None:
    """Return the sums (N, groups, H, W) over each group's channels, in the computing type.

    None where one is not finite: what overflows here need not where it is weighted first.
    """
    height, width = problem.size
    maps = x.reshape(-1, problem.group_channels, height, width)
    sums = np.empty((len(maps), height, width), problem.dtype)
    most = max(1, BLOCK_VALUES // (problem.group_channels * width))
    rows = even_part(height, min(most, height))
    blocks = -(-height // rows)
    finite: list[bool] = []

    def add(numbers: Iterator[int]) -> None:
        for number in numbers:
            index, block = divmod(number, blocks)
            part = slice(block * rows, (block + 1) * rows)
            target = sums[index, part]
            np.add.reduce(maps[index, :, part], axis=0, dtype=problem.dtype, out=target)
            finite.append(is_finite(target))

    threads.share(add, len(maps) * blocks, worth=x.size >= 2 * BLOCK_VALUES)
    return sums.reshape(problem.batch, problem.groups, height, width) if all(finite) else None
