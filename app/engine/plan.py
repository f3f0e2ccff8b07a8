"""Which algorithm computes a convolution, and why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from app.engine.algorithms import im2col, row_gemm
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
    "im2col": im2col.forward,
}


@lru_cache(maxsize=256)
def choose(problem: Problem) -> Plan:
    """Return the plan for a problem."""
    if row_gemm.claims(problem):
        return Plan("row_gemm", "one matrix product per output row, nothing unfolded.")
    return Plan("im2col", "rows both step and spread: patches of a few rows at a time.")


def run(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out` by the best algorithm."""
    plan = choose(problem)
    ALGORITHMS[plan.algorithm](problem, x, kernel, bias, out)
    record(plan)


def kernel_gradient(problem: Problem, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel, shape (O, C/groups, KH, KW), float64."""
    if row_gemm.claims(problem):
        return row_gemm.kernel_gradient(problem, x, upstream)
    return im2col.kernel_gradient(problem, x, upstream)
