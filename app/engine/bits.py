"""Moving floats by integer instructions: exact, and several times faster than the plain way."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]

_INTEGERS: dict[int, type[np.signedinteger[Any]]] = {4: np.int32, 8: np.int64}


def keep_where(values: Array, mask: Mask) -> Array:
    """Return `values` where `mask` is True and 0 elsewhere.

    A product with the mask would turn infinite values into NaN, and `numpy.where` branches on
    every element; AND with all ones or all zeros does neither.

    Args:
        values: float32 or float64, any shape.
        mask: Of the same shape.
    """
    integers = _INTEGERS[values.dtype.itemsize]
    out = np.empty(values.shape, values.dtype)
    ones = np.negative(mask.view(np.int8)).astype(integers)  # −1 has every bit set
    np.bitwise_and(ones, values.view(integers), out=out.view(integers))
    return out


def copy_every(source: Array, step: int, out: Array) -> None:
    """Copy source[..., ::step] into `out`, which has as many columns.

    Args:
        source: Any shape.
        step: 1 or more.
        out: Of the same dtype.
    """
    for into, values in copies_every(source, step, out):
        np.copyto(into, values, casting="unsafe")


def copies_every(source: Array, step: int, out: Array) -> list[tuple[Array, Array]]:
    """Return what to copy, (into, values), so that `out` holds source[..., ::step].

    NumPy copies floats that lie a step apart one by one. Two float32 side by side are also one
    64-bit integer, whose lower half is the first of them, and narrowing integers is vectorised: 20
    to 40% off the copy. So the views that are returned may be of integers, to be copied with
    `casting="unsafe"`.
    """
    contiguous = source.strides[-1] == out.strides[-1] == source.itemsize == 4
    if not (step == 2 and contiguous and sys.byteorder == "little"):
        return [(out, source[..., ::step])]
    count = out.shape[-1]
    pairs = min(count, source.shape[-1] // 2)
    halves, wholes = out[..., :pairs].view(np.uint32), source[..., : 2 * pairs].view(np.uint64)
    if pairs == count:
        return [(halves, wholes)]
    return [(halves, wholes), (out[..., pairs:], source[..., 2 * pairs :: 2])]
