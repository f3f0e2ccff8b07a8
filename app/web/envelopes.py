"""Results of the service as the envelopes of the contract."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import NetworkError, ParameterError
from app.engine.explain import Explanation
from app.engine.gradcheck import Check
from app.engine.network import Backward, LayerReport
from app.service.compute import Run
from app.service.prospect import Prospect
from app.service.reduction import area_mean, quantise
from app.service.specs import Returning, Spec
from app.service.statistics import channel_stats
from app.web.problems import pointer
from app.web.wire import Answer

Array = NDArray[Any]


def forward_answer(spec: Spec, run: Run, returning: Returning) -> Answer:
    """Return the answer to a forward pass: every layer told, the wanted maps with values."""
    wanted = chosen_layers(returning, len(run.layers))
    layers: list[dict[str, Any]] = []
    answer = Answer({"input": {"shape": run.tape.input.shape}, "layers": layers})
    for index, (layer, computed) in enumerate(zip(spec.layers, run.layers, strict=True)):
        step = computed.step
        entry = told(step.report) | {
            "index": index,
            "name": layer.name,
            "algorithm": {"name": step.algorithm, "reason": step.reason},
            "elapsed_ms": round(step.elapsed_ms, 4),
            "cached": index < run.known,
            "stats": [stats.as_dict() for stats in computed.stats],
        }
        layers.append(entry)
        if index in wanted and returning.values:
            maps = chosen_channels(step.output, returning, ("return", "channels"))
            put(answer, f"layers.{index}", maps, entry, returning)
    return answer


def backward_answer(result: Backward, returning: Returning) -> Answer:
    """Return the answer to a backward pass: the loss, and each gradient with values."""
    gradients: list[dict[str, Any]] = []
    answer = Answer({"loss": result.loss, "gradients": gradients})
    for name, gradient in result.gradients.items():
        entry = {
            "name": name,
            "shape": gradient.shape,
            "stats": [stats.as_dict() for stats in channel_stats(gradient)],
        }
        gradients.append(entry)
        if returning.values:
            is_map = name == "input" or name.endswith(".output")
            path = ("return", "channels")
            values = chosen_channels(gradient, returning, path) if is_map else gradient
            put(answer, name, values, entry, returning)
    return answer


def told(report: LayerReport) -> dict[str, Any]:
    """Return what a layer's report says, by the contract's names."""
    field = report.receptive_field
    return {
        "index": report.index,
        "type": report.type,
        "name": report.name,
        "input_shape": report.input_shape,
        "output_shape": report.output_shape,
        "padding": report.padding,
        "receptive_field": None
        if field is None
        else {"size": field.size, "stride": field.stride, "start": field.start},
        "parameters": report.parameters,
        "multiply_adds": report.multiply_adds,
    }


def shapes_envelope(prospect: Prospect, limit_bytes: int) -> dict[str, Any]:
    """Return what every layer would do; illegal ones tell what is wrong and what is legal."""
    layers = []
    for report in prospect.reports:
        errors = [
            {
                "pointer": pointer(("layers", report.index, *error.path)),
                "detail": error.message,
                "legal": error.legal,
            }
            for error in prospect.faults.get(report.index, ())
        ]
        layers.append(
            told(report)
            | {
                "formula": report.formula,
                "working_bytes": report.working_bytes,
                "legal": report.legal,
                "errors": errors,
            }
        )
    return {
        "input": {"shape": prospect.input_shape},
        "layers": layers,
        "estimated": prospect.peak_bytes,
        "limit": limit_bytes,
    }


def explain_envelope(explanation: Explanation) -> dict[str, Any]:
    """Return every term of one number, both factors of each with their positions."""
    # By hand: asdict() would copy every number of thousands of terms.
    terms = [
        {
            "left": vars(term.left),
            "right": vars(term.right),
            "product": term.product,
            "padding": term.padding,
        }
        for term in explanation.terms
    ]
    return {**vars(explanation), "terms": terms}


def gradcheck_envelope(wrt: str, step: float, checks: Sequence[Check]) -> dict[str, Any]:
    """Return each element computed in two ways, and whether all of them agree."""
    return {
        "wrt": wrt,
        "step": step,
        "verdict": "fail" if any(check.verdict == "fail" for check in checks) else "pass",
        "checks": [asdict(check) for check in checks],
    }


def chosen_layers(returning: Returning, count: int) -> set[int]:
    """Return the indices of the layers whose values go back.

    Raises:
        NetworkError: The network has no such layer; every fault at once.
    """
    if returning.layers == "all":
        return set(range(count))
    if returning.layers == "last":
        return {count - 1}
    _refuse_outside(returning.layers, count, "layer", ("return", "layers"))
    return {index % count for index in returning.layers}


def chosen_channels(maps: Array, returning: Returning, path: tuple[str, ...]) -> Array:
    """Return the channels that go back; without a choice the maps themselves.

    Raises:
        NetworkError: The maps have no such channel; every fault at once.
    """
    if returning.channels is None:
        return maps
    _refuse_outside(returning.channels, maps.shape[1], "channel", path)
    if len(returning.channels) == 1:
        channel = returning.channels[0] % maps.shape[1]
        return maps[:, channel : channel + 1]  # a view: one map of a large photo is not copied
    return maps[:, list(returning.channels)]


def _refuse_outside(indices: tuple[int, ...], count: int, what: str, path: tuple[str, ...]) -> None:
    legal = f"{-count} to {count - 1}" if count else "none"
    errors = [
        ParameterError(
            f"There is no {what} {index} among {count}; legal: {legal}.", (*path, place), legal
        )
        for place, index in enumerate(indices)
        if not -count <= index < count
    ]
    if errors:
        raise NetworkError(errors)


def put(
    answer: Answer, name: str, values: Array, entry: dict[str, Any], returning: Returning
) -> None:
    """Add values to the answer in the form the request wants them."""
    if returning.max_side is not None:
        values = area_mean(values, returning.max_side)
        entry["data_shape"] = values.shape
    elif returning.channels is not None:
        entry["data_shape"] = values.shape
    dtype = returning.dtype
    if dtype in ("uint8", "uint16"):
        quantised = quantise(values, dtype)
        entry["scale"], entry["offset"] = quantised.scale, quantised.offset
        values = quantised.codes
    elif dtype is not None:
        with np.errstate(over="ignore"):
            values = values.astype(dtype, copy=False)
    answer.add(name, values, entry)
