"""What a network would do to an input of a given shape, told without computing anything."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from app.engine.errors import EngineError, NetworkError, ShapeError
from app.engine.geometry import Padding, ReceptiveField
from app.engine.layers.base import UNBOUNDED, Bounds, Inference, Layer, Problems, Shape, map_size
from app.engine.layers.view import View


@dataclass(frozen=True)
class LayerReport:
    """One layer of a network, told without computing it.

    Attributes:
        index: Position in the network.
        type: The layer's type, as in the network spec.
        name: The name the caller gave it.
        input_shape: Shape of its input; None after an illegal layer.
        output_shape: Shape of its output; None for an illegal layer and after one.
        padding: Resolved ((top, bottom), (left, right)); None where the layer has no window.
        receptive_field: What one unit sees of the network's input. A sequence counts as one
            row; after `flatten` the units keep the order and the fields of the map.
        parameters: How many learnable numbers it has.
        multiply_adds: Products summed, or their like, over the whole batch.
        working_bytes: Memory of its output, its parameters and what it holds while it runs.
        formula: How the output shape came out, with the numbers in it.
        error: What is illegal; a NetworkError where several fields are.
        legal: The legal range of each field, given the input's shape.
        inference: The layer's resolved plan.
        view: Which input cells each unit sees; `view.cells((row, col))` tells them exactly.
    """

    index: int
    type: str
    name: str | None
    input_shape: Shape | None
    output_shape: Shape | None = None
    padding: Padding | None = None
    receptive_field: ReceptiveField | None = None
    parameters: int = 0
    multiply_adds: int = 0
    working_bytes: int = 0
    formula: str = ""
    error: EngineError | None = None
    legal: dict[str, str] = field(default_factory=dict)
    inference: Inference | None = None
    view: View | None = None


def inspect(
    layers: Sequence[Layer],
    input_shape: Shape,
    dtype: DTypeLike = np.float32,
    bounds: Bounds = UNBOUNDED,
) -> list[LayerReport]:
    """Return a report per layer; computes nothing, and never raises for an illegal layer.

    Args:
        layers: The network.
        input_shape: Shape of the input with its batch axis, as `as_batch` makes it.
        dtype: float32 or float64, for the memory.
        bounds: What the caller allows beyond what is legal; only the legal ranges tell of it.
    """
    itemsize = np.dtype(dtype).itemsize
    shape: Shape | None = tuple(input_shape)
    view = View(map_size(input_shape))
    reports = []
    for index, layer in enumerate(layers):
        if shape is None:
            reports.append(_unreached(index, layer))
            continue
        report, view = _reported(index, layer, shape, view, itemsize, bounds)
        reports.append(report)
        shape = report.output_shape
    return reports


def no_channel_axis(reader: str, shape: Shape) -> ShapeError:
    """Return the error of an input that is not of the form that `as_batch` makes."""
    return ShapeError(
        f"{reader} needs a batch and a channel axis, but its input has shape {shape}; legal are "
        "(N, C) and (N, C, …).",
        (),
        "an input (N, C) or (N, C, …)",
    )


def _unreached(index: int, layer: Layer) -> LayerReport:
    problems = Problems()
    problems.attempt(layer.check, None)
    return LayerReport(index, layer.type, layer.name, None, error=problems.error)


def _reported(
    index: int, layer: Layer, shape: Shape, view: View, itemsize: int, bounds: Bounds
) -> tuple[LayerReport, View]:
    if len(shape) < 2:
        error = no_channel_axis(layer.type, shape)
        return LayerReport(index, layer.type, layer.name, shape, error=error), view
    common: dict[str, Any] = {
        "index": index,
        "type": layer.type,
        "name": layer.name,
        "input_shape": shape,
        "legal": layer.legal(shape, bounds),
    }
    try:
        inference = layer.infer(shape)
    except EngineError as error:
        return LayerReport(**common, error=error), view
    view = layer.view(view, shape, inference)
    numbers = math.prod(inference.output_shape) + inference.parameters
    numbers += inference.kept + inference.scratch
    report = LayerReport(
        **common,
        output_shape=inference.output_shape,
        padding=inference.window.padding if inference.window else None,
        receptive_field=view.field,
        parameters=inference.parameters,
        multiply_adds=inference.multiply_adds,
        working_bytes=numbers * itemsize,
        formula=inference.formula,
        inference=inference,
        view=view,
    )
    return report, view


def raise_problems(reports: Sequence[LayerReport]) -> None:
    """Raise NetworkError with every problem of the reports, paths ("layers", i, field)."""
    problems = Problems()
    for report in reports:
        if report.error is not None:
            located = report.error.under("layers", report.index)
            problems.add(located)
    if problems.errors:
        raise NetworkError(problems.errors)
