"""What the engine answers, asked through its public functions."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.engine import losses, network, selection
from app.engine.errors import EngineError
from app.engine.kernels import PresetKernel
from app.engine.layers import LAYER_TYPES, Layer
from tests.conformance.case import Case, Numbers, Refused, Spec

LOSS_TYPES: dict[str, Any] = {
    "sum": losses.Sum,
    "mean": losses.Mean,
    "l2": losses.L2,
    "mse": losses.Mse,
    "cross_entropy": losses.CrossEntropy,
    "upstream": losses.Upstream,
}


def answer(case: Case, seen: set[str] | None = None) -> Numbers:
    """Return every number of a case whose upstream gradient is drawn.

    Its arrays are made read-only first, so that writing into an argument is an error here.

    Args:
        case: The case, in the dtype to compute in.
        seen: Collects the names of the algorithms that ran.

    Raises:
        Refused: The engine calls it illegal.
    """
    read_only(case.x, case.loss, *case.layers)
    layers = [layer_of(spec) for spec in case.layers]
    try:
        tape = network.forward(layers, case.x)
        back = network.backward(tape, loss_of(case.loss), case.gradients)
    except EngineError as error:
        raise Refused(str(error)) from error
    if seen is not None:
        seen.update(step.algorithm for step in tape.steps)
    numbers = {f"layers.{index}": step.output for index, step in enumerate(tape.steps)}
    numbers |= {f"gradient of {name}": value for name, value in back.gradients.items()}
    return numbers | {"loss": np.asarray(back.loss, case.x.dtype)}


def answer_one_by_one(case: Case) -> Numbers:
    """Return the gradients of a case, each asked for alone: the engine may then skip the others.

    Raises:
        Refused: The engine calls it illegal.
    """
    layers = [layer_of(spec) for spec in case.layers]
    try:
        tape = network.forward(layers, case.x)
        answers = [network.backward(tape, loss_of(case.loss), [name]) for name in case.gradients]
    except EngineError as error:
        raise Refused(str(error)) from error
    return {f"gradient of {name}": a.gradients[name] for a in answers for name in a.gradients}


def layer_of(spec: Spec) -> Layer:
    """Return the engine's layer for a spec."""
    fields = {key: value for key, value in spec.items() if key != "type"}
    if isinstance(fields.get("kernel"), Mapping):
        fields["kernel"] = PresetKernel(fields["kernel"]["preset"])
    return LAYER_TYPES[spec["type"]](**fields)


def loss_of(spec: Spec) -> losses.Loss:
    """Return the engine's loss for a spec."""
    fields = {key: value for key, value in spec.items() if key != "type"}
    if "select" in fields:
        fields["select"] = selection.Select(**fields["select"])
    return LOSS_TYPES[spec["type"]](**fields)


def read_only(*values: Any) -> None:
    """Make arrays read-only, those inside of specs too."""
    for value in values:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif isinstance(value, Mapping):
            read_only(*value.values())
