"""Max pooling: the largest cell of each window, and the way back to it.

It is separable: along the rows and down the columns. Where the places of the maxima are asked for,
the rows come first, and a cell must be larger than all before it to win a step, so that the first
in row-major order wins a tie. The way back adds each gradient at its place.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    "Places",
    "PoolWindow",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_chosen",
    "winners",
]

Array = NDArray[Any]
# For each output cell, which cell of its plane is the maximum, counted row by row, shape
# (N·C, OH, OW); any number where the window holds no cell.
Places = NDArray[np.intp]
Fetch = Callable[[Tap], Array]
# Gradients sent back at a time; NumPy holds the interpreter's lock meanwhile.
_AT_ONCE = 1 << 14


def max_pool2d(x: Array, window: PoolWindow) -> Array:
    """Return each window's maximum, shape (N, C, *window.output).

    Padding counts as −inf; a window that holds a NaN gives NaN.

    Args:
        x: Maps, shape (N, C, H, W).
        window: The window.
    """
    planes = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    out = np.empty((len(planes), *window.output), x.dtype)
    width = x.shape[3]
    across = taps(window, 1, range(window.output[1]), range(width))

    def run(block: Block) -> None:
        read, made = slices_of(block)
        cells, target = planes[block.planes, read], out[block.planes, made]
        # Any order gives the same maxima; rows are contiguous, so halve the work there first.
        best = np.empty((*target.shape[:2], width), x.dtype)
        _maximum(taps(window, 0, block.outputs, block.inputs), _rows_of(cells), best, 1)
        _maximum(across, Phases(best, window.stride[1]), target, 2)

    over(forward_blocks(len(planes), (x.shape[2], width), window), run, x.size)
    return out.reshape(*x.shape[:2], *window.output)


def max_pool2d_chosen(x: Array, window: PoolWindow) -> tuple[Array, Places]:
    """Return what `max_pool2d` does, and where the maxima stand, for the way back."""
    planes = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
    out = np.empty((len(planes), *window.output), x.dtype)
    places = np.empty(out.shape, np.intp)
    width = x.shape[3]
    across = taps(window, 1, range(window.output[1]), range(width))
    corners = _first_cells(window, 0)[:, None] * width + _first_cells(window, 1)
    small = np.min_scalar_type(max(window.size))

    def run(block: Block) -> None:
        read, made = slices_of(block)
        cells, target = planes[block.planes, read], out[block.planes, made]
        down = taps(window, 0, block.outputs, block.inputs)
        best = np.empty((*cells.shape[:2], window.output[1]), x.dtype)
        cols, rows = np.empty(best.shape, small), np.empty(target.shape, small)
        fetch = Phases(cells, window.stride[1])
        _first_maximum(across, fetch, best, 2, cols)
        _first_maximum(down, _rows_of(best), target, 1, rows)
        if np.isnan(target).any():
            _first_maximum(across, fetch, best, 2, cols, nans=True)
            _first_maximum(down, _rows_of(best), target, 1, rows, nans=True)
        place = places[block.planes, made]
        place[...] = rows
        place *= window.dilation[0] * width
        place += corners[made]
        place += _cols_of_winners(down, rows, cols) * np.intp(window.dilation[1])

    over(forward_blocks(len(planes), (x.shape[2], width), window), run, x.size)
    return out.reshape(*x.shape[:2], *window.output), places


def _first_cells(window: PoolWindow, axis: int) -> NDArray[np.intp]:
    """Return the input row or column each window starts at; it may lie in the padding."""
    return np.arange(window.output[axis]) * window.stride[axis] - window.padding[axis][0]


def _rows_of(block: Array) -> Fetch:
    return lambda tap: block[:, tap.inputs]


def _served(tap: Tap, axis: int) -> tuple[slice, ...]:
    """Return the index of the outputs that the tap serves, along `axis`."""
    return (slice(None),) * axis + (tap.outputs,)


def _maximum(steps: Sequence[Tap], fetch: Fetch, best: Array, axis: int) -> None:
    """Fill `best` with the maximum over the taps along `axis`.

    Two taps that serve all outputs come first: their maximum needs nothing to start from.
    """
    whole = [tap for tap in steps if tap.outputs == slice(0, best.shape[axis])][:2]
    if len(whole) == 2:
        np.maximum(fetch(whole[0]), fetch(whole[1]), out=best)
    else:
        best[...] = fetch(whole[0]) if whole else -np.inf
    for tap in steps:
        if tap not in whole:
            held = best[_served(tap, axis)]
            np.maximum(held, fetch(tap), out=held)


def _first_maximum(
    steps: Sequence[Tap],
    fetch: Fetch,
    best: Array,
    axis: int,
    choice: Array,
    nans: bool = False,
) -> None:
    """Do as `_maximum`, and fill `choice` with which tap has won: the first of equal ones.

    With `nans`, the last NaN of a window wins, as in PyTorch.
    """
    whole = [tap for tap in steps if tap.outputs == slice(0, best.shape[axis])]
    if whole and not nans:
        start = whole[0].index
        best[...] = fetch(whole[0])
        choice[...] = start
    else:
        start = -1
        best[...] = -np.inf
        choice[...] = 0
        for tap in reversed(steps):  # where all is −inf, the first cell of the input wins
            choice[_served(tap, axis)] = tap.index
    earlier = [tap for tap in reversed(steps) if tap.index < start]
    later = [tap for tap in steps if tap.index > start]
    for tap in (*earlier, *later):
        values, held, chosen = fetch(tap), best[_served(tap, axis)], choice[_served(tap, axis)]
        better = np.greater(values, held) if tap.index > start else np.greater_equal(values, held)
        if nans:
            better |= np.isnan(values)
        np.maximum(values, held, out=held)
        # Chosen by bits: a copy with a mask branches on every element.
        chosen ^= (chosen ^ chosen.dtype.type(tap.index)) & _bits(better, choice.dtype)


def _bits(mask: NDArray[np.bool_], dtype: np.dtype[Any]) -> Array:
    """Return an unsigned integer for each entry: all of its bits set where the mask is True."""
    return np.negative(mask.view(np.int8)).astype(dtype)


def _cols_of_winners(down: Sequence[Tap], rows: Array, cols: Array) -> Array:
    """Return which of the window's columns has won, given the row and each row's column."""
    found = np.zeros(rows.shape, cols.dtype)
    for tap in down:
        place = found[:, tap.outputs]
        place |= cols[:, tap.inputs] & _bits(rows[:, tap.outputs] == tap.index, cols.dtype)
    return found


def max_pool2d_backward(
    upstream: Array, x: Array, window: PoolWindow, chosen: Places | None = None
) -> Array:
    """Return the gradient with respect to x: each maximum's place takes its whole gradient.

    Args:
        upstream: Gradient with respect to the maxima, shape (N, C, *window.output).
        x: The input of the forward pass, shape (N, C, H, W).
        window: The window.
        chosen: Where the maxima stand; found again if None.
    """
    places = max_pool2d_chosen(x, window)[1] if chosen is None else chosen
    out = np.empty((len(places), x.shape[2] * x.shape[3]), upstream.dtype)
    sent = upstream.reshape(places.shape)
    filled = np.outer(_meets_input(window, 0, x.shape[2]), _meets_input(window, 1, x.shape[3]))
    everywhere = bool(filled.all())
    bands = list(_bands(window, x.shape[2]))
    apart = not any(map(_overlaps, window.size, window.stride, window.dilation))

    def run(task: tuple[int, tuple[slice, slice]]) -> None:
        plane, (cells, outputs) = task
        # Zeros are written just ahead of the gradients, which then find them in the cache.
        out[plane, cells.start * x.shape[3] : cells.stop * x.shape[3]] = 0
        if outputs.start == outputs.stop:
            return
        to, values = places[plane, outputs], sent[plane, outputs]
        if not everywhere:
            to, values = to[filled[outputs]], values[filled[outputs]]
        if apart:
            # No place takes two gradients: they need no adding up, and rows share no place.
            out[plane][to.reshape(-1)] = values.reshape(-1)
        else:
            # One pass over the gradients; by masks, as the way there, they take three times as
            # long. NumPy holds the interpreter's lock meanwhile.
            np.add.at(out[plane], to.reshape(-1), values.reshape(-1))

    tasks = [(plane, band) for plane in range(len(places)) for band in bands]
    # Rows whose windows overlap go one after the other.
    over(tasks, run, x.size if apart else 0)
    return out.reshape(x.shape)


def _overlaps(size: int, step: int, spacing: int) -> bool:
    """Return whether neighbouring windows share cells, or lie between each other's."""
    return spacing * (size - 1) + 1 > step


def _bands(window: PoolWindow, height: int) -> Iterator[tuple[slice, slice]]:
    """Yield bands of the input's rows, each with the output rows whose windows end in it."""
    rows, cols = window.output
    reach = window.dilation[0] * (window.size[0] - 1) + 1 - window.padding[0][0]
    at_once = max(1, _AT_ONCE // cols)
    done = 0
    for start in range(0, rows, at_once):
        last = min(start + at_once, rows) - 1
        end = min(max(done, last * window.stride[0] + reach), height)
        yield slice(done, end), slice(start, last + 1)
        done = end
    yield slice(done, height), slice(rows, rows)


def _meets_input(window: PoolWindow, axis: int, size: int) -> NDArray[np.bool_]:
    """Return which outputs' windows hold any cell of the input along an axis."""
    met = np.zeros(window.output[axis], bool)
    for tap in taps(window, axis, range(window.output[axis]), range(size)):
        met[tap.outputs] = True
    return met


def winners(window: PoolWindow, places: Places, width: int) -> Array:
    """Return which of the window's cells, in row-major order, is the maximum of each output cell.

    Args:
        window: The window.
        places: Where the maxima stand.
        width: Columns of the input.
    """
    rows, cols = np.divmod(places, width)
    rows -= _first_cells(window, 0)[:, None]
    cols -= _first_cells(window, 1)
    cells: Array = rows // window.dilation[0] * window.size[1] + cols // window.dilation[1]
    return cells
