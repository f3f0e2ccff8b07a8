"""Which algorithm computes a convolution, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.engine.problem import Problem


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


def choose(problem: Problem) -> Plan:
    """Return the plan for a problem."""
    return Plan("im2col", "patches of a few rows at a time, one matrix product each.")
