"""One picture of many through one spec: bytes of a picture in, contents of files out.

This is all that is computed of a job's item. It is a plain function of plain values, so that it can
run in a slot of this process as well as on another machine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from app import imaging
from app.engine.errors import ParameterError
from app.engine.layers import Layer
from app.engine.network import forward
from app.imaging import Picture, Rendering
from app.service import budget, memory
from app.service.answers import (
    Answer,
    as_maps,
    as_npz,
    as_pixels,
    forward_answer,
    refuse_unknown,
)
from app.service.compute import Run
from app.service.memory import Writing
from app.service.prefix import ComputedLayer
from app.service.prospect import Prospect, foresee
from app.service.specs import ArrayInput, PictureInput, Returning, ShapeInput, Spec
from app.settings import Settings

Form = Literal["npz", "png"]
QUANTISED = ("uint8", "uint16")

# Beyond the numbers: names and headers in the file, and the envelope, which is text of four bytes a
# character with some numbers a channel.
NPZ_BYTES, NPZ_BYTES_A_LAYER, NPZ_BYTES_A_CHANNEL = 4096, 8192, 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemWork:
    """What is computed of each picture; it can be pickled.

    Attributes:
        layers: The network.
        dtype: float32 or float64.
        picture: How a picture becomes an input; it names no source.
        returning: Which maps are kept, and in which form.
        rendering: How they are drawn.
        forms: Which files are made of them.
        settings: The limits; they hold no secret.
    """

    layers: tuple[Layer, ...]
    dtype: np.dtype[Any]
    picture: PictureInput
    returning: Returning
    rendering: Rendering
    forms: tuple[Form, ...]
    settings: Settings

    def on(self, rows: int, cols: int) -> Spec:
        """Return the computation on a picture of this size, by its shape alone."""
        size = imaging.scaled_size(rows, cols, self.picture.max_side)
        shape = (1, 3 if self.picture.color == "rgb" else 1, *size)
        return Spec(ShapeInput(shape), self.layers, self.dtype)

    def refuse(self, rows: int, cols: int) -> Prospect:
        """Raise whatever speaks against a picture of this size, or tell of the computation.

        Raises:
            EngineError: The network is illegal for it, with every fault; or what is to be kept is
                not there.
            TooMuchWork: It would need too much memory.
        """
        spec = self.on(rows, cols)
        prospect = foresee(spec, self.settings)
        prospect.refuse_faults()
        refuse_unknown(self.returning, prospect.reports)
        for writing in self._writings():
            budget.refuse_too_much_work(
                prospect.forward_bytes(writing), prospect.reports, self.settings
            )
        return prospect

    def _writings(self) -> list[Writing]:
        found = [Writing(self.returning, 2)] if "npz" in self.forms else []
        if "png" in self.forms:
            how = self.rendering
            plain = how.clip == 100 and not how.overlay and not how.legend
            found.append(memory.drawn(replace(self.returning, dtype=None), plain=plain))
        return found

    def most_bytes(self, prospect: Prospect) -> int:
        """Return the size that the files of a picture have at most."""
        reports, most = prospect.reports, 0
        if "npz" in self.forms:
            channels = sum((report.output_shape or (1, 1))[1] for report in reports)
            most += NPZ_BYTES + NPZ_BYTES_A_LAYER * len(reports) + NPZ_BYTES_A_CHANNEL * channels
        for report in reports:
            if self.returning.has_layer(report.index, len(reports)):
                shape = Writing(self.returning).shape_of(report.output_shape or (0, 0))
                most += self._bytes_of_maps(shape, prospect.itemsize)
        return most

    def _bytes_of_maps(self, shape: tuple[int, ...], itemsize: int) -> int:
        most = 0
        if "npz" in self.forms:
            wire = memory.WIRE_BYTES.get(self.returning.dtype or "", itemsize)
            most += math.prod(shape) * wire
        if "png" in self.forms:
            rows, cols = shape[2:] if len(shape) == 4 else (1, shape[-1])
            maps = math.prod(shape[:-2] if len(shape) == 4 else shape[:-1])
            most += imaging.most_bytes(maps, rows, cols, self.rendering)
        return most


def compute_item(
    content: bytes, work: ItemWork, *, decode: Callable[[bytes], Picture] | None = None
) -> dict[str, bytes]:
    """Return the files of one picture, by what their names end with.

    Args:
        content: The picture's file.
        work: What is computed of it.
        decode: Reads the picture; by default this process does, within the limits of `work`.

    Returns:
        `.npz`: the maps `layers.0`, … and the envelope `response`, as `POST /forward` answers them.
        `.png`, or `.layers.0.png`, … where several layers are kept: the maps of each layer.

    Raises:
        PictureError: The content cannot be read as a picture.
        EngineError: The network is illegal for this picture, or something chosen is not there.
        TooMuchWork: It would need too much memory.
    """
    settings = work.settings
    read = decode or partial(imaging.read, limits=budget.picture_limits(settings))
    pixels = read(content).pixels
    prospect = work.refuse(*pixels.shape[:2])
    asked = work.picture
    x = imaging.to_channels(
        pixels, color=asked.color, range=asked.range, max_side=asked.max_side, dtype=work.dtype
    )[None]
    del pixels
    tape = forward(work.layers, x, reports=prospect.reports)
    run = Run(tape, [ComputedLayer(step) for step in tape.steps], 0)
    spec = Spec(ArrayInput(x), work.layers, work.dtype)
    answer = forward_answer(spec, run, work.returning)
    files = {".npz": as_npz(answer)} if "npz" in work.forms else {}
    if "png" in work.forms:
        if work.returning.dtype in QUANTISED:  # pictures are drawn from exact values
            answer = forward_answer(spec, run, replace(work.returning, dtype=None))
        files |= _pictures(answer, work, x)
    return files


def _pictures(answer: Answer, work: ItemWork, x: Any) -> dict[str, bytes]:
    under = as_pixels(x, work.picture.range) if work.rendering.overlay > 0 else None
    files = {}
    for name, array in answer.arrays.items():
        if array.size == 0:
            raise ParameterError(
                f"There is nothing to draw: {name} has shape {array.shape}.", ("forms",), "npz"
            )
        ending = ".png" if len(answer.arrays) == 1 else f".{name}.png"
        files[ending] = imaging.render(as_maps(array), work.rendering, under)
    return files
