"""Pooling: the maximum or the average of each window, and the way back.

Both are separable: first along each row, then down the columns. A maximum compares strictly in both
steps, so that the cell that wins a tie is the first in row-major order; its way back is a short
loop over the window's rows and another over its columns.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine import interrupt, threads
from app.engine.bits import keep_where
from app.engine.geometry import Pair
from app.engine.taps import (
    Block,
    Phases,
    PoolWindow,
    Tap,
    backward_blocks,
    cell_counts,
    forward_blocks,
    taps,
)

__all__ = [
    "Chosen",
    "PoolWindow",
    "avg_pool2d",
    "avg_pool2d_backward",
    "divisors",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_chosen",
]

Array = NDArray[Any]
# Which of the window's columns won for each input row and output column, shape (N·C, H, OW); which
# of its rows won for each output cell, shape (N·C, OH, OW).
Chosen = tuple[Array, Array]
Fetch = Callable[[Tap], Array]

# Below this a hand-off to the workers costs more than it saves.
_WORTH_SHARING = 1 << 19


def max_pool2d(x: Array, window: PoolWindow) -> Array:
    """Return each window's maximum, shape (N, C, *window.output).

    Padding counts as −inf; a window that holds a NaN gives NaN.

    Args:
        x: Maps, shape (N, C, H, W).
        window: The window.
    """
    return _max_pool(x, window, None)


def max_pool2d_chosen(x: Array, window: PoolWindow) -> tuple[Array, Chosen]:
    """Return what `max_pool2d` does, and where the maxima stand, for the way back."""
    shape, kinds = x.shape, [np.min_scalar_type(size) for size in window.size]
    planes = shape[0] * shape[1]
    cols = np.zeros((planes, shape[2], window.output[1]), kinds[1])
    chosen = cols, np.zeros((planes, *window.output), kinds[0])
    return _max_pool(x, window, chosen), chosen


def _max_pool(x: Array, window: PoolWindow, chosen: Chosen | None) -> Array:
    """Return the maxima, and fill `chosen`."""
    planes = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    out = np.empty((len(planes), *window.output), x.dtype)
    width = x.shape[3]
    across = taps(window, 1, range(window.output[1]), range(width))

    def run(block: Block) -> None:
        read = slice(block.inputs.start, block.inputs.stop)
        made = slice(block.outputs.start, block.outputs.stop)
        cells, target = planes[block.planes, read], out[block.planes, made]
        down = taps(window, 0, block.outputs, block.inputs)
        if chosen is None:
            # Any order gives the same maxima; rows are contiguous, so halve the work there first.
            best = np.empty((*target.shape[:2], width), x.dtype)
            _maximum(down, _rows_of(cells), best, 1)
            _maximum(across, Phases(best, window.stride[1]), target, 2)
            return
        cols, rows = chosen[0][block.planes, read], chosen[1][block.planes, made]
        best, fetch = np.empty(cols.shape, x.dtype), Phases(cells, window.stride[1])
        _maximum(across, fetch, best, 2, cols)
        _maximum(down, _rows_of(best), target, 1, rows)
        if np.isnan(target).any():
            _maximum(across, fetch, best, 2, cols, nans=True)
            _maximum(down, _rows_of(best), target, 1, rows, nans=True)

    _over(forward_blocks(len(planes), (x.shape[2], width), window), run, x.size)
    return out.reshape(*x.shape[:2], *window.output)


def _over(blocks: Iterable[Block], run: Callable[[Block], None], numbers: int) -> None:
    """Run every block, on several processors where the work is worth the hand-off."""
    todo = list(blocks)

    def part(first: int, end: int) -> None:
        for block in todo[first:end]:
            interrupt.check()
            run(block)

    if numbers < _WORTH_SHARING:
        part(0, len(todo))
    else:
        threads.share(part, len(todo))


def _rows_of(block: Array) -> Fetch:
    return lambda tap: block[:, tap.inputs]


def _maximum(
    steps: Sequence[Tap],
    fetch: Fetch,
    best: Array,
    axis: int,
    choice: Array | None = None,
    nans: bool = False,
) -> None:
    """Fill `best` with the maximum over the taps along `axis`, and `choice` with the winners.

    With `nans`, the last NaN of a window wins, as in PyTorch.
    """
    lead = (slice(None),) * axis
    whole = bool(steps) and steps[0].outputs == slice(0, best.shape[axis])
    if not whole:
        best[...] = -np.inf
    if choice is not None:
        choice[...] = 0
        for tap in reversed(steps):  # where all is −inf, the first cell of the input wins
            choice[(*lead, tap.outputs)] = tap.index
    for count, tap in enumerate(steps):
        place = (*lead, tap.outputs)
        values, held = fetch(tap), best[place]
        if whole and count == 0:
            held[...] = values
            continue
        if choice is not None:
            better = np.greater(values, held)
            if nans:
                better |= np.isnan(values)
            winners = np.multiply(better, choice.dtype.type(tap.index), dtype=choice.dtype)
            np.maximum(choice[place], winners, out=choice[place])
        np.maximum(values, held, out=held)


def max_pool2d_backward(
    upstream: Array, x: Array, window: PoolWindow, chosen: Chosen | None = None
) -> Array:
    """Return the gradient with respect to x: each maximum's place takes its whole gradient.

    Args:
        upstream: Gradient with respect to the maxima, shape (N, C, *window.output).
        x: The input of the forward pass, shape (N, C, H, W).
        window: The window.
        chosen: Where the maxima stand; found again if None.
    """
    chosen = chosen or max_pool2d_chosen(x, window)[1]
    return _scatter(upstream, x.shape, window, chosen)


def _scatter(
    upstream: Array, shape: tuple[int, ...], window: PoolWindow, chosen: Chosen | None
) -> Array:
    """Return each input cell's sum of `upstream` over the windows that (have chosen) it."""
    planes, (height, width) = shape[0] * shape[1], shape[2:]
    grads = upstream.reshape(planes, *window.output)
    out = np.zeros((planes, height, width), upstream.dtype)
    across = taps(window, 1, range(window.output[1]), range(width))
    disjoint = all(n <= s for n, s in zip(window.size, window.stride, strict=True))

    def run(block: Block) -> None:
        down = taps(window, 0, block.outputs, block.inputs)
        rows = slice(block.inputs.start, block.inputs.stop)
        target, sent = out[block.planes, rows], grads[block.planes]
        winners = (chosen[0][block.planes, rows], chosen[1][block.planes]) if chosen else None
        if winners and disjoint and window.dilation == (1, 1):
            _place(down, across, sent, winners, target)
            return
        spread = np.zeros((*target.shape[:2], window.output[1]), out.dtype)
        cols, lines = winners or (None, None)
        for tap in down:
            part = (slice(None), tap.outputs)
            _add(spread[:, tap.inputs], sent[part], lines, part, tap.index)
        _scatter_across(across, spread, cols, target, window.stride[1])

    _over(backward_blocks(planes, (height, width), window), run, out.size)
    return out.reshape(shape)


def _place(
    down: Sequence[Tap], across: Sequence[Tap], sent: Array, winners: Chosen, target: Array
) -> None:
    """Write each gradient to its maximum's place, where no two windows share a cell."""
    cols, rows = winners
    for line in down:
        won = rows[:, line.outputs] == line.index
        columns = cols[:, line.inputs]
        for tap in across:
            mask = columns[..., tap.outputs] == tap.index
            mask &= won[..., tap.outputs]
            place = (slice(None), line.inputs, tap.inputs)
            keep_where(sent[:, line.outputs, tap.outputs], mask, target[place])


def _scatter_across(
    steps: Sequence[Tap], spread: Array, choice: Array | None, target: Array, stride: int
) -> None:
    width = target.shape[2]
    for phase in range(min(stride, width)):
        lane = np.zeros((*target.shape[:2], -(-(width - phase) // stride)), target.dtype)
        for tap in steps:
            position, remainder = divmod(tap.inputs.start, stride)
            if remainder == phase:
                part = (slice(None), slice(None), tap.outputs)
                count = tap.outputs.stop - tap.outputs.start
                cells = lane[..., position : position + count]
                _add(cells, spread[part], choice, part, tap.index)
        target[..., phase::stride] = lane


def _add(
    cells: Array, values: Array, choice: Array | None, part: tuple[slice, ...], index: int
) -> None:
    if choice is not None:
        values = keep_where(values, choice[part] == index)
    cells += values


def avg_pool2d(x: Array, window: PoolWindow, count_include_pad: bool = True) -> Array:
    """Return each window's average, shape (N, C, *window.output).

    Args:
        x: Maps, shape (N, C, H, W).
        window: The window; dilation (1, 1).
        count_include_pad: Whether the divisor counts cells in the padding.
    """
    planes = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    out = np.empty((len(planes), *window.output), x.dtype)
    width = x.shape[3]
    across = taps(window, 1, range(window.output[1]), range(width))

    def run(block: Block) -> None:
        cells = planes[block.planes, block.inputs.start : block.inputs.stop]
        target = out[block.planes, block.outputs.start : block.outputs.stop]
        sums = np.zeros((*target.shape[:2], width), x.dtype)
        for tap in taps(window, 0, block.outputs, block.inputs):
            sums[:, tap.outputs] += cells[:, tap.inputs]
        target[...] = 0
        fetch = Phases(sums, window.stride[1])
        for tap in across:
            target[..., tap.outputs] += fetch(tap)

    _over(forward_blocks(len(planes), (x.shape[2], width), window), run, x.size)
    out /= divisors(x.shape[2:], window, count_include_pad).astype(x.dtype)
    return out.reshape(*x.shape[:2], *window.output)


def avg_pool2d_backward(
    upstream: Array, x: Array, window: PoolWindow, count_include_pad: bool = True
) -> Array:
    """Return the gradient with respect to x: each window's gradient in equal shares.

    Args:
        upstream: Gradient with respect to the averages, shape (N, C, *window.output).
        x: The input of the forward pass, shape (N, C, H, W).
        window: The window; dilation (1, 1).
        count_include_pad: As in the forward pass.
    """
    shares = upstream / divisors(x.shape[2:], window, count_include_pad).astype(x.dtype)
    return _scatter(shares, x.shape, window, None)


def divisors(size: Pair, window: PoolWindow, count_include_pad: bool) -> Array:
    """Return by what each window's sum is divided, shape window.output.

    Args:
        size: Input (rows, cols).
        window: The window; dilation (1, 1).
        count_include_pad: Whether cells in the padding count.
    """
    rows = cell_counts(window, 0, size[0], count_include_pad)
    cols = cell_counts(window, 1, size[1], count_include_pad)
    return np.outer(rows, cols)
