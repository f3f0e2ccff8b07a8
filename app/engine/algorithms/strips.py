"""What the algorithms share: bands of zero-padded input rows, groups."""

import math

from app.engine.problem import Array, Problem


def load_rows(strip: Array, picture: Array, start: int, left: int) -> None:
    """Fill a strip (C, rows, cols) with a picture (C, H, W), zeros around it.

    Args:
        strip: Where to write; columns outside the picture must be zero already.
        picture: Where to read.
        start: Row of the picture that the strip's first row is; may be negative.
        left: Column of the strip that the picture's first column is.
    """
    rows, (height, width) = strip.shape[1], picture.shape[1:]
    low = min(rows, max(0, -start))
    high = max(low, min(rows, height - start))
    strip[:, :low] = 0
    strip[:, high:] = 0
    if high > low:
        strip[:, low:high, left : left + width] = picture[:, start + low : start + high]


def is_finite(rows: Array) -> bool:
    """Return whether every value of rows (F, n, W) is finite; may be False by overflow."""
    # A dot product is the cheapest pass over the values; where it overflows, the exact way is
    # taken in vain.
    if rows.flags.c_contiguous:
        values = rows.reshape(-1)
        return math.isfinite(values.dot(values))
    lanes = (lane.reshape(-1) for lane in rows)
    return all(math.isfinite(lane.dot(lane)) for lane in lanes)


def group_slices(problem: Problem, group: int) -> tuple[slice, slice]:
    """Return which channels and which filters belong to a group."""
    channels, filters = problem.group_channels, problem.group_filters
    return (
        slice(group * channels, (group + 1) * channels),
        slice(group * filters, (group + 1) * filters),
    )
