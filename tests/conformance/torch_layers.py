"""Every layer type of the API in PyTorch's own functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tests.conformance.case import Array, Refused, Spec, parameters_of
from tests.conformance.torch_padding import every_axis, pads_of

Parameters = Mapping[str, Tensor]
PRESETS = {"sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]}


def full_kernel(layer: Spec, channels: int) -> Tensor:
    """Return the kernel of a convolution with all its axes: (O, C/groups, …)."""
    kernel, spatial = layer["kernel"], axes_of(layer)
    if isinstance(kernel, Mapping):
        kernel = PRESETS[kernel["preset"]]
    kernel = torch.tensor(kernel, dtype=torch.float64)
    if kernel.ndim == spatial + 1:
        return kernel[None]
    return kernel.expand(channels, 1, *kernel.shape) if kernel.ndim == spatial else kernel


def is_depthwise(layer: Spec) -> bool:
    """Return whether the kernel is one that each channel meets by itself."""
    return isinstance(layer["kernel"], Mapping) or layer["kernel"].ndim == axes_of(layer)


def axes_of(layer: Spec) -> int:
    """Return how many spatial axes the layer type has in its name."""
    return 1 if layer["type"].endswith("1d") else 2


def _convolution(layer: Spec, x: Tensor, p: Parameters) -> Tensor:
    axes, kernel = axes_of(layer), p["kernel"]
    stride = every_axis(layer.get("stride", 1), axes)
    dilation = every_axis(layer.get("dilation", 1), axes)
    mode = layer.get("padding_mode", "zeros")
    sizes, taps = x.shape[2:], kernel.shape[2:]
    pads = pads_of(layer.get("padding", 0), sizes, taps, stride, dilation, mode)
    for size, tap, gap, around in zip(sizes, taps, dilation, pads, strict=True):
        if size + sum(around) < gap * (tap - 1) + 1:
            raise Refused("the kernel is larger than the padded input")
    groups = x.shape[1] if is_depthwise(layer) else layer.get("groups", 1)
    if layer.get("flip"):
        kernel = kernel.flip(tuple(range(2, 2 + axes)))
    convolve = functional.conv1d if axes == 1 else functional.conv2d
    padded = _padded(x, pads, mode)
    return convolve(padded, kernel, p.get("bias"), stride, 0, dilation, groups)


def _padded(x: Tensor, pads: Sequence[tuple[int, int]], mode: str, value: float = 0.0) -> Tensor:
    flat = [cells for around in reversed(pads) for cells in around]
    if not any(flat):
        return x
    if mode == "zeros":
        return functional.pad(x, flat, value=value)
    return functional.pad(x, flat, mode=mode)


def _transposed(layer: Spec, x: Tensor, p: Parameters) -> Tensor:
    axes, kernel = axes_of(layer), p["kernel"]
    stride = every_axis(layer.get("stride", 1), axes)
    dilation = every_axis(layer.get("dilation", 1), axes)
    extra = every_axis(layer.get("output_padding", 0), axes)
    spread = functional.conv_transpose1d if axes == 1 else functional.conv_transpose2d
    pads = pads_of(layer.get("padding", 0), x.shape[2:], kernel.shape[2:], stride, dilation)
    groups = layer.get("groups", 1)
    bare = spread(x, kernel, None, stride, 0, extra, groups, dilation)
    for axis, around in enumerate(pads, 2):
        size = bare.shape[axis] - sum(around)
        if size < 1:
            raise Refused("padding leaves nothing of the output")
        bare = bare.narrow(axis, around[0], size)
    return bare + p["bias"].reshape(-1, *[1] * axes) if "bias" in p else bare


def _pool_steps(layer: Spec, x: Tensor) -> dict[str, Any]:
    axes = axes_of(layer)
    size = every_axis(layer["size"], axes)
    padding = every_axis(layer.get("padding", 0), axes)
    dilation = every_axis(layer.get("dilation", 1), axes)
    if any(p > k / 2 for p, k in zip(padding, size, strict=True)):
        raise Refused("padding is wider than half of the window")
    stride = every_axis(layer.get("stride") or size, axes)
    ceil_mode = layer.get("ceil_mode", False)
    for length, k, s, p, d in zip(x.shape[2:], size, stride, padding, dilation, strict=True):
        rest = length + 2 * p - d * (k - 1) - 1
        if (-(-rest // s) if ceil_mode else rest // s) < 0:
            raise Refused("no window fits into the padded input")
    return {"kernel_size": size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}


def _max_pool(layer: Spec, x: Tensor, _: Parameters) -> Tensor:
    axes = axes_of(layer)
    pool = functional.max_pool1d if axes == 1 else functional.max_pool2d
    return pool(x, dilation=every_axis(layer.get("dilation", 1), axes), **_pool_steps(layer, x))


def _avg_pool(layer: Spec, x: Tensor, _: Parameters) -> Tensor:
    pool = functional.avg_pool1d if axes_of(layer) == 1 else functional.avg_pool2d
    inside = layer.get("count_include_pad", True)
    return pool(x, count_include_pad=inside, **_pool_steps(layer, x))


def _global_avg_pool(_: Spec, x: Tensor, __: Parameters) -> Tensor:
    return x.mean(tuple(range(2, x.ndim)), keepdim=True)


def _global_max_pool(_: Spec, x: Tensor, __: Parameters) -> Tensor:
    pool = functional.max_pool1d if x.ndim == 3 else functional.max_pool2d
    return pool(x, tuple(x.shape[2:]))


def _batch_norm(layer: Spec, x: Tensor, p: Parameters) -> Tensor:
    # PyTorch's own has no derivative with respect to running statistics; the API gives one.
    along = {name: vector.reshape(-1, *[1] * (x.ndim - 2)) for name, vector in p.items()}
    scale = along.get("weight", 1.0) / torch.sqrt(along["variance"] + layer.get("eps", 1e-5))
    return (x - along["mean"]) * scale + along.get("bias", 0.0)


def _dense(_: Spec, x: Tensor, p: Parameters) -> Tensor:
    return functional.linear(x.flatten(1), p["weight"], p.get("bias"))


def _plain(function: Callable[[Tensor], Tensor]) -> Callable[[Spec, Tensor, Parameters], Tensor]:
    return lambda _, x, __: function(x)


APPLY: dict[str, Callable[[Spec, Tensor, Parameters], Tensor]] = {
    "conv2d": _convolution,
    "conv1d": _convolution,
    "conv_transpose2d": _transposed,
    "conv_transpose1d": _transposed,
    "max_pool2d": _max_pool,
    "max_pool1d": _max_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool1d": _avg_pool,
    "global_avg_pool": _global_avg_pool,
    "global_max_pool": _global_max_pool,
    "relu": _plain(functional.relu),
    "leaky_relu": lambda layer, x, _: functional.leaky_relu(x, layer.get("slope", 0.01)),
    "prelu": lambda _, x, p: functional.prelu(x, p["weight"].reshape(-1)),
    "elu": _plain(functional.elu),
    "sigmoid": _plain(torch.sigmoid),
    "tanh": _plain(torch.tanh),
    "softplus": _plain(functional.softplus),
    "gelu": _plain(functional.gelu),
    "silu": _plain(functional.silu),
    "abs": _plain(torch.abs),
    "square": _plain(torch.square),
    "identity": _plain(torch.clone),
    "batch_norm": _batch_norm,
    "flatten": _plain(lambda x: x.flatten(1)),
    "dense": _dense,
    "softmax": lambda layer, x, _: functional.softmax(x, layer.get("axis", 1)),
    "log_softmax": lambda layer, x, _: functional.log_softmax(x, layer.get("axis", 1)),
}


def parameters(layer: Spec, channels: int) -> dict[str, Array]:
    """Return a layer's arrays in full form, for an input of so many channels."""
    given = {key: layer[key] for key in parameters_of(layer)}
    if "kernel" in given and not layer["type"].startswith("conv_transpose"):
        given["kernel"] = full_kernel(layer, channels)
    return given
