"""Every term of one number: of a feature, of an input gradient, of a kernel gradient."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.engine import explain_vectors, explain_windows
from app.engine.arguments import entries_of, is_index, span, written
from app.engine.errors import ParameterError
from app.engine.layers import BatchNorm, Dense, Flatten, Layer, Softmax
from app.engine.layers.base import Array
from app.engine.layers.convolutions import Convolving
from app.engine.layers.global_pools import GlobalPooling
from app.engine.layers.pointwise import Pointwise
from app.engine.layers.pools import Pooling
from app.engine.losses import Loss
from app.engine.network import Step, Tape, backward
from app.engine.terms import Factor, Position, Term, term

__all__ = [
    "Explanation",
    "Factor",
    "Term",
    "explain_feature",
    "explain_input_gradient",
    "explain_kernel_gradient",
]

# More than anyone reads, and each is an object.
MOST_TERMS = 65_536


@dataclass(frozen=True)
class Explanation:
    """One number of the engine, taken apart.

    Attributes:
        of: Name of the array it stands in: "layers.0.output", "input", "layers.0.kernel".
        layer: Index of the layer that made it.
        position: Its index in that array.
        terms: The products that make it up.
        bias: What is added to them, if anything.
        sum: The terms and the bias, added up in float64.
        value: The engine's own number, equal to `sum` up to rounding.
    """

    of: str
    layer: int
    position: Position
    terms: list[Term]
    bias: float | None
    sum: float
    value: float


def explain_feature(tape: Tape, layer: int, position: Sequence[int]) -> Explanation:
    """Return every term of one feature.

    Args:
        tape: From `forward`.
        layer: Index of the layer whose output it is.
        position: Index in that output: (n, channel, row, col), (n, channel, col) or (n, feature).

    Raises:
        ParameterError: There is no such layer or position, or it has more than `MOST_TERMS` terms.
    """
    step = _step(tape, layer)
    place = _checked(position, step.output.shape)
    explain = _family(step.layer).feature
    terms, bias = explain(step, tape.input_of(layer), place)
    return _explanation(f"layers.{layer}.output", layer, place, terms, bias, step.output)


def explain_input_gradient(
    tape: Tape, position: Sequence[int], loss: Loss | None = None, layer: int = 0
) -> Explanation:
    """Return every term of one element of the gradient with respect to a layer's input.

    Args:
        tape: From `forward`.
        position: Index in the layer's input.
        loss: The loss; None is the sum of the last layer's output.
        layer: Index of the layer; 0 means the network's input.

    Raises:
        ParameterError: There is no such layer or position, or it has more than `MOST_TERMS` terms.
    """
    step = _step(tape, layer)
    x = tape.input_of(layer)
    place = _checked(position, x.shape)
    of = f"layers.{layer - 1}.output" if layer else "input"
    above = f"layers.{layer}.output"
    gradients = backward(tape, loss, (of, above)).gradients
    if loss is not None and loss.layer is not None and loss.layer == layer - 1:
        # The loss looks at this map itself, and at nothing that the layer makes of it.
        sent = Factor("loss", place, float(gradients[of][place]))
        whole = Factor("share", place, 1.0)
        return _explanation(of, layer, place, [term(sent, whole)], None, gradients[of])
    terms = _family(step.layer).input_gradient(step, x, gradients[above], place)
    return _explanation(of, layer, place, terms, None, gradients[of])


def explain_kernel_gradient(
    tape: Tape, layer: int, position: Sequence[int], loss: Loss | None = None
) -> Explanation:
    """Return every term of one element of the gradient with respect to a kernel.

    Args:
        tape: From `forward`.
        layer: Index of a convolution, or of a dense layer for its weight.
        position: Index in the kernel's full form: (filter, channel, row, col),
            (filter, channel, col), or (output, input) of a weight.
        loss: The loss; None is the sum of the last layer's output.

    Raises:
        ParameterError: There is no such layer or position, the layer has no kernel, or the number
            has more than `MOST_TERMS` terms.
    """
    step = _step(tape, layer)
    explain = _family(step.layer).kernel_gradient
    if explain is None:
        raise ParameterError(
            f"layer {layer} is a {step.layer.type}, which has no kernel; legal are convolutions "
            "and dense layers.",
            ("layer",),
            "a convolution or a dense layer",
        )
    field = "weight" if isinstance(step.layer, Dense) else "kernel"
    place = _checked(position, step.parameters[field].shape)
    of, above = f"layers.{layer}.{field}", f"layers.{layer}.output"
    gradients = backward(tape, loss, (of, above)).gradients
    terms = explain(step, tape.input_of(layer), gradients[above], place)
    return _explanation(of, layer, place, terms, None, gradients[of])


@dataclass(frozen=True)
class _Family:
    """How a kind of layer is taken apart."""

    feature: Callable[[Step, Array, Position], tuple[Iterable[Term], float | None]]
    input_gradient: Callable[[Step, Array, Array, Position], Iterable[Term]]
    kernel_gradient: Callable[[Step, Array, Array, Position], Iterable[Term]] | None = None


_CONVOLUTION = _Family(
    explain_windows.convolution_feature,
    explain_windows.convolution_input_gradient,
    explain_windows.convolution_kernel_gradient,
)
_POOLING = _Family(explain_windows.pooling_feature, explain_windows.pooling_input_gradient)
_DENSE = _Family(
    explain_vectors.dense_feature,
    explain_vectors.dense_input_gradient,
    explain_vectors.dense_weight_gradient,
)
_FLATTEN = _Family(explain_vectors.flatten_feature, explain_vectors.local_input_gradient)
_BATCH_NORM = _Family(explain_vectors.batch_norm_feature, explain_vectors.local_input_gradient)
_POINTWISE = _Family(explain_vectors.pointwise_feature, explain_vectors.local_input_gradient)
_SOFTMAX = _Family(explain_vectors.softmax_feature, explain_vectors.softmax_input_gradient)
_GLOBAL = _Family(explain_vectors.global_feature, explain_vectors.global_input_gradient)

_FAMILIES: tuple[tuple[type[Layer], _Family], ...] = (
    (Convolving, _CONVOLUTION),
    (Pooling, _POOLING),
    (GlobalPooling, _GLOBAL),
    (Dense, _DENSE),
    (Softmax, _SOFTMAX),
    (Flatten, _FLATTEN),
    (BatchNorm, _BATCH_NORM),
    (Pointwise, _POINTWISE),
)


def _family(layer: Layer) -> _Family:
    return next(family for kind, family in _FAMILIES if isinstance(layer, kind))


def _step(tape: Tape, layer: int) -> Step:
    if not is_index(layer, len(tape.steps)):
        raise ParameterError(
            f"there is no layer {written(layer)}; legal: {span(0, len(tape.steps) - 1)}.",
            ("layer",),
            span(0, len(tape.steps) - 1),
        )
    return tape.steps[layer]


def _checked(position: Sequence[int], shape: tuple[int, ...]) -> Position:
    entries = entries_of(position) or ()
    if len(entries) != len(shape):
        raise ParameterError(
            f"the position {written(position)} has {len(entries)} entries, but the array has "
            f"shape {shape}; legal are {len(shape)} entries.",
            ("position",),
            f"{len(shape)} entries",
        )
    for axis, (index, size) in enumerate(zip(entries, shape, strict=True)):
        if not is_index(index, size):
            raise ParameterError(
                f"index {written(index)} on axis {axis} is outside of the array's shape {shape}; "
                f"legal: {span(0, size - 1)}.",
                ("position", axis),
                span(0, size - 1),
            )
    return tuple(int(index) for index in position)


def _explanation(
    of: str,
    layer: int,
    place: Position,
    terms: Iterable[Term],
    bias: float | None,
    array: Array,
) -> Explanation:
    found = list(itertools.islice(terms, MOST_TERMS + 1))
    if len(found) > MOST_TERMS:
        raise ParameterError(
            f"this number of {of} is a sum of more than {MOST_TERMS} terms; legal are numbers of "
            f"up to {MOST_TERMS} terms.",
            ("position",),
            f"up to {MOST_TERMS} terms",
        )
    products = np.array([term.product for term in found] + [bias or 0.0])
    try:
        total = math.fsum(products)
    except (OverflowError, ValueError):
        # A partial sum overflows, or infinities of both signs meet.
        with np.errstate(all="ignore"):
            total = float(products.sum())
    return Explanation(of, layer, place, found, bias, total, float(array[place]))
