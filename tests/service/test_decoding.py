"""Decoding in processes of its own: the same pictures, and nobody hurt by a decoder's end."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from app import imaging
from app.imaging import BrokenPicture, NotAPicture, PictureLimits, PictureTooLarge
from app.service.decoding import Decoding
from app.service.errors import Overloaded
from tests.imaging.pictures import encoded, noise, png_of

LIMITS = PictureLimits(pixels=20_000_000, side=10_000)
MEBIBYTE = 1 << 20
SMALL = encoded(noise(30, 41, 3), "PNG")

Make = Callable[..., Decoding]
Pids = Callable[[], set[int]]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Decoding] = []

    def build(processes: int = 1, memory: int = 400 * MEBIBYTE, seconds: float = 30) -> Decoding:
        made.append(Decoding(processes, LIMITS, memory, seconds))
        return made[-1]

    yield build
    for decoding in made:
        decoding.close()


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A picture that takes a good part of a second to decode."""
    return encoded(noise(4000, 4000, 3), "PNG", compress_level=1)


@pytest.fixture
def decoders() -> Pids:
    """The processes of this test's decoders, of which others may have some as well."""

    def children() -> set[int]:
        return {child.pid for child in multiprocessing.active_children() if child.pid is not None}

    others = children()
    return lambda: children() - others


@pytest.mark.parametrize(
    "content",
    [
        SMALL,
        encoded(noise(20, 30), "TIFF"),
        encoded(
            noise(64, 48, 3),
            "JPEG",
            exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\6\0\0\0\0\0\0",
        ),
    ],
    ids=["png", "tiff", "turned-jpeg"],
)
def test_picture_is_that_of_the_decoder_itself(make: Make, content: bytes) -> None:
    found, wanted = make().read(content), imaging.read(content, LIMITS)
    np.testing.assert_array_equal(found.pixels, wanted.pixels)
    assert (found.mode, found.format) == (wanted.mode, wanted.format)
    assert found.conversions == wanted.conversions
    assert not found.pixels.flags.writeable


def test_what_is_wrong_with_a_picture_comes_back_whole(make: Make) -> None:
    decoding = make()
    with pytest.raises(NotAPicture, match="accepted type") as refused:
        decoding.read(b"%PDF-1.7")
    assert refused.value.accepted == imaging.ACCEPTED
    with pytest.raises(PictureTooLarge) as large:
        decoding.read(png_of(12_000, 10))
    assert (large.value.limit, large.value.actual) == (LIMITS.side, 12_000)
    with pytest.raises(BrokenPicture, match="corrupt"):
        decoding.read(SMALL[:100])


def test_crash_of_a_decoder_ends_its_picture_and_nothing_else(make: Make, decoders: Pids) -> None:
    decoding = make(2)
    decoding.start()
    (first,) = decoders()
    os.kill(first, signal.SIGSTOP)
    told: list[str] = []

    def read() -> None:
        try:
            decoding.read(SMALL)
        except BrokenPicture as error:
            told.append(error.message)

    victim = threading.Thread(target=read)
    victim.start()
    while first in resting(decoding):
        time.sleep(0.01)
    assert decoding.read(SMALL).width == 41
    os.kill(first, signal.SIGSEGV)
    os.kill(first, signal.SIGCONT)
    victim.join()
    assert told == ["The picture cannot be decoded: its decoder crashed."]
    assert decoding.read(SMALL).width == 41


def resting(decoding: Decoding) -> set[int | None]:
    """The processes that no caller has at the moment."""
    return {decoder._process.pid for decoder in list(decoding._free.queue) if decoder}


def test_decoder_that_died_at_rest_is_replaced(make: Make, decoders: Pids) -> None:
    decoding = make()
    decoding.start()
    (first,) = decoders()
    os.kill(first, signal.SIGKILL)
    while first in decoders():
        time.sleep(0.01)
    assert decoding.read(SMALL).width == 41
    assert len(decoders()) == 1


@pytest.mark.parametrize("trailing", [0, 8 * MEBIBYTE])
def test_decoder_that_takes_too_long_is_ended(make: Make, decoders: Pids, trailing: int) -> None:
    # It neither decodes what it has got nor takes in what is more than a pipe holds.
    decoding = make(seconds=2)
    decoding.start()
    (stuck,) = decoders()
    os.kill(stuck, signal.SIGSTOP)
    with pytest.raises(BrokenPicture, match="took longer than 2 s"):
        decoding.read(SMALL + bytes(trailing))
    assert decoders() == set()
    assert decoding.read(SMALL).width == 41


def test_decoder_gets_no_more_memory_than_its_limit(make: Make, slow: bytes) -> None:
    tight, roomy = make(memory=30 * MEBIBYTE), make()
    with pytest.raises(BrokenPicture):
        tight.read(slow)
    assert tight.read(SMALL).width == 41
    assert roomy.read(slow).width == 4000


def test_caller_does_not_wait_for_ever_for_a_free_decoder(make: Make) -> None:
    with pytest.raises(Overloaded, match="busy"):
        make(processes=0, seconds=0.05).read(SMALL)


def test_closing_ends_the_processes(make: Make, decoders: Pids) -> None:
    decoding = make()
    decoding.start()
    assert len(decoders()) == 1
    decoding.close()
    assert decoders() == set()
