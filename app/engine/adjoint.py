"""The gradient with respect to a convolution's input, computed as a convolution of the upstream.

At stride 1 the kernel is turned by 180° and its channels and filters trade places. At stride s the
s·s phases of the picture (cells with the same remainder) each see a part of the kernel: all of
them together are one convolution with s·s times the filters, whose maps are then interleaved.

Source: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016, section 4;
for the phases Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from app.engine import plan
from app.engine.algorithms import channel_sum, im2col
from app.engine.problem import Array, Problem

# Strides that multiply to more phases than this leave nearly all of them without a tap.
MOST_PHASES = 64 * 64


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the merged phases: cell s·q + phase − before of the picture is entry q − first.

    Attributes:
        stride: s.
        before: Padding at the picture's start.
        first: q of the picture's first cell.
        count: How many q there are.
        taps: How many taps of the kernel the largest phase sees.
    """

    stride: int
    before: int
    first: int
    count: int
    taps: int

    def pads(self, upstream: int) -> tuple[int, int]:
        """Return how many zeros the upstream gradient needs before and after; may be negative."""
        return self.taps - 1 - self.first, self.first + self.count - upstream

    def phases(self, size: int) -> Iterator[tuple[int, slice, slice]]:
        """Yield each phase, its cells in the picture, and their entries in its map."""
        for phase in range(self.stride):
            skipped = math.ceil((self.before - phase) / self.stride) - self.first
            cell = (self.first + skipped) * self.stride + phase - self.before
            count = len(range(cell, size, self.stride))
            yield phase, slice(cell, size, self.stride), slice(skipped, skipped + count)


def _axes(problem: Problem) -> list[_Axis]:
    numbers = zip(problem.size, problem.kernel, problem.stride, problem.padding, strict=True)
    return [
        _Axis(step, before, before // step, (size - 1 + before) // step - before // step + 1,
              -(-taps // step))
        for size, taps, step, (before, _) in numbers
    ]  # fmt: skip


def input_gradient(problem: Problem, upstream: Array, kernel: Array, out: Array) -> None:
    """Write the gradient with respect to x into `out`, which is contiguous."""
    taps = channel_sum.common_taps(problem, kernel)
    if taps is None:
        _write(problem, upstream, kernel, out)
        return
    # What is the same for all channels of a group is computed for one.
    single = np.empty((problem.batch, problem.groups, *problem.size), problem.dtype)
    _write(channel_sum.reduced(problem), upstream, taps, single)
    maps = out.reshape(problem.batch, problem.groups, problem.group_channels, *problem.size)
    maps[...] = single[:, :, None]


def _write(problem: Problem, upstream: Array, kernel: Array, out: Array) -> None:
    if problem.stride == (1, 1):
        done = _turned(problem, upstream, kernel, out)
    else:
        few = math.prod(problem.stride) <= MOST_PHASES
        done = few and problem.dilation == (1, 1) and _merged(problem, upstream, kernel, out)
    if not done:
        im2col.input_gradient(problem, upstream, kernel, out)


def _by_channel(problem: Problem, kernel: Array) -> Array:
    """Return the kernel as (groups, C/groups, O/groups, KH, KW)."""
    groups, filters = problem.groups, problem.group_filters
    split = kernel.reshape(groups, filters, *kernel.shape[1:])
    return split.transpose(0, 2, 1, 3, 4)


def _turned(problem: Problem, upstream: Array, kernel: Array, out: Array) -> bool:
    # Not span − after: with output_padding the upstream ends before the geometry's last cell.
    rows, cols = (
        (dilation * (taps - 1) - before, size + before - sent)
        for dilation, taps, (before, _), size, sent in zip(
            problem.dilation,
            problem.kernel,
            problem.padding,
            problem.size,
            problem.output,
            strict=True,
        )
    )
    if min(*rows, *cols) < 0:
        return False
    turned = _by_channel(problem, kernel)[..., ::-1, ::-1]
    adjoint = replace(
        problem,
        channels=problem.filters,
        filters=problem.channels,
        size=problem.output,
        padding=(rows, cols),
        output=problem.size,
    )
    plan.run(adjoint, upstream, turned.reshape(adjoint.kernel_shape), None, out)
    return True


def _merged(problem: Problem, upstream: Array, kernel: Array, out: Array) -> bool:
    rows, cols = _axes(problem)
    padding = rows.pads(problem.output[0]), cols.pads(problem.output[1])
    if min(*padding[0], *padding[1]) < 0:
        return False
    channels = problem.group_channels
    phases = np.zeros(
        (
            problem.groups,
            rows.stride,
            cols.stride,
            channels,
            problem.group_filters,
            rows.taps,
            cols.taps,
        ),
        problem.dtype,
    )
    by_channel = _by_channel(problem, kernel)
    for i in range(rows.stride):
        for j in range(cols.stride):
            part = by_channel[..., i :: rows.stride, j :: cols.stride][..., ::-1, ::-1]
            # Later taps meet earlier cells of the upstream; missing taps are zeros in front.
            top, left = rows.taps - part.shape[-2], cols.taps - part.shape[-1]
            phases[:, i, j, ..., top:, left:] = part
    adjoint = Problem(
        batch=problem.batch,
        channels=problem.filters,
        filters=problem.channels * rows.stride * cols.stride,
        groups=problem.groups,
        size=problem.output,
        kernel=(rows.taps, cols.taps),
        stride=(1, 1),
        dilation=(1, 1),
        padding=padding,
        output=(rows.count, cols.count),
        dtype=problem.dtype,
    )
    maps = np.empty(adjoint.output_shape, problem.dtype)
    plan.run(adjoint, upstream, phases.reshape(adjoint.kernel_shape), None, maps)
    # The zeros of missing taps spread what is not finite: the plain way does not.
    if not math.isfinite(np.dot(maps.ravel(), maps.ravel())):
        return False
    split = maps.reshape(
        problem.batch, problem.groups, rows.stride, cols.stride, channels, rows.count, cols.count
    )
    pictures = out.reshape(problem.batch, problem.groups, channels, *problem.size)
    for i, cells, entries in rows.phases(problem.size[0]):
        for j, row_cells, row_entries in cols.phases(problem.size[1]):
            pictures[..., cells, row_cells] = split[:, :, i, j][..., entries, row_entries]
    return True
