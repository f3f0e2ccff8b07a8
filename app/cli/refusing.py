"""What is refused before the first picture is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.cli.exits import CommandError
from app.cli.forms import Work
from app.cli.pictures import Source
from app.cli.specs import Spec
from app.client import AsyncClient, Network, NotFound
from app.web.problems import pointer

# A place in the spec as a JSON pointer, and what is wrong there.
Fault = tuple[str, str]


def in_lines(faults: Sequence[Fault]) -> str:
    """Return faults as a sentence, or as a line each."""
    lines = [f"{place or 'request'}: {detail}" for place, detail in faults]
    return lines[0] if len(lines) == 1 else "\n  ".join(["the spec is refused:", *lines])


def refuse_overwriting(sources: Sequence[Source], output: Path, endings: Sequence[str]) -> None:
    """Raise CommandError when a result would take the place of a picture."""
    pictures = {source.path.resolve() for source in sources}
    for source in sources:
        for ending in endings:
            result = output / f"{source.name}{ending}"
            if result.resolve() in pictures:
                raise CommandError(
                    f"The results of {source.path} would overwrite the picture {result}; choose "
                    f"another folder than {output}."
                )


async def refuse_illegal(client: AsyncClient, spec: Spec, work: Work) -> None:
    """Raise whatever speaks against all pictures alike.

    Raises:
        Problem: The API cannot read the request.
        CommandError: A field of a layer is illegal, or there is no such layer or gradient.
    """
    try:
        # There is no such picture; a request that could be read comes as far as to miss it.
        await work.contents(client, spec.on("0" * 64), ["png"])
    except NotFound:
        network = Network(*spec.layers)
        faults = [(pointer(one.path), one.message) for one in network.faults()]
        faults += _of_arrays(network, work)
        if faults:
            raise CommandError(in_lines(faults)) from None


def _of_arrays(network: Network, work: Work) -> Iterator[Fault]:
    """Yield what is asked for of layers that are not there, or of fields that they do not have."""
    names = {"input"}
    for index, layer in enumerate(network):
        names |= {f"layers.{index}.{field}" for field in (*vars(layer), "output")}
    count = len(network)
    for name, chosen in work.arrays.items():
        if work.kind == "backward" and name not in names:
            yield (
                "/return/gradients",
                f"There is no gradient {name!r} of {count} layers; legal are input, and such as "
                "layers.0.kernel and layers.0.output.",
            )
        elif work.kind == "forward" and not 0 <= chosen < count:
            legal = f"{-count} to {count - 1}" if count else "none"
            yield "/return/layers", f"There is no layer {chosen} among {count}; legal: {legal}."
