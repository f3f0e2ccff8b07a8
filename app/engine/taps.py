"""Which input cells each cell of a pooling window meets, block by block."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engine import threads
from app.engine.bits import copy_every
from app.engine.geometry import Padding, Pair

Array = NDArray[Any]
Task = TypeVar("Task")

# Numbers of one block. Smaller ones would stay in a core's own cache, but two threads that return
# from NumPy every few microseconds wait for each other's hold on the interpreter: blocks a quarter
# as large take twice as long.
_BLOCK = 1 << 18
# Below this many numbers a hand-off to the workers costs more than it saves.
_WORTH_SHARING = 1 << 19


@dataclass(frozen=True)
class PoolWindow:
    """A pooling window, resolved.

    Attributes:
        size: Extent (rows, cols).
        stride: Step (rows, cols).
        padding: ((top, bottom), (left, right)).
        dilation: Spacing of the cells (rows, cols).
        output: (rows, cols) of the output.
    """

    size: Pair
    stride: Pair
    padding: Padding
    dilation: Pair
    output: Pair


@dataclass(frozen=True)
class Tap:
    """One cell of the window, along one axis.

    Attributes:
        index: Which of the window's cells.
        outputs: The outputs whose window has that cell inside the input.
        inputs: The input cells they meet there, one each.
    """

    index: int
    outputs: slice
    inputs: slice


def taps(window: PoolWindow, axis: int, outputs: range, inputs: range) -> list[Tap]:
    """Return the window's cells that meet the input, in order.

    Args:
        window: The window.
        axis: 0 for rows, 1 for columns.
        outputs: The outputs of interest; the taps' slices count from its start.
        inputs: The input cells of interest; the taps' slices count from its start.
    """
    step, before = window.stride[axis], window.padding[axis][0]
    found = []
    for index in range(window.size[axis]):
        offset = index * window.dilation[axis] - before - inputs.start
        # The outputs o with 0 ≤ o · step + offset < len(inputs).
        first = max(-(offset // step), outputs.start)
        last = min((len(inputs) - 1 - offset) // step, outputs.stop - 1)
        if first <= last:
            start = offset + first * step
            cells = slice(start, start + (last - first) * step + 1, step)
            served = slice(first - outputs.start, last + 1 - outputs.start)
            found.append(Tap(index, served, cells))
    return found


def cell_counts(window: PoolWindow, axis: int, size: int, padded: bool) -> Array:
    """Return how many cells each window has along an axis, shape (outputs,).

    Args:
        window: The window.
        axis: 0 for rows, 1 for columns.
        size: Length of that axis of the input.
        padded: Whether cells in the padding count; what overhangs it, as `ceil_mode` allows,
            never does.
    """
    before, after = window.padding[axis] if padded else (0, 0)
    starts = np.arange(window.output[axis]) * window.stride[axis] - window.padding[axis][0]
    ends = np.minimum(starts + window.size[axis], size + after)
    return ends - np.maximum(starts, -before)


@dataclass(frozen=True)
class Block:
    """A part of the work.

    Attributes:
        planes: Which maps.
        outputs: Which output rows.
        inputs: Which input rows.
    """

    planes: slice
    outputs: range
    inputs: range


def forward_blocks(planes: int, size: Pair, window: PoolWindow) -> Iterator[Block]:
    """Yield blocks of output rows, each with the input rows its windows meet."""
    step, (before, _) = window.stride[0], window.padding[0]
    reach = window.dilation[0] * (window.size[0] - 1) + 1 - before
    for maps, rows in _pieces(planes, size, window.output[0], size[1] * step):
        top = max(rows.start * step - before, 0)
        bottom = min((rows.stop - 1) * step + reach, size[0])
        yield Block(maps, rows, range(min(top, bottom), bottom))


def backward_blocks(planes: int, size: Pair, window: PoolWindow) -> Iterator[Block]:
    """Yield blocks of input rows, each with all output rows."""
    for maps, rows in _pieces(planes, size, size[0], size[1]):
        yield Block(maps, range(window.output[0]), rows)


def _pieces(planes: int, size: Pair, rows: int, per_row: int) -> Iterator[tuple[slice, range]]:
    height = max(_BLOCK // max(per_row, 1), 1)
    together = max(_BLOCK // max(size[0] * size[1], 1), 1)
    for plane in range(0, planes, together):
        for row in range(0, rows, height):
            yield slice(plane, plane + together), range(row, min(row + height, rows))


def over(tasks: Iterable[Task], run: Callable[[Task], None], numbers: int) -> None:
    """Run every task, on several processors where the work is worth the hand-off."""
    todo = list(tasks)

    def part(mine: Iterator[int]) -> None:
        for number in mine:
            run(todo[number])

    threads.share(part, len(todo), worth=numbers >= _WORTH_SHARING)


def slices_of(block: Block) -> tuple[slice, slice]:
    """Return a block's input rows and output rows as slices."""
    read = slice(block.inputs.start, block.inputs.stop)
    return read, slice(block.outputs.start, block.outputs.stop)


class Phases:
    """The columns of a block, split by their remainder modulo the stride into contiguous arrays.

    A window's cells are then contiguous for consecutive outputs, whatever the stride.
    """

    def __init__(self, block: Array, stride: int) -> None:
        self._block = block
        self._stride = stride
        self._split: dict[int, Array] = {}

    def __call__(self, tap: Tap) -> Array:
        """Return the cells that the tap meets, one per output it serves."""
        if self._stride == 1:
            return self._block[..., tap.inputs]
        position, phase = divmod(tap.inputs.start, self._stride)
        if phase not in self._split:
            rest = self._block[..., phase:]
            split = np.empty((*rest.shape[:-1], -(-rest.shape[-1] // self._stride)), rest.dtype)
            copy_every(rest, self._stride, split)
            self._split[phase] = split
        count = tap.outputs.stop - tap.outputs.start
        return self._split[phase][..., position : position + count]
