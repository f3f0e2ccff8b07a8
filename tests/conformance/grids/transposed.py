"""Transposed convolutions: stride, padding, output padding, dilation, groups."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from tests.conformance.case import Case, random_for

KERNELS_2D = [(1, 1), (3, 3), (2, 2), (2, 3), (4, 1), (3, 5)]
SIZES_2D = [(4, 7), (6, 3), (5, 5), (1, 4), (3, 8)]
STRIDES_2D = [1, 2, (1, 3), (3, 2)]
DILATIONS_2D = [1, 2, (2, 1), (1, 3)]
PADDINGS_2D = [0, 1, (2, 1), [[0, 2], [1, 0]]]
EXTRA_2D = [0, 1, (0, 1), (2, 0), 2]
KERNELS_1D = [(1,), (2,), (3,), (4,), (7,)]
SIZES_1D = [(1,), (5,), (8,), (13,)]
STRIDES_1D = [1, 2, 3]
DILATIONS_1D = [1, 2, 3]
PADDINGS_1D = [0, 2, [0, 1], [2, 1]]
EXTRA_1D = [0, 1, 2]
# Batch, channels, filters per group, groups.
CHANNELS = [(2, 3, 2, 1), (1, 4, 3, 2), (2, 3, 1, 3), (3, 1, 4, 1), (1, 2, 2, 2), (2, 6, 1, 3)]


def cases() -> list[Case]:
    """Return all transposed convolution cases."""
    plane = product(KERNELS_2D, STRIDES_2D, DILATIONS_2D, PADDINGS_2D, EXTRA_2D)
    line = product(KERNELS_1D, STRIDES_1D, DILATIONS_1D, PADDINGS_1D, EXTRA_1D)
    return [
        *_grid("conv_transpose2d", plane, SIZES_2D),
        *_grid("conv_transpose1d", line, SIZES_1D),
    ]


def _grid(op: str, geometries: Any, sizes: Sequence[tuple[int, ...]]) -> Iterator[Case]:
    for kernel, stride, dilation, padding, extra in geometries:
        if np.any(np.greater_equal(extra, np.maximum(stride, dilation))):
            continue
        name = f"{op} k{kernel} s{stride} d{dilation} p{padding} +{extra}"
        random = random_for(name)
        size = random.choice(sizes).tolist()
        batch, channels, filters, groups = random.choice(CHANNELS).tolist()
        layer = {
            "type": op,
            "kernel": random.normal(size=(channels, filters, *kernel)),
            "bias": random.normal(size=filters * groups) if random.integers(3) else None,
            "stride": stride,
            "padding": padding,
            "output_padding": extra,
            "dilation": dilation,
            "groups": groups,
        }
        x_shape = (batch, channels, *size)
        yield Case(op, f"{name} g{groups} on {x_shape}", [layer], random.normal(size=x_shape))
