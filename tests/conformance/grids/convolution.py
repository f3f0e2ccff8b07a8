"""Convolutions: every geometry with every padding, in one and two dimensions."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from tests.conformance.case import Case, random_for

KERNELS_2D = [(1, 1), (3, 3), (2, 2), (2, 3), (4, 1), (3, 5)]
SIZES_2D = [(7, 10), (9, 6), (5, 11), (12, 8)]
STRIDES_2D = [1, 2, (1, 3), (3, 2)]
DILATIONS_2D = [1, 2, (2, 1), (1, 3)]
PADDINGS_2D = [
    0, 1, (2, 1), [[0, 2], [3, 1]], [[1, 0], [0, 0]], "valid", "same", "same_lower", "full", "keep",
]  # fmt: skip
KERNELS_1D = [(1,), (2,), (3,), (4,), (7,)]
SIZES_1D = [(9,), (14,), (16,), (23,)]
STRIDES_1D = [1, 2, 3]
DILATIONS_1D = [1, 2, 3]
PADDINGS_1D = [0, 2, [0, 3], [2, 1], "valid", "same", "same_lower", "full", "keep"]
MODES = ["zeros", "reflect", "replicate", "circular"]
# Batch, channels, filters, groups.
CHANNELS = [(2, 3, 2, 1), (1, 4, 6, 2), (2, 3, 3, 3), (1, 2, 8, 2), (3, 1, 4, 1), (2, 6, 3, 3)]


def cases() -> list[Case]:
    """Return all convolution cases."""
    plane = product(KERNELS_2D, STRIDES_2D, DILATIONS_2D, PADDINGS_2D, MODES)
    line = product(KERNELS_1D, STRIDES_1D, DILATIONS_1D, PADDINGS_1D, MODES)
    return [
        *_grid("conv2d", plane, SIZES_2D),
        *_grid("conv1d", line, SIZES_1D),
        *_kernel_forms(),
        *_edges(),
    ]


def _grid(op: str, geometries: Any, sizes: Sequence[tuple[int, ...]]) -> Iterator[Case]:
    for kernel, stride, dilation, padding, mode in geometries:
        name = f"{op} k{kernel} s{stride} d{dilation} p{padding} {mode}"
        random = random_for(name)
        size = random.choice(sizes).tolist()
        batch, channels, filters, groups = random.choice(CHANNELS).tolist()
        layer = {
            "type": op,
            "kernel": random.normal(size=(filters, channels // groups, *kernel)),
            "bias": random.normal(size=filters) if random.integers(3) else None,
            "stride": stride,
            "padding": padding,
            "padding_mode": mode,
            "dilation": dilation,
            "groups": groups,
            "flip": bool(random.integers(4) == 0),
        }
        x_shape = (batch, channels, *size)
        yield Case(op, f"{name} g{groups} on {x_shape}", [layer], random.normal(size=x_shape))


def _kernel_forms() -> Iterator[Case]:
    """One filter for all channels, one for each channel, and a preset."""
    for op, size, shapes in (
        ("conv2d", (6, 9), [(4, 2, 3), (3, 2)]),
        ("conv1d", (11,), [(4, 3), (2,)]),
    ):
        for shape, padding in product(shapes, [0, "same", "full"]):
            name = f"{op} kernel of shape {shape}, {padding}"
            random = random_for(name)
            kernel = random.normal(size=shape)
            layer = {"type": op, "kernel": kernel, "padding": padding, "stride": 2}
            yield Case(op, name, [layer], random.normal(size=(2, 4, *size)))
    x = random_for("preset").normal(size=(1, 3, 6, 9))
    preset = {"type": "conv2d", "kernel": {"preset": "sobel_x"}, "padding": "same"}
    yield Case("conv2d", "conv2d preset sobel_x", [preset], x)


def _edges() -> Iterator[Case]:
    """Empty batches, one-pixel pictures, kernels as large as the picture, one row or column."""
    shapes = [
        ((0, 2, 5, 6), (3, 2, 2, 3)),
        ((1, 1, 1, 1), (2, 1, 1, 1)),
        ((1, 1, 1, 1), (2, 1, 3, 3)),
        ((2, 2, 5, 7), (3, 2, 5, 7)),
        ((2, 2, 1, 9), (3, 2, 1, 4)),
        ((2, 2, 9, 1), (3, 2, 4, 1)),
    ]
    for (x_shape, kernel_shape), padding in product(shapes, [0, "same", "full", "keep"]):
        name = f"conv2d {kernel_shape} on {x_shape}, {padding}"
        random = random_for(name)
        layer = {"type": "conv2d", "kernel": random.normal(size=kernel_shape), "padding": padding}
        yield Case("conv2d", name, [layer], random.normal(size=x_shape))
