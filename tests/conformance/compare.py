"""How far two sets of numbers are apart, in the measure that the tolerances are stated in."""

from dataclasses import dataclass

import numpy as np

from tests.conformance.case import Array, Numbers

TOLERANCE = {"float64": 1e-10, "float32": 2e-5}
# Below this share of an array's largest magnitude a float64 value is what cancellation left over,
# and its own relative error says nothing about the algorithm.
CANCELLED = 1e-3
# A map of fewer cells can be all cancellation, and the array around it tells how large its values
# are; an array of fewer, say one bias or the loss, is a sum of values around 1 in these cases.
FEW = 16
AROUND = 1.0
# Arrays this close to zero are zero: the gradient of a sum of softmax outputs, for one.
NOTHING = 1e-3


@dataclass(frozen=True)
class Difference:
    """One array that is not what it should be."""

    name: str
    error: float
    detail: str


def error_of(expected: Array, actual: Array, dtype: str) -> tuple[float, str]:
    """Return the largest error in the measure of `dtype`, and where it is.

    float64: relative to each value. float32: relative to the largest magnitude of the value's map.
    An array of another shape or dtype, or with other non-finite cells, is infinitely wrong.
    """
    if actual.shape != expected.shape:
        return np.inf, f"shape {actual.shape}, not {expected.shape}"
    if actual.dtype != dtype:
        return np.inf, f"dtype {actual.dtype}, not {dtype}"
    if expected.size == 0:
        return 0.0, "empty"
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], actual[~finite], equal_nan=True):
        return np.inf, "other non-finite cells"
    right = np.where(finite, expected, 0.0)
    apart = np.abs(np.where(finite, actual, 0.0) - right)
    errors = apart / _scale(np.abs(right), dtype)
    if not np.isfinite(errors).all():
        return np.inf, "non-finite where a number was due"
    worst = np.unravel_index(np.argmax(errors), errors.shape)
    place = tuple(int(index) for index in worst)
    detail = f"{float(actual[worst])!r}, not {float(expected[worst])!r} at {place}"
    return float(errors[worst]), detail


def _scale(magnitude: Array, dtype: str) -> Array:
    if dtype == "float64":
        return np.maximum(np.maximum(magnitude, CANCELLED * magnitude.max()), NOTHING)
    is_map = np.prod(magnitude.shape[2:]) >= FEW
    spatial = tuple(range(2, magnitude.ndim)) if is_map else None
    least = NOTHING if magnitude.size >= FEW else AROUND
    return np.maximum(magnitude.max(axis=spatial, keepdims=True), least)


def compare(expected: Numbers, actual: Numbers, dtype: str) -> tuple[float, list[Difference]]:
    """Return the worst error of all arrays and those beyond the tolerance.

    Args:
        expected: The oracle's float64 arrays by name.
        actual: Arrays in `dtype` by name; one that is missing is a difference.
        dtype: "float64" or "float32".
    """
    worst, differences = 0.0, []
    for name in sorted(expected.keys() | actual.keys()):
        if name not in actual or name not in expected:
            error, detail = np.inf, "missing" if name in expected else "not asked for"
        else:
            error, detail = error_of(expected[name], actual[name], dtype)
        worst = max(worst, error)
        if error > TOLERANCE[dtype]:
            differences.append(Difference(name, error, detail))
    return worst, differences
