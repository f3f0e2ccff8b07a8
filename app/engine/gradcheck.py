"""The finite-difference check: is the gradient what moving one number a little says it is?

Source: Goodfellow, Bengio, Courville, "Deep Learning", 2016, section 11.5, equation 11.6.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from app.engine import interrupt
from app.engine.arguments import as_integer, entries_of, is_index, span, written
from app.engine.errors import ParameterError
from app.engine.layers.base import Array, Layer
from app.engine.layers.numbers import finite_number
from app.engine.losses import Loss, Sum
from app.engine.network import (
    Tape,
    backward,
    check_name,
    forward,
    loss_layer,
    value_of,
)
from app.engine.problem import as_floats

__all__ = ["Check", "gradcheck"]

Verdict = Literal["pass", "kink", "fail"]

# Central differences are far better than this, and a gradient wrong by 0.05 % is far worse.
TOLERANCE = 1e-5
_ROUNDING = 16 * float(np.finfo(np.float64).eps)
# A step of a tenth leaves a hundredth of the error that comes from a curve, and all of any other.
_CURVED = 50
# A step may be too large for a curved function, or reach over a kink: smaller ones are tried.
_SHRINK = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
# Smaller ones, shrunk, would become 0.
LEAST_STEP = 1e-300


@dataclass(frozen=True)
class Check:
    """One element of a gradient, computed in two ways.

    Attributes:
        index: Its index in the gradient.
        analytic: From the backward pass.
        numeric: From a central difference: (loss(+step) − loss(−step)) / (2 · step).
        absolute: |analytic − numeric|.
        relative: That, divided by the larger of the two magnitudes.
        verdict: "pass"; "fail"; or "kink": they differ because a layer has no derivative here.
        note: Which layer has the kink, or what else there is to say.
    """

    index: tuple[int, ...]
    analytic: float
    numeric: float
    absolute: float
    relative: float
    verdict: Verdict
    note: str = ""


def gradcheck(
    layers: Sequence[Layer],
    x: Array,
    loss: Loss | None = None,
    wrt: str = "input",
    indices: Sequence[Sequence[int]] | None = None,
    step: float = 1e-4,
    seed: int = 0,
    count: int = 20,
) -> list[Check]:
    """Compare elements of a gradient with central differences, in float64.

    Args:
        layers: The network.
        x: Its input, as `as_batch` makes it.
        loss: The loss; None is the sum of the last layer's output.
        wrt: Name of the gradient, e.g. "input" or "layers.0.kernel".
        indices: Which elements; None picks up to `count` at random.
        step: How far to move each element, at least `LEAST_STEP`. Where the two disagree, smaller
            steps are tried, too, as far as rounding allows: the note says so.
        seed: Of the random choice.
        count: How many elements to pick.

    Raises:
        NetworkError: The network is illegal for this input.
        ParameterError: An unknown name, an index outside of the gradient, a step below
            `LEAST_STEP`, or a seed or count that is none.
    """
    if finite_number(step, "step") < LEAST_STEP:
        legal = f"at least {LEAST_STEP}"
        raise ParameterError(f"step is {step}, but must be {legal}.", ("step",), legal)
    loss = loss or Sum()
    tape = forward(layers, as_floats(x, "input").astype(np.float64))
    check_name(tape, wrt, "wrt")
    shape = value_of(tape, wrt).shape
    chosen = _random_indices(shape, seed, count) if indices is None else _checked(indices, shape)
    if not chosen:
        return []
    gradient = backward(tape, loss, (wrt,)).gradients[wrt]
    probe = _Probe(tape, loss, wrt)
    return [_check(probe, index, float(gradient[index]), step) for index in chosen]


def _random_indices(shape: tuple[int, ...], seed: int, count: int) -> list[tuple[int, ...]]:
    size = math.prod(shape)
    generator = np.random.default_rng(as_integer(seed, "seed", 0))
    picks = generator.permutation(size)[: as_integer(count, "count", 1)]
    return [tuple(map(int, np.unravel_index(pick, shape))) for pick in sorted(picks)]


def _checked(indices: Sequence[Sequence[int]], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    for position, index in enumerate(indices):
        entries = entries_of(index) or ()
        if len(entries) != len(shape) or not all(map(is_index, entries, shape)):
            legal = f"{len(shape)} integers: {', '.join(span(0, n - 1) for n in shape)}"
            raise ParameterError(
                f"index {written(index)} is outside of the gradient's shape {shape}; legal are "
                f"{legal}.",
                ("indices", position),
                legal,
            )
    return [tuple(map(int, index)) for index in indices]


class _Probe:
    """Runs the network again with one number moved."""

    def __init__(self, tape: Tape, loss: Loss, wrt: str) -> None:
        self.loss = loss
        self.top = loss_layer(loss, len(tape.steps))
        self.tape = tape.head(self.top + 1)
        self.wrt = wrt
        self.values = value_of(tape, wrt)
        with np.errstate(all="ignore"):  # as on the way back
            self.upstream = loss.upstream(self.tape.output)

    def moved(self, index: tuple[int, ...], by: float) -> Tape:
        """Return the tape with element `index` of the array `wrt` moved."""
        values = self.values.copy()
        values[index] += by
        if self.wrt == "input":
            return _rerun(self.tape, Tape(values))
        _, number, field = self.wrt.split(".")
        at = int(number)
        if at > self.top:
            return self.tape
        head, step = self.tape.head(at), self.tape.steps[at]
        if field == "output":
            step = replace(step, result=replace(step.result, output=values, context=None))
            return _rerun(self.tape, Tape(head.input, (*head.steps, step)))
        return _rerun(self.tape, head, {**step.parameters, field: values})

    def noise(self, after: Tape, before: Tape) -> float:
        """Return how far rounding of the outputs may have moved the loss."""
        changed = after.output != before.output
        terms = np.abs(self.upstream[changed] * self.tape.output[changed])
        return _ROUNDING * float(terms.sum())

    def floor(self, index: tuple[int, ...], step: float) -> float:
        """Return how far rounding may hold both ways apart where large terms cancel.

        Each output is taken to be a sum of terms as large as the moved number's own, which may
        swallow its change; the upstream gradient's terms are as large as for outputs of that size.
        """
        value, output = abs(float(self.values[index])), self.tape.output
        after, before = self.moved(index, step).output, self.moved(index, -step).output
        slope = np.abs(after - before) / (2 * step)
        size = np.maximum(np.abs(output), slope * value)
        blur = np.maximum(*(np.abs(self.loss.upstream(sign * size)) for sign in (1, -1)))
        terms = np.abs(self.upstream) * size / (2 * step) + blur * slope
        # Far enough that what has swallowed a small move shows it, on the other side of 0, too.
        reached = (slope > 0) | (self.moved(index, 3 * value + 1).output != output)
        return _ROUNDING * float(terms[reached].sum())


def _rerun(tape: Tape, head: Tape, parameters: dict[str, Array] | None = None) -> Tape:
    """Run the layers of `tape` that `head` lacks, the first of them with these parameters."""
    steps = list(head.steps)
    with np.errstate(all="ignore"):
        for step in tape.steps[len(steps) :]:
            interrupt.check()
            x = steps[-1].output if steps else head.input
            arrays = step.parameters if parameters is None else parameters
            parameters = None
            steps.append(replace(step, result=step.layer.forward(x, arrays)))
    return Tape(head.input, tuple(steps))


@dataclass(frozen=True)
class _Difference:
    """A central difference with one step."""

    step: float
    numeric: float
    slack: float
    noise: float
    kinks: list[str]

    def agrees(self, analytic: float) -> bool:
        return abs(analytic - self.numeric) <= self.slack + self.noise


def _difference(probe: _Probe, index: tuple[int, ...], analytic: float, step: float) -> _Difference:
    after, before = probe.moved(index, step), probe.moved(index, -step)
    with np.errstate(all="ignore"):
        numeric = probe.loss.change(after.output, before.output) / (2 * step)
        noise = probe.noise(after, before) / (2 * step)
    slack = TOLERANCE * max(abs(analytic), abs(numeric))
    return _Difference(step, numeric, slack, noise, list(_kinks(probe.tape, before, after)))


def _check(probe: _Probe, index: tuple[int, ...], analytic: float, step: float) -> Check:
    first = larger = last = _difference(probe, index, analytic, step)
    if first.agrees(analytic):
        return _judged(index, analytic, first, "pass")
    for shrink in _SHRINK:
        smaller = _difference(probe, index, analytic, step * shrink)
        if smaller.noise > smaller.slack:
            break  # what rounding hides must not pass for agreement
        larger, last = last, smaller
    # The smallest step decides: at a larger one two errors may cancel.
    if last.agrees(analytic):
        notes = [*first.kinks, f"agrees at a step of {last.step:g}"]
        return _judged(index, analytic, last, "pass", notes)
    if last.kinks:
        return _judged(index, analytic, first, "kink", last.kinks)
    closer = _CURVED * abs(analytic - last.numeric) <= abs(analytic - larger.numeric)
    if closer and not larger.kinks:
        return _judged(index, analytic, last, "pass", ["approaches it with the step's square"])
    with np.errstate(all="ignore"):
        floor = probe.floor(index, step)
    if replace(first, noise=floor).agrees(analytic):
        return _judged(index, analytic, first, "pass", ["both are 0 but for rounding"])
    return _judged(index, analytic, last, "fail")


def _judged(
    index: tuple[int, ...],
    analytic: float,
    difference: _Difference,
    verdict: Verdict,
    notes: Sequence[str] = (),
) -> Check:
    numeric = difference.numeric
    absolute = abs(analytic - numeric)
    scale = max(abs(analytic), abs(numeric))
    relative = absolute / scale if scale else 0.0
    return Check(index, analytic, numeric, absolute, relative, verdict, "; ".join(notes))


def _kinks(here: Tape, before: Tape, after: Tape) -> Iterator[str]:
    """Yield the layers that are on different smooth pieces at the three places."""
    for number, steps in enumerate(zip(here.steps, before.steps, after.steps, strict=True)):
        layer = steps[0].layer
        middle, low, high = (
            layer.pieces(tape.input_of(number), step.result)
            for tape, step in zip((here, before, after), steps, strict=True)
        )
        places = np.argwhere((middle != low) | (middle != high))
        if len(places):
            unit = tuple(map(int, places[0]))
            yield f"layer {number} ({layer.type}) has a kink at {unit}: {layer.kink}"
