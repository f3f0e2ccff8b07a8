"""Zeroing by mask with integer instructions: exact, and many times faster than `numpy.where`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]

_INTEGERS: dict[int, type[np.signedinteger[Any]]] = {4: np.int32, 8: np.int64}


def keep_where(values: Array, mask: Mask, out: Array | None = None) -> Array:
    """Return `values` where `mask` is True and 0 elsewhere.

    A product with the mask would turn infinite values into NaN, and `numpy.where` branches on
    every element; AND with all ones or all zeros does neither.

    Args:
        values: float32 or float64, any shape.
        mask: Of the same shape.
        out: Where to put the result; may be `values` itself.
    """
    integers = _INTEGERS[values.dtype.itemsize]
    if out is None:
        out = np.empty(values.shape, values.dtype)
    ones = np.negative(mask.view(np.int8)).astype(integers)  # −1 has every bit set
    np.bitwise_and(ones, values.view(integers), out=out.view(integers))
    return out
