"""The padding names of the API, written a second time from the definitions alone."""

import math
from collections.abc import Sequence
from typing import Any

from tests.conformance.case import Refused


def every_axis(value: Any, axes: int) -> list[int]:
    """Return one number for each spatial axis."""
    return [value] * axes if isinstance(value, int) else list(value)


def pads_of(
    padding: Any,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    mode: str = "zeros",
) -> list[tuple[int, int]]:
    """Return (before, after) for each spatial axis.

    Raises:
        Refused: It is wider than the padding mode can fill.
    """
    axes = len(sizes)
    if isinstance(padding, str):
        pads = [named(padding, *each) for each in zip(sizes, kernel, stride, dilation, strict=True)]
    elif isinstance(padding, int):
        pads = [(padding, padding)] * axes
    elif axes == 1:
        pads = [tuple(padding)]
    else:
        pads = [(p, p) if isinstance(p, int) else tuple(p) for p in padding]
    for (before, after), size in zip(pads, sizes, strict=True):
        room = {"zeros": math.inf, "replicate": math.inf, "reflect": size - 1, "circular": size}
        if max(before, after) > room[mode]:
            raise Refused(f"{mode} padding of {before}, {after} around {size}")
    return pads


def named(name: str, size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return (before, after) along one axis for a padding given by name."""
    reach = dilation * (kernel - 1)
    if name == "valid":
        return 0, 0
    if name == "full":
        return reach, reach
    wanted = size if name == "keep" else math.ceil(size / stride)
    total = max(0, (wanted - 1) * stride + reach + 1 - size)
    small, large = total // 2, math.ceil(total / 2)
    return (large, small) if name == "same_lower" else (small, large)
