"""ONNX nodes that slide a window, in the words of the API."""

import math
from collections.abc import Sequence
from typing import Any

from tests.conformance.onnx_node import Node, NotApplicable, Translation, spatial_axes


def _whole(values: Sequence[int]) -> int | list[int]:
    """Return one number for one axis, a list for two, as the API writes them."""
    return int(values[0]) if len(values) == 1 else [int(value) for value in values]


def _pads(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    axes = len(kernel)
    auto = node.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        flat = node.get("pads", [0] * 2 * axes)
        return list(zip(flat[:axes], flat[axes:], strict=True))
    strides = node.get("strides", [1] * axes)
    dilations = node.get("dilations", [1] * axes)
    pads = []
    for size, taps, step, gap in zip(sizes, kernel, strides, dilations, strict=True):
        outputs = math.ceil(size / step)
        total = max(0, (outputs - 1) * step + gap * (taps - 1) + 1 - size)
        pads.append(_split(total, lower=auto == "SAME_LOWER"))
    return pads


def _split(total: int, lower: bool) -> tuple[int, int]:
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def _steps(node: Node, axes: int) -> dict[str, Any]:
    return {
        "stride": _whole(node.get("strides", [1] * axes)),
        "dilation": _whole(node.get("dilations", [1] * axes)),
    }


def _as_padding(pads: list[tuple[int, int]]) -> list[Any]:
    return list(pads[0]) if len(pads) == 1 else [list(around) for around in pads]


def conv(node: Node) -> Translation:
    """Translate Conv."""
    kernel = node.inputs[1]
    axes = spatial_axes(kernel)
    names = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower"}
    pads = _as_padding(_pads(node, node.x.shape[2:], kernel.shape[2:]))
    layer = {
        "type": f"conv{axes}d",
        "kernel": kernel,
        "bias": node.optional(2),
        "padding": names.get(node.get("auto_pad"), pads),
        "groups": node.get("group", 1),
        **_steps(node, axes),
    }
    return Translation([layer], node.x)


def conv_transpose(node: Node) -> Translation:
    """Translate ConvTranspose."""
    kernel = node.inputs[1]
    axes = spatial_axes(kernel)
    extra = list(node.get("output_padding", [0] * axes))
    pads = _pads(node, [1] * axes, [1] * axes)
    if node.get("output_shape") or node.get("auto_pad", "NOTSET") != "NOTSET":
        pads, extra = _fitted(node, axes, kernel.shape[2:])
    layer = {
        "type": f"conv_transpose{axes}d",
        "kernel": kernel,
        "bias": node.optional(2),
        "padding": _as_padding(pads),
        "output_padding": _whole(extra),
        "groups": node.get("group", 1),
        **_steps(node, axes),
    }
    return Translation([layer], node.x)


def _fitted(node: Node, axes: int, taps: Sequence[int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the padding or output padding that gives the output shape asked for."""
    strides, dilations = node.get("strides", [1] * axes), node.get("dilations", [1] * axes)
    sizes = node.x.shape[2:]
    same = [size * step for size, step in zip(sizes, strides, strict=True)]
    wanted = node.get("output_shape", same)
    bare = [
        (size - 1) * step + gap * (tap - 1) + 1
        for size, step, gap, tap in zip(sizes, strides, dilations, taps, strict=True)
    ]
    surplus = [has - should for has, should in zip(bare, wanted, strict=True)]
    lower = node.get("auto_pad") == "SAME_LOWER"
    return [_split(max(0, s), lower) for s in surplus], [max(0, -s) for s in surplus]


def _pool_window(node: Node) -> tuple[int, dict[str, Any]]:
    axes = spatial_axes(node.x)
    kernel = node.get("kernel_shape")
    pads = _pads(node, node.x.shape[2:], kernel)
    if any(before != after for before, after in pads):
        raise NotApplicable("padding of a pool on one side only")
    if any(before > size / 2 for (before, _), size in zip(pads, kernel, strict=True)):
        raise NotApplicable("padding of a pool wider than half of its window")
    return axes, {
        "size": _whole(kernel),
        "padding": _whole([before for before, _ in pads]),
        "ceil_mode": bool(node.get("ceil_mode", 0)),
        **_steps(node, axes),
    }


def max_pool(node: Node) -> Translation:
    """Translate MaxPool; of its outputs the values alone."""
    axes, window = _pool_window(node)
    return Translation([{"type": f"max_pool{axes}d", **window}], node.x)


def avg_pool(node: Node) -> Translation:
    """Translate AveragePool."""
    axes, window = _pool_window(node)
    if window.pop("dilation") not in (1, [1, 1]):
        raise NotApplicable("dilated average pooling")
    inside = bool(node.get("count_include_pad", 0))
    layer = {"type": f"avg_pool{axes}d", "count_include_pad": inside, **window}
    return Translation([layer], node.x)
