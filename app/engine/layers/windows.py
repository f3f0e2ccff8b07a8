"""What the layers with a sliding window share: reading their fields, and saying what is legal."""

import math
from collections.abc import Sequence

from app.engine import geometry
from app.engine.arguments import span
from app.engine.geometry import IntOrPair, Padding, PaddingLike, Pair
from app.engine.layers.base import Bounds, Shape, map_size
from app.engine.layers.view import Window

AXES = {1: ("length", "length"), 2: ("rows", "cols")}
PAIR_FORM = {1: "", 2: ", or a pair (rows, cols)"}


def pair_of(value: IntOrPair, field: str, minimum: int, rank: int) -> Pair:
    """Return (rows, cols); a sequence's one number goes with a row axis of `minimum`.

    Raises:
        ParameterError: It is no integer or pair of at least `minimum`.
    """
    if rank == 2:
        return geometry.as_pair(value, field, minimum)
    return minimum, geometry.as_single(value, field, minimum)


def padding_of(padding: PaddingLike, size: Pair, window: Window, rank: int) -> Padding:
    """Return ((top, bottom), (left, right)) for any form of `padding`.

    Raises:
        ParameterError: The form is unknown, or wider than the window's mode allows.
    """
    w = window
    if rank == 2:
        return geometry.resolve_padding(padding, size, w.kernel, w.stride, w.dilation, w.mode)
    return (0, 0), geometry.resolve_padding_1d(
        padding, size[1], w.kernel[1], w.stride[1], w.dilation[1], w.mode
    )


def formula(window: Window, shape: Shape, output: Shape, ceil_mode: bool = False) -> str:
    """Return the output size's formula with its numbers, for each spatial axis."""
    rank = len(shape) - 2
    lines = []
    for axis in range(2 - rank, 2):
        right = geometry.size_formula(
            map_size(shape)[axis],
            window.kernel[axis],
            window.stride[axis],
            window.dilation[axis],
            *window.padding[axis],
            ceil_mode,
        )
        lines.append(f"{AXES[rank][axis]}: {right} = {map_size(output)[axis]}")
    return "; ".join(lines)


def integers_from(least: int, most: int | None) -> str:
    """Return "integers ≥ 1", or "integers, 1 to 64" where there is a bound."""
    return f"integers ≥ {least}" if most is None else f"integers, {span(least, most)}"


def filters_range(bounds: Bounds) -> str:
    """Return how many filters there may be, to follow the kernel's forms."""
    return "" if bounds.filters is None else f"; filters: {span(1, bounds.filters)}"


def bounded(most: Pair, bound: int | None) -> Pair:
    """Return the smaller of what fits and what is allowed, for each axis."""
    return most if bound is None else (min(most[0], bound), min(most[1], bound))


def per_axis(rank: int, limits: Sequence[object]) -> str:
    """Return e.g. "rows 1 to 5, cols 1 to 4" from two limits, "1 to 4" for a sequence."""
    if rank == 1:
        return f"{limits[1]}"
    return f"rows {limits[0]}, cols {limits[1]}"


def largest_kernel(size: Pair, padding: Padding, dilation: Pair) -> Pair:
    """Return the most taps (rows, cols) that fit into the padded input."""
    rows, cols = (
        (n + sum(pads) - 1) // d + 1 for n, pads, d in zip(size, padding, dilation, strict=True)
    )
    return rows, cols


def dilation_range(size: Pair, padding: Padding, kernel: Pair, rank: int) -> str:
    """Return which spacings let the kernel fit into the padded input."""
    limits = [
        span(1, max((n + sum(pads) - 1) // (k - 1), 1)) if k > 1 else "≥ 1"
        for n, pads, k in zip(size, padding, kernel, strict=True)
    ]
    return f"integers, {per_axis(rank, limits)}"


def divisors(number: int) -> str:
    """Return the divisors of `number`, e.g. "1, 2, 3 or 6"."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    found = [str(d) for d in sorted({*small, *(number // d for d in small)})]
    if not found:
        return "none"
    return " or ".join(filter(None, (", ".join(found[:-1]), found[-1])))
