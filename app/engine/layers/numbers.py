"""Reading the single numbers and the vectors that layers take."""

import math
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from app.engine.arguments import written
from app.engine.errors import ParameterError, ShapeError
from app.engine.kernels import real_array


def finite_number(value: object, field: str) -> float:
    """Return `value` as a float.

    Raises:
        ParameterError: It is no finite real number.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ParameterError(
            f"{field} is {written(value)}, but must be a finite number.",
            (field,),
            "a finite number",
        )
    return float(value)


def check_vector(value: ArrayLike, field: str, size: int, of: str) -> None:
    """Raise ShapeError unless `value` is a vector of `size` finite numbers, one for each `of`."""
    array = real_array(value, field)
    if array.shape != (size,):
        raise ShapeError(
            f"{field} has shape {array.shape}, but there are {size} {of}; legal is shape "
            f"({size},).",
            (field,),
            f"{size} numbers",
        )
    check_finite(value, field)


def check_per_channel(value: ArrayLike, field: str, channels: int) -> None:
    """Raise unless `value` is one finite number for all channels, or a vector of one for each."""
    if real_array(value, field).ndim:
        check_vector(value, field, channels, "channels")
    else:
        check_finite(value, field)


def check_finite(value: ArrayLike, field: str) -> None:
    """Raise ParameterError where an array holds NaN or infinity."""
    if not np.isfinite(real_array(value, field)).all():
        raise ParameterError(
            f"{field} holds NaN or infinity; legal are finite numbers.", (field,), "finite numbers"
        )


def counts(channels: int) -> str:
    """Return how many numbers there may be, where one may stand for all channels."""
    return "1" if channels == 1 else f"1 or {channels}"
