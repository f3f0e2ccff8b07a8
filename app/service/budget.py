"""The limits that a request must keep, judged before any of it is done."""

from collections.abc import Collection, Sequence

from app.engine.arguments import span
from app.engine.errors import EngineError, NetworkError, ParameterError
from app.engine.kernels import RandomKernel, RandomWeight
from app.engine.layers import Bounds, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense, Layer
from app.engine.network import LayerReport
from app.imaging import PictureLimits
from app.service.errors import TooMuchWork
from app.settings import Settings

FILTERED = (Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dense)


def bounds(settings: Settings) -> Bounds:
    """Return the server's limits as the engine's reports tell them."""
    return Bounds(settings.stride, settings.kernel_side, settings.filters)


def picture_limits(settings: Settings) -> PictureLimits:
    """Return the server's limits as the reading of pictures asks for them."""
    return PictureLimits(
        pixels=settings.picture_pixels,
        side=settings.picture_side,
        scans=settings.picture_scans,
    )


def beyond_limits(layer: Layer, report: LayerReport, settings: Settings) -> list[ParameterError]:
    """Return where a legal layer exceeds the server's limits; paths begin at the layer."""
    found = []
    if report.inference is not None and report.inference.window is not None:
        window = report.inference.window
        axes = ("rows", "cols") if layer.reads == 2 else ("rows", "length")
        for name, side, step in zip(axes, window.kernel, window.stride, strict=True):
            if side > settings.kernel_side:
                what = f"{_EXTENT[isinstance(layer, FILTERED)]} is {side} along the {name}"
                found.append(_too_large(_size_place(layer), what, settings.kernel_side))
            if step > settings.stride:
                what = f"stride is {step} along the {name}"
                found.append(_too_large(("stride",), what, settings.stride))
    if isinstance(layer, FILTERED) and report.output_shape is not None:
        count = report.output_shape[1]
        if count > settings.filters:
            what = f"number of filters is {count}"
            found.append(_too_large(_filters_place(layer), what, settings.filters))
    return found


_EXTENT = {True: "kernel", False: "window"}


def _size_place(layer: Layer) -> tuple[str, ...]:
    kernel = getattr(layer, "kernel", None)
    if isinstance(kernel, RandomKernel):
        return ("kernel", "random", "size")
    return ("size",) if kernel is None else ("kernel",)


def _filters_place(layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Dense):
        drawn = isinstance(layer.weight, RandomWeight)
        return ("weight", "random", "features") if drawn else ("weight",)
    drawn = isinstance(getattr(layer, "kernel", None), RandomKernel)
    return ("kernel", "random", "filters") if drawn else ("kernel",)


def _too_large(path: tuple[str, ...], what: str, limit: int) -> ParameterError:
    legal = span(1, limit)
    return ParameterError(f"The {what}, beyond this server's limit; legal: {legal}.", path, legal)


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


def refuse_too_many_layers(count: int, settings: Settings) -> None:
    """Raise ParameterError for a network that is too deep."""
    if count > settings.layers:
        raise ParameterError(
            f"The network has {count} layers; this server's limit is {settings.layers}.",
            ("layers",),
            f"at most {settings.layers}",
        )


def _amounts(estimated: int, limit: int) -> tuple[str, str]:
    """Return both in MiB or GiB, with as many decimals as it takes to tell them apart."""
    amounts = ("", "")
    for decimals in range(11):
        amounts = _amount(estimated, decimals), _amount(limit, decimals)
        if amounts[0] != amounts[1]:
            break
    return amounts


def _amount(count: int, decimals: int) -> str:
    """Return so many bytes in MiB, in GiB with a decimal more from 1024 MiB on."""
    if count < 1 << 30:
        return f"{count / 2**20:.{decimals}f} MiB"
    digits = f"{count / 2**30:.{decimals + 1}f}".rstrip("0").removesuffix(".")
    return f"{digits} GiB"


# What makes the maps of a layer smaller; a larger stride makes those of a transposed one larger.
_WAYS = {
    "fewer filters": ("conv", "conv_transpose"),
    "fewer features": ("dense",),
    "a larger stride": ("conv", "max_pool", "avg_pool"),
    "a smaller stride": ("conv_transpose",),
}
_OF_TRANSPOSED = {"a larger stride": "", "a smaller stride": " of the transposed convolution"}


def _advice(types: Collection[str]) -> str:
    """Return what would need less memory in a network of layers of these types."""
    kinds = {kind.removesuffix("1d").removesuffix("2d") for kind in types}
    ways = [way for way, ofs in _WAYS.items() if kinds.intersection(ofs)]
    if {"a larger stride", "a smaller stride"} <= set(ways):
        ways = [f"{way}{_OF_TRANSPOSED.get(way, '')}" for way in ways]
    *first, last = ["a smaller input", *ways]
    told = f"{', '.join(first)} or {last}" if first else last
    return f"{told[0].upper()}{told[1:]} needs less."


def refuse_too_much_work(
    estimated: int, reports: Sequence[LayerReport], settings: Settings
) -> None:
    """Raise TooMuchWork when a request needs more memory than one may.

    Args:
        estimated: The bytes it needs.
        reports: One a layer, for what could be changed to need less.
        settings: The limits.
    """
    limit = settings.working_bytes
    if estimated > limit:
        needed, legal = _amounts(estimated, limit)
        raise TooMuchWork(
            f"The request would need {needed} of memory; the limit is {legal}. "
            f"{_advice({report.type for report in reports})}",
            estimated=estimated,
            limit=limit,
        )
