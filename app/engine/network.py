"""A network at work: layers forward on a tape, and gradients back along it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine import interrupt
from app.engine.arguments import is_index, span, written
from app.engine.errors import EngineError, ParameterError, ShapeError
from app.engine.inspection import LayerReport, inspect, no_channel_axis, raise_problems
from app.engine.layers.base import Array, Layer, Result
from app.engine.layers.view import Window
from app.engine.losses import Loss, Sum
from app.engine.problem import as_floats

__all__ = [
    "Backward",
    "LayerReport",
    "Step",
    "Tape",
    "as_batch",
    "backward",
    "forward",
    "gradient_names",
    "inspect",
]


@dataclass(frozen=True, eq=False)
class Step:
    """One layer's part of a tape.

    Attributes:
        layer: The layer.
        report: Its shapes, padding, receptive field and costs.
        parameters: Its arrays in full form, by field name.
        result: What its forward pass left behind.
        elapsed_ms: How long it took.
    """

    layer: Layer
    report: LayerReport
    parameters: Mapping[str, Array]
    result: Result
    elapsed_ms: float

    @property
    def output(self) -> Array:
        """The feature maps."""
        return self.result.output

    @property
    def context(self) -> Any:
        """What the backward pass needs beyond input, output and parameters."""
        return self.result.context

    @property
    def window(self) -> Window:
        """The resolved window; that of a single cell where the layer slides none."""
        inference = self.report.inference
        return (inference and inference.window) or Window((1, 1))

    @property
    def algorithm(self) -> str:
        """Which algorithm ran."""
        return self.result.algorithm

    @property
    def reason(self) -> str:
        """Why it was chosen."""
        return self.result.reason


@dataclass(frozen=True, eq=False)
class Tape:
    """The record of a forward pass.

    Attributes:
        input: The network's input.
        steps: One per layer.
    """

    input: Array
    steps: tuple[Step, ...] = ()

    @property
    def output(self) -> Array:
        """The last layer's output; the input of an empty network."""
        return self.steps[-1].output if self.steps else self.input

    def input_of(self, index: int) -> Array:
        """Return the input of layer `index`."""
        return self.steps[index - 1].output if index else self.input

    def head(self, count: int) -> "Tape":
        """Return the tape of the first `count` layers."""
        return Tape(self.input, self.steps[:count])


@dataclass(frozen=True, eq=False)
class Backward:
    """Gradients of a loss.

    Attributes:
        loss: Value of the loss.
        gradients: The gradients asked for, in the order asked, by name: "input",
            "layers.0.kernel", "layers.0.bias", "layers.0.weight", "layers.0.output".
    """

    loss: float
    gradients: dict[str, Array]


def as_batch(array: Array, layers: Sequence[Layer]) -> Array:
    """Return `array` with batch and channel axes, as the first layer that cares reads it.

    Args:
        array: 1 to 4 axes. For 2-D layers, and where no layer cares: (H, W), (C, H, W) or
            (N, C, H, W). For 1-D layers: (L), (C, L) or (N, C, L). For `dense`: (I), (N, I), or
            more axes, which it flattens. Where no layer cares, (W) is a picture of one row.
        layers: The network.

    Returns:
        An array of shape (N, C, H, W), (N, C, L) or (N, I); float32 or float64 as `conv2d` has it.

    Raises:
        ShapeError: The layer can't read that many axes, or the array holds no real numbers.
    """
    array = as_floats(array, "input")
    caring = next((layer for layer in layers if layer.reads is not None), None)
    reads = caring.reads if caring is not None and caring.reads is not None else 2
    lowest = {2: 2 if caring else 1, 1: 1, 0: 1}[reads]
    highest = {2: 4, 1: 3, 0: 4}[reads]
    if not lowest <= array.ndim <= highest:
        reader = caring.type if caring else "the network"
        legal = {2: "(H, W), (C, H, W) or (N, C, H, W)", 1: "(L), (C, L) or (N, C, L)"}
        forms = legal.get(reads, "(I), (N, I) or up to 4 axes") if caring else "1 to 4 axes"
        raise ShapeError(
            f"{reader} can't read an input of shape {array.shape}; legal are {forms}.",
            ("input",),
            forms,
        )
    axes = max({2: 4, 1: 3, 0: 2}[reads], array.ndim)
    return array.reshape((1,) * (axes - array.ndim) + array.shape)


def forward(
    layers: Sequence[Layer],
    x: Array,
    *,
    prefix: Tape | None = None,
    keep: bool = True,
    reports: Sequence[LayerReport] | None = None,
) -> Tape:
    """Run the layers one after the other.

    Args:
        layers: The network.
        x: Input as `as_batch` makes it; never changed. Integers become floats first.
        prefix: A tape of the first layers on the same input, not to be run again; the caller
            vouches that they are the same.
        keep: Whether to keep what makes a backward pass cheap; it is possible either way.
        reports: What `inspect` has told already; to ask again is about 0.15 ms of a small call.

    Returns:
        The tape, a step per layer.

    Raises:
        EngineError: Every illegal layer and field as a NetworkError, paths ("layers", i, field).
    """
    x = as_floats(x, "input")
    if reports is None:
        reports = inspect(layers, x.shape, x.dtype)
    raise_problems(reports)
    if x.ndim < 2:
        raise no_channel_axis("the network", x.shape).under("input")
    steps = list(prefix.steps) if prefix else []
    current = steps[-1].output if steps else x
    with np.errstate(all="ignore"):  # non-finite values are results here, not accidents
        for layer, report in list(zip(layers, reports, strict=True))[len(steps) :]:
            interrupt.check()
            steps.append(_step(layer, report, current, keep))
            current = steps[-1].output
    return Tape(x, tuple(steps))


def _step(layer: Layer, report: LayerReport, x: Array, keep: bool) -> Step:
    start = time.perf_counter()
    parameters = layer.parameters(x.shape, x.dtype)
    result = layer.forward(x, parameters, keep)
    return Step(layer, report, parameters, result, (time.perf_counter() - start) * 1e3)


def gradient_names(tape: Tape) -> list[str]:
    """Return the name of every gradient that `backward` can give for this tape."""
    names = ["input"]
    for index, step in enumerate(tape.steps):
        names += [f"layers.{index}.{field}" for field in (*step.parameters, "output")]
    return names


def check_name(tape: Tape, name: str, field: str) -> None:
    """Raise ParameterError, with path `(field,)`, unless `backward` knows the gradient `name`."""
    names = gradient_names(tape)
    if name not in names:
        legal = ", ".join(names)
        raise ParameterError(
            f"there is no gradient of this name; legal are {legal}.", (field,), legal
        )


def value_of(tape: Tape, name: str) -> Array:
    """Return the array whose gradient is called `name`."""
    if name == "input":
        return tape.input
    _, index, field = name.split(".")
    step = tape.steps[int(index)]
    return step.output if field == "output" else step.parameters[field]


def backward(tape: Tape, loss: Loss | None = None, wanted: Sequence[str] = ("input",)) -> Backward:
    """Return the loss and its gradients with respect to what is wanted, and compute no others.

    Args:
        tape: From `forward`.
        loss: The loss; None is the sum of the last layer's output.
        wanted: Names from `gradient_names`.

    Raises:
        ParameterError: An unknown name, path ("wanted",), or a selection outside of the map.
        ShapeError: The loss does not fit the output.
    """
    loss = loss or Sum()
    for name in wanted:
        check_name(tape, name, "wanted")
    top = loss_layer(loss, len(tape.steps))
    output = tape.input_of(top + 1)
    with np.errstate(all="ignore"):
        try:
            value, upstream = loss.value(output), [loss.upstream(output)]
        except EngineError as error:
            raise error.under("loss") from None
        found = _propagate(tape, top, upstream.pop(), frozenset(wanted))  # handed over, not held
    return Backward(value, {name: _found(tape, found, name) for name in wanted})


def loss_layer(loss: Loss, count: int) -> int:
    """Return the index of the layer the loss looks at; −1 is the input of an empty network.

    Raises:
        ParameterError: The network has no such layer.
    """
    if loss.layer is None:
        return count - 1
    if not is_index(loss.layer, count):
        raise ParameterError(
            f"the loss selects layer {written(loss.layer)}, but the network has {count} layers; "
            f"legal: {span(0, count - 1)}.",
            ("loss", "select", "layer"),
            span(0, count - 1),
        )
    return loss.layer


def _propagate(tape: Tape, top: int, upstream: Array, wanted: frozenset[str]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    floor = min((_depth(name) for name in wanted), default=top + 1)
    for index in range(top, -1, -1):
        interrupt.check()
        step = tape.steps[index]
        prefix = f"layers.{index}."
        if prefix + "output" in wanted:
            found[prefix + "output"] = upstream
        local = {field for field in step.parameters if prefix + field in wanted}
        if floor < index or "input" in wanted:
            local.add("input")
        if not local:
            break
        x = tape.input_of(index)
        grads = step.layer.backward(upstream, x, step.result, step.parameters, frozenset(local))
        found.update({prefix + field: grads[field] for field in local - {"input"}})
        if "input" not in local:
            break
        upstream = grads["input"]
    else:
        found["input"] = upstream
    return found


def _depth(name: str) -> int:
    return -1 if name == "input" else int(name.split(".")[1])


def _found(tape: Tape, found: Mapping[str, Array], name: str) -> Array:
    # Where the loss looks at an earlier layer, nothing flows.
    return found[name] if name in found else np.zeros_like(value_of(tape, name))
