"""Uploads and samples as inputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.imaging import Picture, PictureError
from app.service import samples
from app.service.errors import NotFound
from app.service.pictures import Pictures
from app.service.store import ImageStore
from tests.imaging.pictures import encoded, noise, read_small


@pytest.fixture
def decodings() -> list[bytes]:
    """Every content that is decoded."""
    return []


@pytest.fixture
def pictures(tmp_path: Path, decodings: list[bytes]) -> Pictures:
    def noted(content: bytes) -> Picture:
        decodings.append(content)
        return read_small(content)

    store = ImageStore(tmp_path, quota=10_000_000, days=7)
    return Pictures(store, noted, 50_000_000)


def test_upload_becomes_an_input_of_one_example(pictures: Pictures) -> None:
    pixels = noise(30, 41, 3)
    record, _ = pictures.upload(encoded(pixels, "PNG"))
    x = pictures.load_input(image=record.id, range="byte", dtype=np.float64)
    np.testing.assert_array_equal(x, np.moveaxis(pixels, 2, 0)[None])


@pytest.mark.parametrize("color", ["rgb", "gray"])
@pytest.mark.parametrize("max_side", [None, 20])
def test_shape_told_beforehand_is_the_shape_that_comes(
    pictures: Pictures, color: Any, max_side: int | None
) -> None:
    record, _ = pictures.upload(encoded(noise(30, 41, 3), "PNG"))
    wanted: dict[str, Any] = {"image": record.id, "color": color, "max_side": max_side}
    assert pictures.input_shape(**wanted) == pictures.load_input(**wanted).shape


def test_picture_is_decoded_once_however_it_is_used(
    pictures: Pictures, decodings: list[bytes]
) -> None:
    record, _ = pictures.upload(encoded(noise(30, 41, 3), "PNG"))
    pictures.load_input(image=record.id)
    pictures.load_input(image=record.id, color="gray", max_side=10)
    pictures.pixels(record.id)
    assert len(decodings) == 1


def test_same_input_again_is_the_same_array_and_read_only(pictures: Pictures) -> None:
    record, _ = pictures.upload(encoded(noise(30, 41, 3), "PNG"))
    first = pictures.load_input(image=record.id)
    assert pictures.load_input(image=record.id) is first
    assert not first.flags.writeable
    other = pictures.load_input(image=record.id, range="signed")
    assert float(other.min()) < 0 <= float(first.min())


def test_deleted_picture_is_gone_from_memory_too(pictures: Pictures) -> None:
    record, _ = pictures.upload(encoded(noise(30, 41, 3), "PNG"))
    pictures.load_input(image=record.id)
    pictures.delete(record.id)
    assert pictures._decoded.get((record.id,)) is None
    for ask in (pictures.load_input, pictures.input_shape):
        with pytest.raises(NotFound):
            ask(image=record.id)


def test_broken_picture_is_not_kept(pictures: Pictures) -> None:
    with pytest.raises(PictureError):
        pictures.upload(encoded(noise(30, 41, 3), "PNG")[:200])
    assert pictures.store.usage() == (0, 0)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_sample_is_an_input(pictures: Pictures, name: str) -> None:
    x = pictures.load_input(sample=name)
    assert pictures.input_shape(sample=name) == x.shape
    assert x.dtype == np.float32
    if isinstance(samples.find(name), samples.PictureSample):
        assert x.shape[:2] == (1, 3)
        assert max(x.shape[2:]) <= 512


def test_samples_of_numbers_are_those_of_the_notes(pictures: Pictures) -> None:
    assert pictures.load_input(sample="notes-1d").tolist() == [1, 2, 3, 4, 5]
    batch = pictures.load_input(sample="notes-1d-batch")
    assert batch.tolist() == [[[1, 2, 3, 4, 5]], [[10, 11, 2, 3, 4]]]


def test_sample_files_are_small_and_have_their_licence_written_down() -> None:
    written = (samples.DIRECTORY / "LICENCES.md").read_text("utf-8")
    files = {path.name for path in samples.DIRECTORY.iterdir()} - {"LICENCES.md"}
    used = {one.file for one in samples.SAMPLES.values() if isinstance(one, samples.PictureSample)}
    assert files == used - {None}
    for name in files:
        assert f"`{name}`" in written
        assert (samples.DIRECTORY / name).stat().st_size <= 150_000


def test_bright_pixel_stands_alone_in_the_middle() -> None:
    pixels = samples.bright_pixel()
    assert np.argwhere(pixels).tolist() == [[16, 16]]


def test_unknown_sample_is_not_found_and_the_known_are_told(pictures: Pictures) -> None:
    with pytest.raises(NotFound, match="chessboard"):
        pictures.load_input(sample="../store")
