"""Convolutions big enough that every algorithm gets its turn."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.conformance.case import Case, random_for

# x shape, kernel shape, the other fields.
SETTINGS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 3, 96, 130), (8, 3, 3, 3), {"padding": "same"}),
    ((4, 8, 33, 47), (16, 8, 3, 3), {"padding": 1}),
    ((1, 16, 40, 52), (32, 16, 1, 1), {}),
    ((1, 32, 64, 50), (32, 32, 3, 3), {"padding": 1}),
    ((1, 1, 200, 240), (1, 1, 3, 3), {"padding": "same"}),
    ((1, 1, 200, 240), (1, 1, 31, 31), {"padding": "same"}),
    ((1, 1, 190, 240), (1, 1, 41, 37), {"padding": "same"}),
    ((2, 2, 150, 161), (3, 2, 33, 35), {"padding": "full"}),
    ((1, 2, 200, 170), (2, 1, 45, 24), {"padding": "same_lower", "groups": 2, "flip": True}),
    ((1, 1, 140, 150), (2, 1, 63, 63), {"padding": "same", "padding_mode": "replicate"}),
    ((1, 1, 330, 300), (1, 1, 33, 35), {"padding": "same", "stride": 2}),
    ((1, 3, 160, 120), (4, 3, 21, 17), {"padding": "full"}),
    ((2, 4, 64, 90), (4, 1, 25, 25), {"padding": "same", "groups": 4}),
    ((1, 24, 70, 50), (24, 1, 3, 3), {"padding": "same", "groups": 24}),
    ((1, 3, 150, 110), (12, 3, 11, 11), {"stride": 4, "padding": 2}),
    ((1, 3, 112, 90), (16, 3, 7, 7), {"stride": 2, "padding": "same"}),
    ((1, 8, 60, 80), (8, 4, 5, 5), {"dilation": 3, "padding": "same", "groups": 2}),
    ((1, 3, 90, 70), (6, 3, 9, 9), {"padding": "same", "padding_mode": "reflect"}),
    ((1, 1, 128, 160), (1, 1, 63, 5), {"padding": "same", "padding_mode": "circular"}),
    ((1, 1, 128, 160), (3, 1, 15, 15), {"padding": "same", "dilation": 2}),
    ((8, 1, 28, 28), (6, 1, 5, 5), {}),
    ((1, 64, 14, 17), (64, 64, 3, 3), {"padding": 1}),
]
SETTINGS_1D: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 2, 3000), (4, 2, 301), {"padding": "same"}),
    ((1, 8, 5000), (16, 8, 9), {"stride": 3}),
    ((1, 1, 20000), (1, 1, 64), {"padding": "full"}),
]

# Name and the two vectors whose outer product the kernel is.
RANK_ONE: list[tuple[str, list[float], list[float]]] = [
    ("sobel", [-1, 0, 1], [1, 2, 1]),
    ("box", [1 / 9] * 9, [1 / 7] * 7),
    ("gaussian", [math.exp(-(t**2) / 18) for t in range(-9, 10)], [0.5, 1, 0.5]),
    ("difference", [1], [-1, 1]),
]


def cases() -> Iterator[Case]:
    """Yield the large convolutions, those with kernels of one rank, and transposed ones."""
    for op, settings in (("conv2d", SETTINGS), ("conv1d", SETTINGS_1D)):
        for x_shape, kernel_shape, fields in settings:
            name = f"{op} {kernel_shape} on {x_shape} {fields}"
            random = random_for(name)
            spread = kernel_shape[1] * kernel_shape[-1] * kernel_shape[-2]
            layer = {
                "type": op,
                "kernel": random.normal(size=kernel_shape) / spread**0.5,
                "bias": random.normal(size=kernel_shape[0]),
                **fields,
            }
            yield Case(f"{op}, large", name, [layer], random.normal(size=x_shape))
    for name, column, row in RANK_ONE:
        x = random_for(name).normal(size=(1, 3, 120, 170))
        kernel = np.outer(column, row)
        for shape in (kernel.shape, (2, 3, *kernel.shape)):
            layer = {"type": "conv2d", "kernel": np.broadcast_to(kernel, shape), "padding": "same"}
            yield Case("conv2d, large", f"{name}, kernel of shape {shape}", [layer], x)
    for stride, side in ((1, 3), (2, 4), (4, 11), (1, 25)):
        name = f"conv_transpose2d k{side} s{stride}"
        random = random_for(name)
        layer = {
            "type": "conv_transpose2d",
            "kernel": random.normal(size=(6, 4, side, side + 1)) / side,
            "stride": stride,
        }
        yield Case("conv_transpose2d, large", name, [layer], random.normal(size=(1, 6, 40, 57)))
