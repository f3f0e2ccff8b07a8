"""Hostile pictures made from whole ones: cut everywhere, relabelled, given absurd numbers."""

import itertools
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile, UnidentifiedImageError

from app.imaging import BrokenPicture, Picture, PictureError, PictureTooLarge
from tests.imaging.pictures import LIMITS, encoded, noise, read_small
from tests.imaging.test_reading import resident_bytes

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]
MOST_BYTES = 64 * 1024 * 1024
# Where a format keeps its sizes, counts and offsets.
HEADER_BYTES = 96
ABSURD = [struct.pack(">I", number) for number in (0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1)]

FAILURES = [
    *(OSError, SyntaxError, ValueError, MemoryError, NotImplementedError, OverflowError),
    *(struct.error, Image.DecompressionBombError, UnidentifiedImageError, RecursionError),
]

pytestmark = pytest.mark.filterwarnings("ignore")


def small(name: str) -> bytes:
    return encoded(noise(5, 7, 3), name)


def judged(content: bytes) -> Picture | None:
    """The picture, or None where it is refused; anything else that is raised fails the test."""
    try:
        return read_small(content)
    except PictureError:
        return None


@pytest.mark.parametrize("name", FORMATS)
def test_picture_cut_at_any_byte_is_refused_or_whole(name: str) -> None:
    content = small(name)
    whole = read_small(content)
    for end in range(len(content)):
        picture = judged(content[:end])
        if picture is not None:
            # What is missing was no pixel: a last mark, a checksum, what a program had to say.
            np.testing.assert_array_equal(picture.pixels, whole.pixels)
    assert judged(content[: len(content) // 3]) is None


@pytest.mark.parametrize("name", FORMATS)
def test_absurd_numbers_in_a_header_are_refused_or_read_within_bounds(name: str) -> None:
    content, before = small(name), resident_bytes()
    for at, number in itertools.product(range(min(HEADER_BYTES, len(content) - 4)), ABSURD):
        for written in (number, number[::-1]):
            judged(content[:at] + written + content[at + 4 :])
    assert resident_bytes() - before < MOST_BYTES


@pytest.mark.parametrize(("magic", "body"), list(itertools.permutations(FORMATS, 2)))
def test_picture_under_the_first_bytes_of_another_type_is_refused(magic: str, body: str) -> None:
    assert judged(small(magic)[:12] + small(body)[12:]) is None
    assert judged(small(magic)[:12] + small(body)) is None


@pytest.mark.parametrize("name", FORMATS)
def test_what_follows_a_picture_changes_nothing(name: str) -> None:
    picture = judged(small(name) + noise(1000).tobytes())
    assert picture is not None
    np.testing.assert_array_equal(picture.pixels, read_small(small(name)).pixels)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("moment", ["open", "load"])
def test_every_failure_of_a_decoder_is_that_of_its_picture(
    monkeypatch: pytest.MonkeyPatch, moment: str, failure: type[Exception]
) -> None:
    content = small("PNG")

    def fail(*_: object, **__: object) -> None:
        raise failure("of the decoder")

    monkeypatch.setattr(Image if moment == "open" else ImageFile.ImageFile, moment, fail)
    with pytest.raises(BrokenPicture, match=r"PNG.*\.$"):
        read_small(content)
    monkeypatch.undo()
    assert read_small(content).width == 7


def scanned(times: int) -> bytes:
    """A progressive JPEG whose last scan is repeated; its metadata looks like 200 more."""
    content = encoded(noise(9, 11, 3, seed=4), "JPEG", progressive=True, comment=b"\xff\xda" * 200)
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * times + content[-2:]


def test_scans_of_a_jpeg_have_an_end_and_what_metadata_says_is_none() -> None:
    own = 10  # what Pillow's encoder makes of colour
    assert read_small(scanned(LIMITS.scans - own)).pixels.shape == (9, 11, 3)
    with pytest.raises(PictureTooLarge, match="in 101 scans; at most 100") as caught:
        read_small(scanned(LIMITS.scans - own + 1))
    assert (caught.value.limit, caught.value.actual) == (LIMITS.scans, LIMITS.scans + 1)
