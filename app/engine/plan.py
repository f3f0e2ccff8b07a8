"""Which algorithm computes a convolution, and why."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache

from app.engine.algorithms import channel_sum, fft, im2col, row_gemm, separable
from app.engine.problem import Array, Problem


@dataclass(frozen=True)
class Plan:
    """Which algorithm computes a convolution, and why.

    Attributes:
        algorithm: The algorithm's name.
        reason: One sentence.
    """

    algorithm: str
    reason: str


_record: ContextVar[list[Plan] | None] = ContextVar("plan_record", default=None)


@contextmanager
def recording() -> Iterator[list[Plan]]:
    """Collect, in order, the plans of the convolutions computed inside the block."""
    plans: list[Plan] = []
    token = _record.set(plans)
    try:
        yield plans
    finally:
        _record.reset(token)


def record(plan: Plan) -> None:
    """Note that `plan` has computed a convolution, if anyone is collecting."""
    plans = _record.get()
    if plans is not None:
        plans.append(plan)


ALGORITHMS: dict[str, Callable[[Problem, Array, Array, Array | None, Array], None]] = {
    "row_gemm": row_gemm.forward,
    "separable": separable.forward,
    "fft": fft.forward,
    "im2col": im2col.forward,
}

GRAINS: dict[str, Callable[[Problem], int]] = {
    "row_gemm": row_gemm.grain,
    "separable": separable.grain,
    "fft": fft.grain,
    "im2col": im2col.grain,
}

# Kernels with fewer taps a side than this are as cheap in one pass as in two.
SEPARABLE_TAPS = 7
# Nor do two passes pay on a map of fewer multiplications, for which they take 60 µs to begin.
SEPARABLE_WORK = 600_000
# More taps than this are cheaper in the frequency domain, if the maps fill a few tiles.
FFT_TAPS = 32 * 32
FFT_CELLS = 128 * 128
# Up to so many pictures and groups, with so many values of patches in all, are unfolded before
# the row-wise way has begun: it takes 30 to 50 µs a call, unfolding 12 for each picture and group
# (one map by 3×3: of 64² in 0.42 of the time, of 256², with 590,000 values, in twice the time).
SMALL_COUNT = 8
SMALL_PATCHES = 250_000
# What a row's product costs beyond its arithmetic, what unfolding costs a value, and a group's
# block, in nanoseconds: short rows with few taps are unfolded instead.
PRODUCT_COST = 300
UNFOLDING_COST = 0.45
BLOCK_COST = 45_000
# Rows of fewer cells than four vectors leave a product's vectors half empty; those of several rows
# together do not, and with so many filters that outweighs unfolding them (0.7 to 0.85 of the time).
NARROW = 64
NARROW_FILTERS = 16
# Longer rows never are unfolded for the sake of their few taps.
SHORT = 48
# With a dilated kernel only rows a dilation apart can be computed together: where there are few of
# them, and no more pictures, groups and values of patches than this, unfolding takes 0.1 to 0.9 of
# the time.
FEW_ROWS = 8
FEW_PATCHES = 1_000_000
FEW_COUNT = 16


def choose(problem: Problem, kernel: Array) -> Plan:
    """Return the plan for a problem, by its shape and by what the kernel holds."""
    problem = problem.deciding
    each = math.prod(problem.output) * math.prod(problem.kernel)
    worth = min(problem.kernel) >= SEPARABLE_TAPS and each >= SEPARABLE_WORK
    if worth and separable.claims(problem, kernel):
        rows, cols = problem.kernel
        return Plan(
            "separable",
            f"the kernel is a column times a row: {rows} + {cols} products a pixel, "
            f"not {rows * cols}.",
        )
    return _by_shape(problem)


@lru_cache(maxsize=256)
def _by_shape(problem: Problem) -> Plan:
    taps, cells = math.prod(problem.kernel), math.prod(problem.output)
    if taps > FFT_TAPS and cells >= FFT_CELLS and fft.claims(problem):
        return Plan(
            "fft", f"{taps} taps a pixel cost more than transforming tiles and multiplying spectra."
        )
    if not row_gemm.claims(problem):
        return Plan(
            "im2col", "rows both step and spread, so patches are unfolded a few rows at a time."
        )
    patches = problem.multiply_adds // problem.group_filters
    if patches <= SMALL_PATCHES and problem.batch * problem.groups <= SMALL_COUNT:
        return Plan(
            "im2col",
            f"{patches} values of patches are unfolded and multiplied at once: it is small.",
        )
    if _is_narrow(problem):
        rows, cols = problem.output
        return Plan(
            "im2col",
            f"{rows} rows of {cols} are too few or too short for a product each, so patches of "
            "several are unfolded.",
        )
    stack, _ = row_gemm.best_shape(problem)
    together = f"{stack} rows of a map share" if stack > 1 else "each row of the maps is"
    return Plan("row_gemm", f"{together} one matrix product on overlapping windows, no unfolding.")


def _is_narrow(problem: Problem) -> bool:
    """Return whether the rows are too short for a product each, or, dilated, too few."""
    rows, cols = problem.output
    # Values a step apart are picked out one by one.
    outweighed = problem.group_filters >= NARROW_FILTERS * problem.stride[1] ** 2
    if cols < NARROW and outweighed and rows > 1:
        return True
    patches = problem.multiply_adds // problem.group_filters
    if 1 < problem.dilation[0] <= rows < FEW_ROWS * problem.dilation[0]:
        return patches <= FEW_PATCHES and problem.batch * problem.groups <= FEW_COUNT
    if cols >= SHORT:
        return False
    unfolded = cols * problem.group_channels * math.prod(problem.kernel)
    return rows * (PRODUCT_COST - unfolded * UNFOLDING_COST) > BLOCK_COST


def grain(problem: Problem, kernel: Array) -> int:
    """Return how many output rows, from the first on, are computed together.

    A band of rows that begins and ends at multiples of it (or at the map's end) and follows the
    whole has the very sums that the whole has, in the same order.
    """
    taps = channel_sum.common_taps(problem, kernel)
    if taps is not None:
        problem, kernel = channel_sum.reduced(problem), taps
    return GRAINS[choose(problem, kernel).algorithm](problem)


def run(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out` by the best algorithm."""
    before = ""
    taps = channel_sum.common_taps(problem, kernel)
    if taps is not None:
        sums = channel_sum.added_up(problem, x)
        if sums is not None:
            before = f"{problem.group_channels} channels share a kernel and are added up first; "
            problem, x, kernel = channel_sum.reduced(problem), sums, taps
    plan = choose(problem, kernel)
    ALGORITHMS[plan.algorithm](problem, x, kernel, bias, out)
    record(replace(plan, reason=before + plan.reason) if before else plan)


def kernel_gradient(problem: Problem, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel, shape (O, C/groups, KH, KW), float64."""
    if row_gemm.claims(problem) and not _is_narrow(problem):
        return row_gemm.kernel_gradient(problem, x, upstream)
    return im2col.kernel_gradient(problem, x, upstream)
