"""Max pooling: the largest cell of each window, and the way back to it.

It is separable: first along each row, then down the columns. Both steps compare strictly, so that
the cell that wins a tie is the first in row-major order.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.bits import keep_where
from app.engine.taps import (
    Block,
    Phases,
    PoolWindow,
    Tap,
    backward_blocks,
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
    cols, rows = chosen or max_pool2d_chosen(x, window)[1]
    planes, (height, width) = len(rows), x.shape[2:]
    sent = upstream.reshape(rows.shape)
    out = np.empty((planes, height, width), upstream.dtype)
    across = taps(window, 1, range(window.output[1]), range(width))

    def run(block: Block) -> None:
        read, _ = slices_of(block)
        down = taps(window, 0, block.outputs, block.inputs)
        # Which column of a window has won in a row does not depend on which window asks: what all
        # windows send to a row is added up first, and goes to its column at once.
        lanes = np.zeros(cols[block.planes, read].shape, out.dtype)
        met = set()
        for tap in down:
            values, place = sent[block.planes, tap.outputs], lanes[:, tap.inputs]
            won = rows[block.planes, tap.outputs] == tap.index
            phase = tap.inputs.start % window.stride[0]
            _send(values, won, place, first=phase not in met)
            met.add(phase)
        _spread(across, lanes, cols[block.planes, read], out[block.planes, read], window.stride[1])

    over(backward_blocks(planes, (height, width), window), run, out.size)
    return out.reshape(x.shape)


def _send(values: Array, won: NDArray[np.bool_], place: Array, first: bool) -> None:
    """Add to a place what its winners take; the first to come finds zeros there."""
    if first:
        keep_where(values, won, place)
    else:
        place += keep_where(values, won)


def _spread(across: Sequence[Tap], lanes: Array, cols: Array, target: Array, stride: int) -> None:
    """Fill `target` with what `lanes` sends to the columns that have won.

    Columns that lie a stride apart are added up side by side, and interleaved at the end.
    """
    for phase in range(min(stride, target.shape[2])):
        cells = target[..., phase::stride]
        sums = np.zeros(cells.shape, cells.dtype)
        meeting = [tap for tap in across if tap.inputs.start % stride == phase]
        for number, tap in enumerate(meeting):
            position = tap.inputs.start // stride
            place = sums[..., position : position + tap.outputs.stop - tap.outputs.start]
            won = cols[..., tap.outputs] == tap.index
            _send(lanes[..., tap.outputs], won, place, first=number == 0)
        cells[...] = sums


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
