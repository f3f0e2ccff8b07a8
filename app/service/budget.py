"""What a request would cost, told before any of it is done, and the limits it must keep."""

import math
from collections.abc import Sequence

from app.engine.errors import EngineError, NetworkError, ParameterError
from app.engine.layers import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Layer
from app.engine.network import LayerReport
from app.service.errors import TooMuchWork
from app.service.specs import Spec
from app.settings import Settings

FILTERED = (Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense)


def beyond_limits(layer: Layer, report: LayerReport, settings: Settings) -> list[ParameterError]:
    """Return where a legal layer exceeds the server's limits; paths begin at the layer."""
    found = []
    window = report.inference.window if report.inference else None
    if window is not None:
        field = "kernel" if isinstance(layer, FILTERED) else "size"
        found += [
            _too_large(field, name, side, settings.kernel_side)
            for name, side in zip(("rows", "cols"), window.kernel, strict=True)
            if side > settings.kernel_side
        ]
        found += [
            _too_large("stride", name, step, settings.stride)
            for name, step in zip(("rows", "cols"), window.stride, strict=True)
            if step > settings.stride
        ]
    if isinstance(layer, FILTERED) and report.output_shape is not None:
        field, count = ("weight" if isinstance(layer, Dense) else "kernel"), report.output_shape[1]
        if count > settings.filters:
            found.append(_too_large(field, "filters", count, settings.filters))
    return found


def _too_large(field: str, what: str, actual: int, limit: int) -> ParameterError:
    named = what if what == "filters" else f"{field} {what}"
    return ParameterError(
        f"The layer has {named} {actual}; this server's limit is {limit}.",
        (field,),
        f"at most {limit}",
    )


def faults(
    layers: Sequence[Layer], reports: Sequence[LayerReport], settings: Settings
) -> dict[int, list[EngineError]]:
    """Return each layer's problems, illegal or beyond a limit; paths begin at the layer."""
    found: dict[int, list[EngineError]] = {}
    for layer, report in zip(layers, reports, strict=True):
        own = report.error
        if own is None:
            errors: Sequence[EngineError] = beyond_limits(layer, report, settings)
        else:
            errors = own.errors if isinstance(own, NetworkError) else (own,)
        if errors:
            found[report.index] = list(errors)
    return found


def refuse_too_many_layers(spec: Spec, settings: Settings) -> None:
    """Raise ParameterError for a network that is too deep."""
    if len(spec.layers) > settings.layers:
        raise ParameterError(
            f"The network has {len(spec.layers)} layers; this server's limit is {settings.layers}.",
            ("layers",),
            f"at most {settings.layers}",
        )


def peak_bytes(input_bytes: int, reports: Sequence[LayerReport], itemsize: int) -> int:
    """Return the memory of a forward pass: all outputs stay, and one layer works at a time."""
    kept = working = 0
    for report in reports:
        output = math.prod(report.output_shape or ()) * itemsize
        parameters = report.parameters * itemsize
        kept += output + parameters
        working = max(working, report.working_bytes - output - parameters)
    return input_bytes + kept + working


def refuse_too_much_work(estimated: int, settings: Settings) -> None:
    """Raise TooMuchWork when a request needs more memory than one may."""
    if estimated > settings.working_bytes:
        raise TooMuchWork(
            f"The request would need {estimated / 2**20:.0f} MiB of memory; the limit is "
            f"{settings.working_bytes / 2**20:.0f} MiB. A smaller input, fewer filters or a "
            "larger stride needs less.",
            estimated=estimated,
            limit=settings.working_bytes,
        )
