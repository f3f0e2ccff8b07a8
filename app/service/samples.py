"""The built-in inputs: pictures under free licences, drawn figures, and the notes' numbers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import imaging
from app.service.errors import NotFound

DIRECTORY = Path(__file__).resolve().parent.parent / "samples"

Pixels = NDArray[np.uint8]
_PUBLIC_DOMAIN = "public domain"
_CC0 = "CC0-1.0"
_OWN = "MIT"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """A built-in input.

    Attributes:
        name: what `{"sample": name}` calls it.
        title: what it shows.
        licence: under which licence it may be used.
        source: who made it, or where it was first published.
    """

    name: str
    title: str
    licence: str
    source: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PictureSample(Sample):
    """A picture, kept as a file or drawn when asked for.

    Attributes:
        file: name of the file, or None.
        draw: returns the pixels, or None.
    """

    file: str | None = None
    draw: Callable[[], Pixels] | None = None

    @functools.cached_property
    def content(self) -> bytes:
        """The picture as a file's bytes: JPEG or PNG."""
        if self.draw is not None:
            return imaging.png(self.draw())
        return (DIRECTORY / str(self.file)).read_bytes()

    @property
    def media_type(self) -> str:
        """The content's type."""
        return "image/jpeg" if str(self.file).endswith(".jpg") else "image/png"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArraySample(Sample):
    """A small array of numbers, as nested lists."""

    values: list[Any]

    @property
    def array(self) -> NDArray[np.float64]:
        """The numbers, in their own shape."""
        return np.array(self.values, np.float64)


def chessboard() -> Pixels:
    """Draw 8 × 8 squares of 32 pixels, the first one white."""
    squares = np.indices((8, 8)).sum(axis=0) % 2
    return np.repeat(np.repeat((255 * (1 - squares)).astype(np.uint8), 32, axis=0), 32, axis=1)


def bright_pixel() -> Pixels:
    """Draw one white pixel on black: a convolution answers it with the kernel itself."""
    pixels = np.zeros((33, 33), np.uint8)
    pixels[16, 16] = 255
    return pixels


_NOTES = "the notes this project implements"

_ALL: tuple[Sample, ...] = (
    PictureSample(
        name="astronaut",
        title="Eileen Collins, astronaut",
        licence=_PUBLIC_DOMAIN,
        source="NASA, https://flic.kr/p/r9qvLn",
        file="astronaut.jpg",
    ),
    PictureSample(
        name="cat",
        title="Chelsea the cat",
        licence=_CC0,
        source="Stéfan van der Walt, scikit-image",
        file="cat.jpg",
    ),
    PictureSample(
        name="camera",
        title="A man and his camera",
        licence=_CC0,
        source="Lav Varshney, scikit-image",
        file="camera.jpg",
    ),
    PictureSample(
        name="text",
        title="Printed text, unevenly lit",
        licence=_PUBLIC_DOMAIN,
        source="https://en.wikipedia.org/wiki/File:Corner.png",
        file="text.png",
    ),
    PictureSample(
        name="brick",
        title="A brick wall",
        licence=_CC0,
        source="CC0Textures, Bricks25",
        file="brick.jpg",
    ),
    PictureSample(
        name="chessboard",
        title="A chessboard",
        licence=_OWN,
        source="drawn by Convscope",
        draw=chessboard,
    ),
    PictureSample(
        name="pixel",
        title="One bright pixel",
        licence=_OWN,
        source="drawn by Convscope",
        draw=bright_pixel,
    ),
    ArraySample(
        name="notes-1d",
        title="The notes' signal of five numbers",
        licence=_OWN,
        source=_NOTES,
        values=[1, 2, 3, 4, 5],
    ),
    ArraySample(
        name="notes-1d-batch",
        title="The notes' batch of two signals",
        licence=_OWN,
        source=_NOTES,
        values=[[[1, 2, 3, 4, 5]], [[10, 11, 2, 3, 4]]],
    ),
    ArraySample(
        name="notes-2d",
        title="The notes' matrix of two rows",
        licence=_OWN,
        source=_NOTES,
        values=[[1, 2, 3, 4, 5], [5, 6, 7, 8, 9]],
    ),
    ArraySample(
        name="notes-2d-batch",
        title="The notes' batch of three matrices",
        licence=_OWN,
        source=_NOTES,
        values=[
            [[[1, 2, 3, 4, 5], [5, 6, 7, 8, 9]]],
            [[[11, 12, 13, 14, 15], [15, 16, 17, 18, 19]]],
            [[[21, 22, 23, 24, 25], [25, 26, 27, 28, 29]]],
        ],
    ),
)

SAMPLES: dict[str, Sample] = {sample.name: sample for sample in _ALL}


def find(name: str) -> Sample:
    """Return the sample of that name.

    Raises:
        NotFound: there is none.
    """
    if name not in SAMPLES:
        raise NotFound(f"There is no sample of this name; there are {', '.join(SAMPLES)}.")
    return SAMPLES[name]


def find_picture(name: str) -> PictureSample:
    """Return the sample picture of that name.

    Raises:
        NotFound: there is none.
    """
    sample = find(name)
    if not isinstance(sample, PictureSample):
        raise NotFound("This sample is an array of numbers; GET /samples has them.")
    return sample
