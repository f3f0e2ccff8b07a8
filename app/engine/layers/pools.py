"""Pooling layers: a window's maximum or average, or that of the whole map."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from app.engine import average_pooling, geometry, pooling
from app.engine.arguments import check_flag, span, written
from app.engine.errors import ParameterError
from app.engine.geometry import IntOrPair, Padding, Pair
from app.engine.layers.base import (
    UNBOUNDED,
    Array,
    Bounds,
    Inference,
    Layer,
    Problems,
    Result,
    Shape,
    expect_axes,
    map_size,
)
from app.engine.layers.view import Window
from app.engine.layers.windows import (
    AXES,
    PAIR_FORM,
    bounded,
    formula,
    integers_from,
    largest_kernel,
    pair_of,
    per_axis,
)


class Pooling(Layer):
    """What max and average pooling share."""

    size: IntOrPair
    stride: IntOrPair | None
    padding: IntOrPair
    ceil_mode: bool
    dilation: IntOrPair = 1

    @property
    def rank(self) -> int:
        """How many spatial axes the window slides over."""
        return self.reads or 0

    def _pair(self, problems: Problems, field: str, minimum: int) -> Pair:
        value = getattr(self, field)
        check = partial(pair_of, value, field, minimum, self.rank)
        return problems.attempt(check, (minimum, minimum))

    def _window(self, problems: Problems) -> Window:
        size = self._pair(problems, "size", 1)
        stride = size if self.stride is None else self._pair(problems, "stride", 1)
        pads = self._pair(problems, "padding", 0)
        problems.attempt(lambda: check_flag(self.ceil_mode, "ceil_mode"), None)
        if any(pad > extent // 2 for pad, extent in zip(pads, size, strict=True)):
            legal = self._halves(size)
            problems.add(
                ParameterError(
                    f"padding is {written(self.padding)}, more than half of the window; legal: "
                    f"{legal}.",
                    ("padding",),
                    legal,
                )
            )
        padding: Padding = ((pads[0], pads[0]), (pads[1], pads[1]))
        return Window(size, stride, self._pair(problems, "dilation", 1), padding)

    def _halves(self, size: Pair) -> str:
        halves = per_axis(self.rank, [span(0, extent // 2) for extent in size])
        return f"integers, {halves}{PAIR_FORM[self.rank]}"

    def check(self) -> None:
        problems = Problems()
        self._window(problems)
        problems.raise_all()

    def infer(self, shape: Shape) -> Inference:
        expect_axes(self, shape, self.rank + 2)
        problems = Problems()
        window = self._window(problems)
        problems.raise_all()
        sizes = [problems.attempt(partial(self._pooled, shape, window, a), 0) for a in (0, 1)]
        problems.raise_all()
        output = (*shape[:2], *sizes[2 - self.rank :])
        return Inference(
            output,
            formula(window, shape, output, self.ceil_mode),
            window,
            multiply_adds=self._multiply_adds(output, window),
            **self._memory(math.prod(shape), math.prod(output)),
        )

    @abc.abstractmethod
    def _memory(self, taken: int, made: int) -> dict[str, int]:
        """Return kept, scratch and backward_scratch for so many numbers in and out."""

    def _pooled(self, shape: Shape, window: Window, axis: int) -> int:
        return geometry.pooled_size(
            map_size(shape)[axis],
            window.kernel[axis],
            window.stride[axis],
            window.dilation[axis],
            *window.padding[axis],
            self.ceil_mode,
            AXES[self.rank][axis],
        )

    def _multiply_adds(self, output: Shape, window: Window) -> int:
        del output, window
        return 0

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        if len(shape) != self.rank + 2:
            return {}
        window = self._window(Problems())
        most = bounded(
            largest_kernel(map_size(shape), window.padding, window.dilation), bounds.taps
        )
        return {
            "size": f"integers, {per_axis(self.rank, [span(1, n) for n in most])}",
            "stride": f"null, or {integers_from(1, bounds.stride)}{PAIR_FORM[self.rank]}",
            "padding": self._halves(window.kernel),
            "ceil_mode": "true or false",
        }

    def _maps(self, x: Array) -> Array:
        return x if self.rank == 2 else x[:, :, np.newaxis]

    def _resolved(self, shape: Shape) -> pooling.PoolWindow:
        inference = self.infer(shape)
        window = self._window(Problems())
        return pooling.PoolWindow(
            window.kernel,
            window.stride,
            window.padding,
            window.dilation,
            map_size(inference.output_shape),
        )


@dataclass(frozen=True, eq=False)
class MaxPool2d(Pooling):
    """The maximum of each window; the first in row-major order takes the whole gradient."""

    size: IntOrPair
    stride: IntOrPair | None = None
    padding: IntOrPair = 0
    dilation: IntOrPair = 1
    ceil_mode: bool = False
    name: str | None = None

    type: ClassVar[str] = "max_pool2d"
    reads: ClassVar[int | None] = 2
    kink: ClassVar[str] = "another cell becomes the maximum"

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        ranges = super().legal(shape, bounds)
        if ranges:
            ranges["dilation"] = f"integers ≥ 1{PAIR_FORM[self.rank]}"
        return ranges

    def _memory(self, taken: int, made: int) -> dict[str, int]:
        # A row at a time has no columns to go through first.
        scratch = taken if self.rank == 2 else 9 * taken // 4
        return {"kept": 2 * made, "scratch": scratch, "backward_scratch": taken // 10}

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        maps, window = self._maps(x), self._resolved(x.shape)
        if not keep:
            return Result(
                _like(pooling.max_pool2d(maps, window), x),
                None,
                "separable",
                "columns first, then rows.",
            )
        out, chosen = pooling.max_pool2d_chosen(maps, window)
        return Result(_like(out, x), chosen, "separable", "rows first, then columns.")

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        window = self._resolved(x.shape)
        grad = pooling.max_pool2d_backward(
            self._maps(upstream), self._maps(x), window, result.context
        )
        return {"input": _like(grad, x)}

    def pieces(self, x: Array, result: Result) -> Array:
        window = self._resolved(x.shape)
        places = result.context
        if places is None:
            _, places = pooling.max_pool2d_chosen(self._maps(x), window)
        return pooling.winners(window, places, x.shape[-1])


@dataclass(frozen=True, eq=False)
class MaxPool1d(MaxPool2d):
    """The maximum of each window of a sequence (N, C, L)."""

    type: ClassVar[str] = "max_pool1d"
    reads: ClassVar[int | None] = 1


@dataclass(frozen=True, eq=False)
class AvgPool2d(Pooling):
    """The average of each window; `count_include_pad` counts padding in the divisor."""

    size: IntOrPair
    stride: IntOrPair | None = None
    padding: IntOrPair = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    name: str | None = None

    type: ClassVar[str] = "avg_pool2d"
    reads: ClassVar[int | None] = 2

    def _window(self, problems: Problems) -> Window:
        problems.attempt(lambda: check_flag(self.count_include_pad, "count_include_pad"), None)
        return super()._window(problems)

    def _multiply_adds(self, output: Shape, window: Window) -> int:
        return math.prod(output) * window.kernel[0] * window.kernel[1]

    def _memory(self, taken: int, made: int) -> dict[str, int]:
        return {"scratch": made, "backward_scratch": made + taken // 10}

    def divisors(self, shape: Shape) -> Array:
        """Return by what each output cell's sum is divided, shape (rows, cols)."""
        return average_pooling.divisors(
            map_size(shape), self._resolved(shape), self.count_include_pad
        )

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        ranges = super().legal(shape, bounds)
        if ranges:
            ranges["count_include_pad"] = "true or false"
        return ranges

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        window = self._resolved(x.shape)
        out = average_pooling.avg_pool2d(self._maps(x), window, self.count_include_pad)
        return Result(_like(out, x), None, "separable", "columns first, then rows.")

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        window = self._resolved(x.shape)
        grad = average_pooling.avg_pool2d_backward(
            self._maps(upstream), self._maps(x), window, self.count_include_pad
        )
        return {"input": _like(grad, x)}


@dataclass(frozen=True, eq=False)
class AvgPool1d(AvgPool2d):
    """The average of each window of a sequence (N, C, L)."""

    type: ClassVar[str] = "avg_pool1d"
    reads: ClassVar[int | None] = 1


def _like(maps: Array, x: Array) -> Array:
    return maps if x.ndim == 4 else maps[:, :, 0]
