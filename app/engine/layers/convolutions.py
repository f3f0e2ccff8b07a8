"""The four convolution layers: what they take, which shapes they make, and how they run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from app.engine import geometry
from app.engine.geometry import IntOrPair, Padding, PaddingLike, Pair
from app.engine.kernels import KernelLike
from app.engine.layers.base import Array, Inference, Layer, Problems, Result, Shape, Window


@dataclass(frozen=True, eq=False)
class Conv2d(Layer):
    """2-D convolution, as cross-correlation unless `flip`; see `engine.convolution.conv2d`."""

    kernel: KernelLike
    bias: ArrayLike | None = None
    stride: IntOrPair = 1
    padding: PaddingLike = 0
    padding_mode: str = "zeros"
    dilation: IntOrPair = 1
    groups: int = 1
    flip: bool = False
    name: str | None = None

    type: ClassVar[str] = "conv2d"
    reads: ClassVar[int | None] = 2


@dataclass(frozen=True, eq=False)
class Conv1d(Conv2d):
    """1-D convolution over (N, C, L)."""

    type: ClassVar[str] = "conv1d"
    reads: ClassVar[int | None] = 1


@dataclass(frozen=True, eq=False)
class ConvTranspose2d(Layer):
    """Transposed 2-D convolution, the adjoint of `Conv2d`; kernel (C, O/groups, KH, KW)."""

    kernel: KernelLike
    bias: ArrayLike | None = None
    stride: IntOrPair = 1
    padding: PaddingLike = 0
    output_padding: IntOrPair = 0
    dilation: IntOrPair = 1
    groups: int = 1
    name: str | None = None

    type: ClassVar[str] = "conv_transpose2d"
    reads: ClassVar[int | None] = 2


@dataclass(frozen=True, eq=False)
class ConvTranspose1d(ConvTranspose2d):
    """Transposed 1-D convolution over (N, C, L); kernel (C, O/groups, K)."""

    type: ClassVar[str] = "conv_transpose1d"
    reads: ClassVar[int | None] = 1
