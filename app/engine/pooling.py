"""Max pooling: the largest cell of each window, and the way back to it.

It is separable: first along each row, then down the columns. Both steps compare strictly, so that
the cell that wins a tie is the first in row-major order.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.bits import keep_where
from app.engine.geometry import Pair
from app.engine.taps import (
    Block,
    Phases,
    PoolWindow,
    Tap,
    forward_blocks,
    over,
    slices_of,
    taps,
)

__all__ = [
    "Chosen",
    "PoolWindow",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_chosen",
    "winners",
]

Array = NDArray[Any]
# Which of the window's columns won for each input row and output column, shape (N·C, H, OW); which
# of its rows won for each output cell, shape (N·C, OH, OW).
Chosen = tuple[Array, Array]
Fetch = Callable[[Tap], Array]


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
        read, made = slices_of(block)
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

    over(forward_blocks(len(planes), (x.shape[2], width), window), run, x.size)
    return out.reshape(*x.shape[:2], *window.output)


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
    planes, (height, width) = len(chosen[1]), x.shape[2:]
    sent = upstream.reshape(chosen[1].shape)
    out = np.empty((planes, height, width), upstream.dtype)
    disjoint = all(
        size <= step and gap == 1
        for size, step, gap in zip(window.size, window.stride, window.dilation, strict=True)
    )
    run = partial(_place if disjoint else _add, window, chosen, sent, out)
    blocks = forward_blocks(planes, (height, width), window)
    # Windows of neighbouring blocks may meet: one task takes all blocks of a map.
    tasks = [list(group) for _, group in groupby(blocks, lambda block: block.planes.start)]
    over(tasks, run, out.size)
    return out.reshape(x.shape)


def _place(
    window: PoolWindow, chosen: Chosen, sent: Array, out: Array, blocks: list[Block]
) -> None:
    """Write each gradient to its maximum's place, where no two windows share a cell."""
    cols, rows = chosen
    target = out[blocks[0].planes]
    target[...] = 0
    across = taps(window, 1, range(window.output[1]), range(out.shape[2]))
    for block in blocks:
        read, made = slices_of(block)
        for line in taps(window, 0, block.outputs, block.inputs):
            won = rows[block.planes, made][:, line.outputs] == line.index
            columns = cols[block.planes, read][:, line.inputs]
            values = sent[block.planes, made][:, line.outputs]
            for tap in across:
                mask = columns[..., tap.outputs] == tap.index
                mask &= won[..., tap.outputs]
                cells = target[:, read][:, line.inputs, tap.inputs]
                keep_where(values[..., tap.outputs], mask, cells)


def _add(window: PoolWindow, chosen: Chosen, sent: Array, out: Array, blocks: list[Block]) -> None:
    """Add each gradient to its maximum's place."""
    target = out[blocks[0].planes]
    target[...] = 0
    height, width = target.shape[1:]
    lines = np.arange(window.size[0]) * (window.dilation[0] * width)
    offsets = np.add.outer(lines, np.arange(window.size[1]) * window.dilation[1]).ravel()
    corners, seen = _corners(window, width), _seen(window, (height, width))
    starts = np.arange(len(target))[:, np.newaxis, np.newaxis] * (height * width)
    for block in blocks:
        _, made = slices_of(block)
        local = chosen[0][block.planes], chosen[1][block.planes, made]
        places = offsets.take(winners(window, local, block.outputs))
        places += corners[made]
        places += starts
        values = sent[block.planes, made]
        if not seen.all():  # a window of nothing but padding sends nothing
            values = keep_where(values, np.broadcast_to(seen[made], values.shape).copy())
            places *= seen[made]
        np.add.at(target.reshape(-1), places.ravel(), values.ravel())


def winners(window: PoolWindow, chosen: Chosen, outputs: range) -> Array:
    """Return which of the window's cells, in row-major order, is the maximum of each output cell.

    Args:
        window: The window.
        chosen: The columns' choice for all input rows, and the rows' for the output rows.
        outputs: Which output rows these are.
    """
    cols, rows = chosen
    cells = rows.astype(np.min_scalar_type(window.size[0] * window.size[1]))
    cells *= window.size[1]
    for tap in taps(window, 0, outputs, range(cols.shape[1])):
        won = rows[:, tap.outputs] == tap.index
        cells[:, tap.outputs] += won * cols[:, tap.inputs]
    return cells


def _corners(window: PoolWindow, width: int) -> Array:
    """Return the flat index of each window's first cell, were there no edges."""
    rows, cols = (
        np.arange(count) * step - before
        for count, step, (before, _) in zip(
            window.output, window.stride, window.padding, strict=True
        )
    )
    return rows[:, np.newaxis] * width + cols


def _seen(window: PoolWindow, size: Pair) -> NDArray[np.bool_]:
    """Return which windows hold a cell of the input at all."""
    axes = []
    for axis in (0, 1):
        seen = np.zeros(window.output[axis], bool)
        for tap in taps(window, axis, range(window.output[axis]), range(size[axis])):
            seen[tap.outputs] = True
        axes.append(seen)
    return np.logical_and.outer(axes[0], axes[1])
