"""Taking apart the numbers of layers without a sliding window."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from app.engine.layers import Flatten, GlobalAvgPool, LogSoftmax, Softmax
from app.engine.network import Step
from app.engine.terms import Array, Factor, Position, Term, term

Terms = tuple[Iterable[Term], float | None]


def _input(x: Array, position: Position) -> Factor:
    return Factor("input", position, float(x[position]))


def _sent(upstream: Array, position: Position) -> Factor:
    return Factor("upstream", position, float(upstream[position]))


def _unflattened(n: int, index: int, shape: tuple[int, ...]) -> Position:
    return (n, *map(int, np.unravel_index(index, shape[1:])))


def _flattened(position: Position, shape: tuple[int, ...]) -> Position:
    return position[0], int(np.ravel_multi_index(position[1:], shape[1:]))


def dense_feature(step: Step, x: Array, position: Position) -> Terms:
    """Return weight × input for every input, and the bias."""
    n, output = position
    weight = step.parameters["weight"]
    terms = (
        term(
            Factor("weight", (output, i), float(weight[output, i])),
            _input(x, _unflattened(n, i, x.shape)),
        )
        for i in range(weight.shape[1])
    )
    bias = step.parameters.get("bias")
    return terms, None if bias is None else float(bias[output])


def dense_input_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × weight for every output."""
    n, i = _flattened(position, x.shape)
    weight = step.parameters["weight"]
    return (
        term(
            _sent(upstream, (n, output)),
            Factor("weight", (output, i), float(weight[output, i])),
        )
        for output in range(len(weight))
    )


def dense_weight_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × input for every example."""
    output, i = position
    return (
        term(_sent(upstream, (n, output)), _input(x, _unflattened(n, i, x.shape)))
        for n in range(len(x))
    )


def flatten_feature(step: Step, x: Array, position: Position) -> Terms:
    """Return the one input cell that the feature is."""
    entry = _input(x, _unflattened(position[0], position[1], x.shape))
    return [term(entry, Factor("share", position, 1.0))], None


def pointwise_feature(step: Step, x: Array, position: Position) -> Terms:
    """Return input × gain: an activation as what it lets through; what 0 gives is the bias."""
    entry, value = _input(x, position), float(step.output[position])
    if entry.value == 0:
        return [term(entry, Factor("gain", position, 0.0))], value or None
    gain = Factor("gain", position, value / entry.value)
    return [Term(entry, gain, value)], None


def batch_norm_feature(step: Step, x: Array, position: Position) -> Terms:
    """Return input × scale, and the shift."""
    scale, channel = _slope(step, x, position), position[1]
    bias = step.parameters.get("bias")
    shift = 0.0 if bias is None else float(bias[channel])
    shift -= float(step.parameters["mean"][channel]) * scale
    return [term(_input(x, position), Factor("scale", position, scale))], shift


def local_input_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × derivative, where one cell of the output is all that reads the input's."""
    place = _flattened(position, x.shape) if isinstance(step.layer, Flatten) else position
    derivative = Factor("derivative", position, _slope(step, x, position))
    sent = _sent(upstream, place)
    # An infinite gradient does not pass where the layer lets nothing through.
    return [term(sent, derivative) if derivative.value else Term(sent, derivative, 0.0)]


def _slope(step: Step, x: Array, position: Position) -> float:
    ones = np.ones_like(step.output)
    with np.errstate(all="ignore"):
        wanted = frozenset(("input",))
        grads = step.layer.backward(ones, x, step.result, step.parameters, wanted)
    return float(grads["input"][position])


def softmax_feature(step: Step, x: Array, position: Position) -> Terms:
    """Return exponential × 1/sum for softmax; input × 1, less the sum's log, for log_softmax."""
    lane = _lane(x, position, _axis(step)).astype(np.float64)
    top = float(lane.max())
    with np.errstate(all="ignore"):
        powers = np.exp(lane - top)
        total = float(powers.sum())
        if isinstance(step.layer, LogSoftmax):
            one = Factor("share", position, 1.0)
            return [term(_input(x, position), one)], -(top + float(np.log(total)))
        power = float(powers[position[_axis(step)]])
        return [
            term(Factor("exponential", position, power), Factor("share", position, 1 / total))
        ], None


def softmax_input_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × derivative for every output of the lane."""
    axis = _axis(step)
    logs = isinstance(step.layer, LogSoftmax)
    here = float(step.output[position])
    share = math.exp(here) if logs else here
    terms = []
    for other in range(x.shape[axis]):
        place = (*position[:axis], other, *position[axis + 1 :])
        derivative = float(place == position) - share
        if not logs:
            derivative *= float(step.output[place])
        terms.append(term(_sent(upstream, place), Factor("derivative", place, derivative)))
    return terms


def _axis(step: Step) -> int:
    axis = step.layer.axis if isinstance(step.layer, Softmax) else 1
    return axis % step.output.ndim


def _lane(x: Array, position: Position, axis: int) -> Array:
    index: list[int | slice] = list(position)
    index[axis] = slice(None)
    lane: Array = x[tuple(index)]
    return lane


def global_feature(step: Step, x: Array, position: Position) -> Terms:
    """Return every cell of the map, times 1/count, or 1 for the maximum and 0 for the others."""
    places = ((*position[:2], *cell) for cell in np.ndindex(x.shape[2:]))
    share = _shares(step, x, position)
    factors = ((_input(x, place), share(place)) for place in places)
    return (term(*pair) if pair[1].value else Term(*pair, 0.0) for pair in factors), None


def global_input_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × share."""
    sent = _sent(upstream, (*position[:2], *(0 for _ in x.shape[2:])))
    share = _shares(step, x, position)(position)
    return [term(sent, share) if share.value else Term(sent, share, 0.0)]


def _shares(step: Step, x: Array, position: Position) -> Callable[[Position], Factor]:
    """Return which part of a cell arrives in the feature of its map."""
    if isinstance(step.layer, GlobalAvgPool):
        part = 1 / math.prod(x.shape[2:])
        return lambda place: Factor("share", place, part)
    flat = step.layer.pieces(x, step.result)[(*position[:2], 0)]
    winner = np.unravel_index(int(flat), x.shape[2:])
    return lambda place: Factor("share", place, float(place[2:] == winner))
