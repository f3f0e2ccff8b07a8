"""A network's output band by band: each computed from no more of the picture than it depends on.

The numbers are those of the whole, to the last bit. That takes more than the right rows: a matrix
product adds up in an order that depends on its size and on where in it a number stands. So bands
are as wide as the map, begin where the whole begins a block of rows, and follow the plan that the
whole would have: every product of the whole is computed once more as it is, by whoever needs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import DTypeLike

from app.engine import average_pooling, interrupt, plan, pooling
from app.engine.band_geometry import Band, Cells, Reach, Rows, band_of, cells_of
from app.engine.errors import ShapeError
from app.engine.inspection import inspect, raise_problems
from app.engine.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    LeakyRelu,
    MaxPool2d,
    Prelu,
    Softmax,
    Window,
)
from app.engine.layers.base import Inference, Layer, Shape, map_size
from app.engine.layers.pointwise import Pointwise
from app.engine.padding import extend
from app.engine.problem import Array
from app.engine.setting import Setting, setting_of_shapes
from app.engine.taps import PoolWindow


class Stage(Protocol):
    """A layer that can be computed band by band."""

    @property
    def reach(self) -> Reach:
        """Which rows it needs for which."""

    def run(self, x: Array, rows: range) -> Array:
        """Return output rows, shape (N, C, len(rows), W), from what `reach.reads(rows)` names."""


@dataclass(frozen=True, eq=False)
class _Pointwise:
    """A layer whose every cell depends on the same cell of each channel."""

    layer: Layer
    parameters: Mapping[str, Array]
    reach: Reach

    def run(self, x: Array, rows: range) -> Array:
        del rows
        return self.layer.forward(x, self.parameters, keep=False).output


@dataclass(frozen=True, eq=False)
class _Pooling:
    """A pooling layer."""

    layer: MaxPool2d | AvgPool2d
    window: PoolWindow
    reach: Reach

    def run(self, x: Array, rows: range) -> Array:
        padding = (self.reach.pads(rows), self.window.padding[1])
        output = (len(rows), self.window.output[1])
        window = replace(self.window, padding=padding, output=output)
        if isinstance(self.layer, AvgPool2d):
            return average_pooling.avg_pool2d(x, window, self.layer.count_include_pad)
        return pooling.max_pool2d(x, window)


@dataclass(frozen=True, eq=False)
class _Convolution:
    """A convolution, its kernel turned already if it flips."""

    setting: Setting
    kernel: Array
    bias: Array | None
    reach: Reach

    def run(self, x: Array, rows: range) -> Array:
        whole, mode = self.setting.problem, self.setting.mode
        if mode != "zeros":
            x = extend(x, ((0, 0), self.setting.padding[1]), mode)
        problem = replace(
            whole,
            size=(x.shape[2], x.shape[3]),
            padding=(self.reach.pads(rows), whole.padding[1]),
            output=(len(rows), whole.output[1]),
            whole=whole,
        )
        out = np.empty(problem.output_shape, problem.dtype)
        plan.run(problem, x, self.kernel, self.bias, out)
        return out


@dataclass(frozen=True, eq=False)
class Banded:
    """A network of local layers that is computed band by band.

    Attributes:
        stages: Its layers.
        shapes: Shape of the input, and of each layer's output.
        dtype: float32 or float64.
    """

    stages: tuple[Stage, ...]
    shapes: tuple[Shape, ...]
    dtype: np.dtype[Any]

    def band(self, rows: range) -> Band:
        """Return what is read and computed for rows of the output."""
        return band_of([stage.reach for stage in self.stages], rows)

    def bands(self, working_bytes: int) -> list[Band]:
        """Return bands that make up the output, as high as memory allows.

        None but the last is lower than the coarsest grain of any layer: it would take no less
        memory, and compute most of that grain in vain.

        Args:
            working_bytes: What computing one of them should take at most.
        """
        height = self.shapes[-1][2]
        rows = grain = self._coarsest()
        while rows < height:
            # Somewhere in the middle, where nothing is cut off by the picture's edge.
            start = height // 2 // grain * grain
            taller = self.band(range(start, min(start + 2 * rows, height)))
            if self.bytes_of(taller) > working_bytes:
                break
            rows = 2 * rows
        return [
            self.band(range(start, min(start + rows, height))) for start in range(0, height, rows)
        ]

    def _coarsest(self) -> int:
        """Return how many rows of the output one grain of the coarsest layer makes."""
        most, step = 1, 1
        for stage in reversed(self.stages):
            most = max(most, -(-stage.reach.grain // step))
            step *= stage.reach.stride
        return most

    def bytes_of(self, band: Band) -> int:
        """Return what the band's maps take, at the layer that has most: input, its copy, output."""
        held = [
            sum(map(len, rows)) * shape[0] * shape[1] * shape[3]
            for rows, shape in zip((band.reads, *band.computed), self.shapes, strict=True)
        ]
        most = max(2 * taken + made for taken, made in zip(held, (*held[1:], 0), strict=True))
        return most * self.dtype.itemsize

    def compute(self, x: Array, band: Band) -> Array:
        """Return the band's rows of the output, shape (N, C, len(band.rows), W).

        Args:
            x: The rows `band.reads` of the picture one below the other, shape (N, C, rows, W).
            band: From `band` or `bands`.
        """
        here, maps = cells_of(band.reads), x.astype(self.dtype, copy=False)
        with np.errstate(all="ignore"):  # as in a forward pass of the whole
            for stage, computed in zip(self.stages, band.computed, strict=True):
                interrupt.check()
                maps = _computed(stage, maps, here, computed)
                here = cells_of(computed)
        return maps[:, :, _places(here, cells_of((band.rows,)))]


def _computed(stage: Stage, maps: Array, here: Cells, computed: Rows) -> Array:
    parts = []
    for rows in computed:
        taken = maps[:, :, _places(here, stage.reach.reads(rows))]
        parts.append(stage.run(taken, rows))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def _places(here: Cells, wanted: Cells) -> slice | Cells:
    """Return where rows stand among those that are here, as a slice where they are neighbours."""
    places = np.searchsorted(here, wanted)
    if places.size and (np.diff(places) == 1).all():
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


def banded(layers: Sequence[Layer], shape: Shape, dtype: DTypeLike = np.float32) -> Banded:
    """Return a network as one that is computed band by band.

    Args:
        layers: The network.
        shape: Shape of its input, (N, C, H, W).
        dtype: float32 or float64.

    Raises:
        EngineError: Every illegal layer as a NetworkError, or the first that is not local: it has
            path ("layers", i).
    """
    dtype = np.dtype(dtype)
    if len(shape) != 4 or 0 in shape:
        raise ShapeError(
            f"only pictures (N, C, H, W) that have cells are computed in bands, not {shape}.",
            ("input",),
            "shapes (N, C, H, W) without a 0",
        )
    reports = inspect(layers, shape, dtype)
    raise_problems(reports)
    stages: list[Stage] = []
    shapes: list[Shape] = [shape]
    for index, (layer, report) in enumerate(zip(layers, reports, strict=True)):
        inference = cast("Inference", report.inference)  # a legal layer has one
        stage = _stage(layer, shapes[-1], inference, dtype)
        if stage is None:
            raise _not_local(layer, index)
        stages.append(stage)
        shapes.append(inference.output_shape)
    return Banded(tuple(stages), tuple(shapes), dtype)


def _not_local(layer: Layer, index: int) -> ShapeError:
    name = "" if layer.name is None else f" {layer.name!r}"
    return ShapeError(
        f"layer {index}{name} is {layer.type}, which is not computed in bands; legal are conv2d, "
        "max_pool2d, avg_pool2d, batch_norm, softmax over channels and the activations.",
        ("layers", index),
        "local layers",
    )


def _stage(layer: Layer, shape: Shape, inference: Inference, dtype: np.dtype[Any]) -> Stage | None:
    window = inference.window
    if window is None:
        local = isinstance(layer, Pointwise | LeakyRelu | Prelu | BatchNorm)
        if local or (isinstance(layer, Softmax) and layer.axis % 4 == 1):
            reach = Reach(shape[2], shape[2])
            return _Pointwise(layer, layer.parameters(shape, dtype), reach)
        return None
    reach = Reach(
        size=shape[2],
        output=inference.output_shape[2],
        kernel=window.kernel[0],
        stride=window.stride[0],
        dilation=window.dilation[0],
        padding=window.padding[0],
        mode=window.mode,
    )
    if isinstance(layer, MaxPool2d | AvgPool2d):
        size = map_size(inference.output_shape)
        resolved = PoolWindow(window.kernel, window.stride, window.padding, window.dilation, size)
        return _Pooling(layer, resolved, reach)
    if isinstance(layer, Conv2d):
        return _convolution(layer, shape, window, dtype, reach)
    return None


def _convolution(
    layer: Conv2d, shape: Shape, window: Window, dtype: np.dtype[Any], reach: Reach
) -> Stage:
    parameters = layer.parameters(shape, dtype)
    kernel = parameters["kernel"]
    setting = setting_of_shapes(
        shape,
        kernel.shape,
        dtype,
        window.stride,
        window.padding,
        window.mode,
        window.dilation,
        window.groups,
        window.flip,
    )
    if window.flip:
        kernel = kernel[:, :, ::-1, ::-1]
    grain = plan.grain(setting.problem, kernel)
    return _Convolution(setting, kernel, parameters.get("bias"), replace(reach, grain=grain))
