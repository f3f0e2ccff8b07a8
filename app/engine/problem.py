"""One convolution's geometry with every parameter resolved: what algorithms are handed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.engine.errors import ShapeError
from app.engine.geometry import Padding, Pair

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """A zero-padded 2-D cross-correlation of x (N, C, H, W) with a kernel (O, C/groups, KH, KW).

    Attributes:
        batch: N.
        channels: C, of all groups together.
        filters: O, of all groups together.
        groups: How many independent convolutions channels and filters are split into.
        size: (H, W).
        kernel: (KH, KW).
        stride: Steps (rows, cols).
        dilation: Spacing of the kernel's taps (rows, cols).
        padding: Zeros around the picture, ((top, bottom), (left, right)).
        output: (OH, OW); the caller has checked that it follows from the rest.
        dtype: float32 or float64, of x, kernel and output alike.
        whole: The problem of a picture of which this one computes a band of rows, if it does.
    """

    batch: int
    channels: int
    filters: int
    groups: int
    size: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Padding
    output: Pair
    dtype: np.dtype[Any]
    whole: "Problem | None" = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # What is planned once is looked up by the problem several times a call.
        sizes = (self.batch, self.channels, self.filters, self.groups, *self.size, *self.kernel)
        steps = (self.stride, self.dilation, self.padding, self.output, self.dtype)
        object.__setattr__(self, "_hash", hash((sizes, steps)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def deciding(self) -> "Problem":
        """Return the problem that decides in what order sums are taken: of a band, the whole."""
        return self.whole or self

    @property
    def group_channels(self) -> int:
        """Return how many channels one filter sees."""
        return self.channels // self.groups

    @property
    def group_filters(self) -> int:
        """Return how many filters one group has."""
        return self.filters // self.groups

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        """Return the input's shape (N, C, H, W)."""
        return self.batch, self.channels, *self.size

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """Return the kernel's shape (O, C/groups, KH, KW)."""
        return self.filters, self.group_channels, *self.kernel

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """Return the output's shape (N, O, OH, OW)."""
        return self.batch, self.filters, *self.output

    @property
    def multiply_adds(self) -> int:
        """Return how many multiplications a direct evaluation takes."""
        taps = self.group_channels * self.kernel[0] * self.kernel[1]
        return self.batch * self.filters * self.output[0] * self.output[1] * taps


_SINGLE = np.dtype(np.float32)
_DOUBLE = np.dtype(np.float64)


def computing_dtype(dtype: np.dtype[Any], field: str) -> np.dtype[Any]:
    """Return the float type that arrays of `dtype` are computed in.

    float32 stays float32. What float32 holds exactly (bool, float16, 8- and 16-bit integers)
    becomes float32. float64 and wider integers become float64. So integers never wrap.

    Raises:
        ShapeError: The dtype holds no real numbers.
    """
    if dtype.type is np.float32:  # in either byte order
        return _SINGLE
    if dtype.kind not in "buif":
        raise ShapeError(
            f"{field} has dtype {dtype}, but must hold real numbers: bool, integers or floats.",
            (field,),
            "bool, integers or floats",
        )
    return _SINGLE if dtype.itemsize < 4 or dtype.kind == "b" else _DOUBLE


def _array(value: ArrayLike) -> Array:
    try:
        return np.asarray(value)
    except ValueError:  # NumPy's word for a ragged list
        return np.empty(0, dtype=object)


def as_floats(value: ArrayLike, field: str) -> Array:
    """Return an array as float32 or float64; an array that already is comes back as it is."""
    array = _array(value)
    return array.astype(computing_dtype(array.dtype, field), copy=False)


def with_computing_dtype(value: ArrayLike, field: str) -> tuple[Array, np.dtype[Any]]:
    """Return an array as it is, and the float type that it is computed in.

    The algorithms turn numbers into floats as they copy them into their buffers, so that a picture
    of bytes needs no second copy four times its size.
    """
    array = _array(value)
    return array, computing_dtype(array.dtype, field)


def like(value: ArrayLike, dtype: np.dtype[Any], field: str) -> Array:
    """Return an array in the input's float type, so that the input alone decides the precision."""
    array = _array(value)
    computing_dtype(array.dtype, field)
    return array.astype(dtype, copy=False)


def check_shape(array: Array, shape: tuple[int, ...], field: str) -> None:
    """Raise ShapeError unless the array has exactly this shape."""
    if array.shape != shape:
        raise ShapeError(
            f"{field} has shape {array.shape}, but must have shape {shape}.", (field,), str(shape)
        )
