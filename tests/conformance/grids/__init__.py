"""The generated cases, one topic a file."""

from tests.conformance.case import Case
from tests.conformance.grids import (
    convolution,
    large,
    losses,
    nonfinite,
    pointwise,
    pooling,
    stacks,
    transposed,
)

__all__ = ["all_cases"]


def all_cases() -> list[Case]:
    """Return every generated case; the same list on every machine."""
    topics = (convolution, transposed, pooling, pointwise, losses, stacks, nonfinite, large)
    return [case for topic in topics for case in topic.cases()]
