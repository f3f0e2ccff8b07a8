"""The convolution layers: what they take, which shapes they make, and how they run."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from app.engine import convolution, geometry, plan
from app.engine.arguments import check_flag, span
from app.engine.geometry import PADDING_NAMES, IntOrPair, PaddingLike
from app.engine.kernels import KernelLike, expand_kernel, filters_by_itself, full_kernel_shape
from app.engine.layers import memory
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
    expect_cells,
    map_size,
)
from app.engine.layers.view import Window
from app.engine.layers.windows import (
    AXES,
    PAIR_FORM,
    bounded,
    dilation_range,
    divisors,
    filters_range,
    formula,
    integers_from,
    largest_kernel,
    padding_of,
    pair_of,
    per_axis,
)
from app.engine.problem import like
from app.engine.setting import check_groups, checked_bias


class Convolving(Layer):
    """What convolutions and transposed convolutions share."""

    kernel: KernelLike
    bias: ArrayLike | None
    groups: int
    transposed: ClassVar[bool] = False

    @property
    def rank(self) -> int:
        """How many spatial axes the kernel slides over."""
        return self.reads or 0

    def full_kernel(self, channels: int) -> tuple[Array, int]:
        """Return the kernel in full form, and the number of groups, for C channels."""
        return expand_kernel(self.kernel, channels, self.groups, self.rank, self.transposed)

    def parameters(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, Array]:
        kernel, _ = self.full_kernel(shape[1])
        arrays = {"kernel": np.ascontiguousarray(kernel, dtype)}
        if self.bias is not None:
            arrays["bias"] = np.asarray(self.bias, dtype)
        return arrays

    def _check_bias(self, filters: int | None) -> None:
        """Raise ShapeError or ParameterError unless there is a number for each filter.

        Args:
            filters: None where the fault of another field hides how many there are.
        """
        dtype = np.dtype(np.float64)
        if filters is None and self.bias is not None:
            filters = like(self.bias, dtype, "bias").size
        checked_bias(self.bias, filters or 0, dtype)


@dataclass(frozen=True, eq=False)
class Conv2d(Convolving):
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

    def _window(self, problems: Problems) -> Window:
        """Return the window without its kernel and padding, noting what is illegal."""
        attempt = problems.attempt
        attempt(lambda: check_flag(self.flip, "flip"), None)
        return Window(
            kernel=(1, 1),
            stride=attempt(lambda: pair_of(self.stride, "stride", 1, self.rank), (1, 1)),
            dilation=attempt(lambda: pair_of(self.dilation, "dilation", 1, self.rank), (1, 1)),
            mode=attempt(self._checked_mode, "zeros"),
            flip=self.flip,
        )

    def _checked_mode(self) -> str:
        geometry.check_padding_mode(self.padding_mode)
        return self.padding_mode

    def check(self) -> None:
        problems = Problems()
        self._window(problems)
        problems.attempt(lambda: geometry.as_integer(self.groups, "groups", 1), 1)
        problems.raise_all()

    def infer(self, shape: Shape) -> Inference:
        expect_axes(self, shape, self.rank + 2)
        expect_cells(self, shape)
        problems = Problems()
        window = self._window(problems)
        kernel, groups = self._kernel_shape(shape[1], problems)
        if kernel:
            problems.attempt(lambda: self._check_bias(kernel[0]), None)
            taps = (1, *kernel[2:])
            window = dataclasses.replace(window, kernel=(taps[-2], taps[-1]), groups=groups)
        else:
            filters = problems.attempt(lambda: filters_by_itself(self.kernel, self.rank), None)
            problems.attempt(lambda: self._check_bias(filters), None)
        # What is illegal about the padding itself is told beside other problems.
        padding = problems.attempt(
            partial(padding_of, self.padding, map_size(shape), window, self.rank), window.padding
        )
        if not problems.errors:
            window = dataclasses.replace(window, padding=padding)
            spatial = self._sizes(shape, window, problems)
        problems.raise_all()
        output = (shape[0], kernel[0], *spatial)
        scratch = memory.of_convolution(shape, kernel, window, output)
        bias = 0 if self.bias is None else kernel[0]
        return Inference(
            output,
            formula(window, shape, output),
            window,
            parameters=math.prod(kernel) + bias,
            multiply_adds=math.prod(output) * math.prod(kernel[1:]),
            scratch=scratch.forward,
            backward_scratch=scratch.backward,
        )

    def _kernel_shape(self, channels: int, problems: Problems) -> tuple[Shape, int]:
        counts = ((channels, "input channels"),)
        groups = problems.attempt(lambda: check_groups(self.groups, counts), 0)
        if not groups:
            return (), 0
        none: tuple[Shape, int] = ((), 0)
        return problems.attempt(
            lambda: full_kernel_shape(self.kernel, channels, groups, self.rank), none
        )

    def _sizes(self, shape: Shape, window: Window, problems: Problems) -> list[int]:
        sizes = []
        for axis in range(2 - self.rank, 2):
            check = partial(
                geometry.output_size,
                map_size(shape)[axis],
                window.kernel[axis],
                window.stride[axis],
                window.dilation[axis],
                *window.padding[axis],
                AXES[self.rank][axis],
            )
            sizes.append(problems.attempt(check, 0))
        return sizes

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        if len(shape) != self.rank + 2:
            return {}
        size, channels, rank = map_size(shape), shape[1], self.rank
        window = self._window(Problems())
        kernel, groups = self._kernel_shape(channels, Problems())
        taps = "KH, KW" if rank == 2 else "K"
        share = channels // (groups or 1)
        forms = f"(O, {share}, {taps}), ({channels}, {taps}) or ({taps}), a preset, or random"
        ranges = {
            "kernel": forms + filters_range(bounds),
            "bias": f"null, or {kernel[0]} numbers" if kernel else "null, or O numbers",
            "stride": f"{integers_from(1, bounds.stride)}{PAIR_FORM[rank]}",
            "padding": self._legal_padding(size, window),
            "padding_mode": ", ".join(geometry.PADDING_MODES),
            "dilation": f"integers ≥ 1{PAIR_FORM[rank]}",
            "groups": divisors(channels),
            "flip": "true or false",
        }
        if kernel and not (isinstance(self.padding, str) and self.padding != "valid"):
            last = (1, *kernel[2:])
            window = dataclasses.replace(window, kernel=(last[-2], last[-1]))
            padding = Problems().attempt(
                lambda: padding_of(self.padding, size, window, rank), ((0, 0), (0, 0))
            )
            most = bounded(largest_kernel(size, padding, window.dilation), bounds.taps)
            ranges["kernel"] += "; taps: " + per_axis(rank, [span(1, n) for n in most])
            ranges["dilation"] = dilation_range(size, padding, window.kernel, rank)
        elif bounds.taps is not None:
            ranges["kernel"] += f"; taps: {span(1, bounds.taps)}"
        return ranges

    def _legal_padding(self, size: tuple[int, int], window: Window) -> str:
        reach = {"reflect": [n - 1 for n in size], "circular": list(size)}.get(window.mode)
        numbers = (
            f"integers, {per_axis(self.rank, [f'0 to {n}' for n in reach])}"
            if reach
            else "integers ≥ 0"
        )
        forms = (
            "a pair (rows, cols), ((top, bottom), (left, right))"
            if self.rank == 2
            else "a pair (left, right)"
        )
        return f"{numbers}, {forms}, or {', '.join(PADDING_NAMES)}"

    def _keywords(self, groups: int) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "padding_mode": self.padding_mode,
            "dilation": self.dilation,
            "groups": groups,
            "flip": self.flip,
        }

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        kernel = parameters["kernel"]
        groups = x.shape[1] // kernel.shape[1]
        run = convolution.conv2d if self.rank == 2 else convolution.conv1d
        with plan.recording() as plans:
            output = run(x, kernel, parameters.get("bias"), **self._keywords(groups))
        return Result(output, None, plans[0].algorithm, plans[0].reason)

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        kernel = parameters["kernel"]
        groups = x.shape[1] // kernel.shape[1]
        run = convolution.conv2d_backward if self.rank == 2 else convolution.conv1d_backward
        grads = run(upstream, x, kernel, **self._keywords(groups), wanted=tuple(wanted))
        return {field: getattr(grads, field) for field in wanted}


@dataclass(frozen=True, eq=False)
class Conv1d(Conv2d):
    """1-D convolution over (N, C, L)."""

    type: ClassVar[str] = "conv1d"
    reads: ClassVar[int | None] = 1
