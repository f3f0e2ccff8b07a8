"""Results as answers: one envelope that tells, and the arrays that it tells of, by name."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from app.engine.errors import NetworkError, ParameterError
from app.engine.network import LayerReport
from app.imaging import Range
from app.service.compute import Run
from app.service.gradients import Gradients
from app.service.reduction import area_mean, quantise
from app.service.specs import Returning, Spec

Array = NDArray[Any]
Pixels = NDArray[np.uint8]


@dataclass
class Answer:
    """What every form carries: one envelope, and the arrays by name.

    Attributes:
        envelope: The JSON object, arrays left out.
        arrays: The arrays, in order.
        holders: For each array the member of the envelope that shows it as `data` in JSON.
    """

    envelope: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)
    holders: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, array: Array, holder: dict[str, Any]) -> None:
        """Add an array that JSON shows as `data` of `holder`."""
        self.arrays[name] = array
        self.holders[name] = holder


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


def backward_answer(result: Gradients, returning: Returning) -> Answer:
    """Return the answer to a backward pass: the loss, and each gradient with values."""
    gradients: list[dict[str, Any]] = []
    answer = Answer({"loss": result.loss, "gradients": gradients})
    for name, gradient in result.gradients.items():
        entry = {
            "name": name,
            "shape": gradient.shape,
            "stats": [stats.as_dict() for stats in result.stats[name]],
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


def refuse_unknown(returning: Returning, reports: Sequence[LayerReport]) -> None:
    """Refuse a choice of layers or channels that are not there, before anything is computed.

    Raises:
        NetworkError: The network has no such layer, or its maps no such channel.
    """
    wanted = chosen_layers(returning, len(reports))
    for report in reports:
        if report.index in wanted and returning.channels is not None and report.output_shape:
            count = report.output_shape[1]
            _refuse_outside(returning.channels, count, "channel", ("return", "channels"))


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


def as_npz(answer: Answer) -> bytes:
    """Return the arrays as .npz, the envelope as the 0-d string array `response`."""
    text = to_json(answer.envelope, inf_nan_mode="null").decode()
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, response=np.array(text), **answer.arrays)
    return content.getvalue()


def as_maps(array: Array) -> Array:
    """Return an array as maps of shape (M, H, W); a sequence or a vector is a map of one row."""
    if array.ndim == 4:
        return array.reshape(-1, *array.shape[2:])
    return array.reshape(-1, 1, array.shape[-1] if array.ndim else 1)


def as_pixels(x: Array, value_range: Range) -> Pixels | None:
    """Return the first input of a batch as pixels, or None if it is no picture.

    Args:
        x: Input of shape (N, 1, H, W) or (N, 3, H, W).
        value_range: Which values stand for black and white.
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3) or x.size == 0:
        return None
    low, span = {"unit": (0, 1), "signed": (-1, 2), "byte": (0, 255)}[value_range]
    with np.errstate(over="ignore"):  # beyond float32 is beyond white, too
        unit = np.clip(np.nan_to_num((x[0].astype(np.float32) - low) / span), 0, 1)
    pixels = np.rint(unit * 255).astype(np.uint8)
    upright: Pixels = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2)
    return upright
