"""The transposed convolution layers."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from app.engine import geometry, plan, transposed
from app.engine.arguments import Pair, span
from app.engine.errors import ShapeError
from app.engine.geometry import IntOrPair, PaddingLike
from app.engine.kernels import KernelLike, filters_by_itself, transposed_kernel_shape
from app.engine.layers import memory
from app.engine.layers.base import (
    UNBOUNDED,
    Array,
    Bounds,
    Inference,
    Problems,
    Result,
    Shape,
    expect_axes,
    expect_cells,
    map_size,
)
from app.engine.layers.convolutions import Convolving
from app.engine.layers.view import Window
from app.engine.layers.windows import (
    AXES,
    PAIR_FORM,
    divisors,
    filters_range,
    integers_from,
    padding_of,
    pair_of,
    per_axis,
)
from app.engine.setting import check_groups
from app.engine.transposed_setting import check_output_padding, check_padding


@dataclass(frozen=True, eq=False)
class ConvTranspose2d(Convolving):
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
    transposed: ClassVar[bool] = True

    def _window(self, problems: Problems) -> tuple[Window, Pair]:
        """Return the window without kernel and padding, and output_padding."""
        stride = problems.attempt(lambda: pair_of(self.stride, "stride", 1, self.rank), (1, 1))
        dilation = problems.attempt(
            lambda: pair_of(self.dilation, "dilation", 1, self.rank), (1, 1)
        )
        extra = problems.attempt(
            lambda: pair_of(self.output_padding, "output_padding", 0, self.rank), (0, 0)
        )
        problems.attempt(lambda: check_output_padding(extra, stride, dilation), None)
        problems.attempt(lambda: check_padding(self.padding), None)
        return Window((1, 1), stride, dilation, transposed=True), extra

    def check(self) -> None:
        problems = Problems()
        self._window(problems)
        problems.attempt(lambda: geometry.as_integer(self.groups, "groups", 1), 1)
        problems.raise_all()

    def infer(self, shape: Shape) -> Inference:
        expect_axes(self, shape, self.rank + 2)
        expect_cells(self, shape)
        problems = Problems()
        window, extra = self._window(problems)
        kernel, groups = self._kernel_shape(shape[1], problems)
        filters = kernel[1] * groups if kernel else 0
        if not kernel:
            problems.attempt(lambda: filters_by_itself(self.kernel, self.rank), None)
        problems.attempt(lambda: self._check_bias(filters if kernel else None), None)
        if not isinstance(self.padding, str):
            padding = partial(padding_of, self.padding, map_size(shape), window, self.rank)
            problems.attempt(padding, window.padding)
        problems.raise_all()
        window = self._resolved(window, kernel, groups, shape)
        spatial, lines = self._sizes(shape, window, extra)
        output = (shape[0], filters, *spatial)
        scratch = memory.of_transposed(shape, kernel, window, output)
        return Inference(
            output,
            "; ".join(lines),
            window,
            parameters=math.prod(kernel) + (0 if self.bias is None else filters),
            multiply_adds=math.prod(shape) * math.prod(kernel[1:]),
            scratch=scratch.forward,
            backward_scratch=scratch.backward,
        )

    def _kernel_shape(self, channels: int, problems: Problems) -> tuple[Shape, int]:
        counts = ((channels, "input channels"),)
        groups = problems.attempt(lambda: check_groups(self.groups, counts), 0)
        none: tuple[Shape, int] = ((), 0)
        if not groups:
            return none
        return problems.attempt(
            lambda: transposed_kernel_shape(self.kernel, channels, groups, self.rank), none
        )

    def _resolved(self, window: Window, kernel: Shape, groups: int, shape: Shape) -> Window:
        taps = (1, *kernel[2:])
        window = dataclasses.replace(window, kernel=(taps[-2], taps[-1]), groups=groups)
        padding = padding_of(self.padding, map_size(shape), window, self.rank)
        return dataclasses.replace(window, padding=padding)

    def _sizes(self, shape: Shape, window: Window, extra: Pair) -> tuple[list[int], list[str]]:
        problems, sizes, lines = Problems(), [], []
        for axis in range(2 - self.rank, 2):
            n, k, s = map_size(shape)[axis], window.kernel[axis], window.stride[axis]
            d, (before, after), e = window.dilation[axis], window.padding[axis], extra[axis]
            name = AXES[self.rank][axis]
            try:
                size = geometry.transposed_size(n, k, s, d, before, after, e, name)
            except ShapeError as error:
                problems.add(error)
                continue
            sizes.append(size)
            lines.append(
                f"{name}: ({n}−1)·{s} − {before} − {after} + {d}·({k}−1) + {e} + 1 = {size}"
            )
        problems.raise_all()
        return sizes, lines

    def legal(self, shape: Shape, bounds: Bounds = UNBOUNDED) -> dict[str, str]:
        if len(shape) != self.rank + 2:
            return {}
        channels, rank = shape[1], self.rank
        window, _ = self._window(Problems())
        kernel, groups = self._kernel_shape(channels, Problems())
        taps = "KH, KW" if rank == 2 else "K"
        most = [span(0, max(a, b) - 1) for a, b in zip(window.stride, window.dilation, strict=True)]
        return {
            "kernel": f"({channels}, O/groups, {taps}), ({channels}, {taps}) or ({taps}), "
            "a preset, or random"
            + filters_range(bounds)
            + ("" if bounds.taps is None else f"; taps: {span(1, bounds.taps)}"),
            "bias": f"null, or {kernel[1] * groups} numbers" if kernel else "null, or O numbers",
            "stride": f"{integers_from(1, bounds.stride)}{PAIR_FORM[rank]}",
            "padding": "integers ≥ 0, or for each side, that leave at least one cell of output",
            "output_padding": f"integers, {per_axis(rank, most)}",
            "dilation": f"integers ≥ 1{PAIR_FORM[rank]}",
            "groups": divisors(channels),
        }

    def _keywords(self, groups: int) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "output_padding": self.output_padding,
            "dilation": self.dilation,
            "groups": groups,
        }

    def _groups(self, x: Array) -> int:
        return self._kernel_shape(x.shape[1], Problems())[1]

    def forward(self, x: Array, parameters: Mapping[str, Array], keep: bool = True) -> Result:
        run = transposed.conv_transpose2d if self.rank == 2 else transposed.conv_transpose1d
        keywords = self._keywords(self._groups(x))
        with plan.recording() as plans:
            output = run(x, parameters["kernel"], parameters.get("bias"), **keywords)
        chosen = plans[0] if plans else plan.Plan("adjoint", "the input gradient of a convolution.")
        return Result(output, None, chosen.algorithm, chosen.reason)

    def backward(
        self,
        upstream: Array,
        x: Array,
        result: Result,
        parameters: Mapping[str, Array],
        wanted: frozenset[str],
    ) -> dict[str, Array]:
        two = self.rank == 2
        run = transposed.conv_transpose2d_backward if two else transposed.conv_transpose1d_backward
        keywords = self._keywords(self._groups(x))
        grads = run(upstream, x, parameters["kernel"], **keywords, wanted=tuple(wanted))
        return {field: getattr(grads, field) for field in wanted}


@dataclass(frozen=True, eq=False)
class ConvTranspose1d(ConvTranspose2d):
    """Transposed 1-D convolution over (N, C, L); kernel (C, O/groups, K)."""

    type: ClassVar[str] = "conv_transpose1d"
    reads: ClassVar[int | None] = 1
