"""Pooling layers: a window's maximum or average, or that of the whole map."""

from dataclasses import dataclass
from typing import ClassVar

from app.engine.geometry import IntOrPair
from app.engine.layers.base import Layer


@dataclass(frozen=True, eq=False)
class MaxPool2d(Layer):
    """The maximum of each window; the first in row-major order takes the whole gradient."""

    size: IntOrPair
    stride: IntOrPair | None = None
    padding: IntOrPair = 0
    dilation: IntOrPair = 1
    ceil_mode: bool = False
    name: str | None = None

    type: ClassVar[str] = "max_pool2d"
    reads: ClassVar[int | None] = 2


@dataclass(frozen=True, eq=False)
class MaxPool1d(MaxPool2d):
    """The maximum of each window of a sequence (N, C, L)."""

    type: ClassVar[str] = "max_pool1d"
    reads: ClassVar[int | None] = 1


@dataclass(frozen=True, eq=False)
class AvgPool2d(Layer):
    """The average of each window; `count_include_pad` counts padding in the divisor."""

    size: IntOrPair
    stride: IntOrPair | None = None
    padding: IntOrPair = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    name: str | None = None

    type: ClassVar[str] = "avg_pool2d"
    reads: ClassVar[int | None] = 2


@dataclass(frozen=True, eq=False)
class AvgPool1d(AvgPool2d):
    """The average of each window of a sequence (N, C, L)."""

    type: ClassVar[str] = "avg_pool1d"
    reads: ClassVar[int | None] = 1


@dataclass(frozen=True, eq=False)
class GlobalAvgPool(Layer):
    """The average of each whole map: (N, C, H, W) to (N, C, 1, 1), (N, C, L) to (N, C, 1)."""

    name: str | None = None

    type: ClassVar[str] = "global_avg_pool"


@dataclass(frozen=True, eq=False)
class GlobalMaxPool(Layer):
    """The maximum of each whole map: (N, C, H, W) to (N, C, 1, 1), (N, C, L) to (N, C, 1)."""

    name: str | None = None

    type: ClassVar[str] = "global_max_pool"
