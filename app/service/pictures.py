"""Pictures in use: decoded once, kept in memory by id, turned into inputs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from app import imaging
from app.engine import threads
from app.imaging import Color, Picture, Range
from app.service import samples
from app.service.recent import Recent
from app.service.records import ImageRecord
from app.service.store import ImageStore

Pixels = NDArray[np.uint8]


class Pictures:
    """Uploads and samples as pixels and as inputs.

    Everything here blocks: decode in threads, never on an event loop.

    Args:
        store: where uploads live.
        decode: turns the bytes of a stranger's file into a picture, or raises a PictureError.
        decoded_bytes: memory for decoded pictures and the inputs made of them.
    """

    def __init__(
        self, store: ImageStore, decode: Callable[[bytes], Picture], decoded_bytes: int
    ) -> None:
        self.store = store
        self._decode = decode
        # By (name,) as pixels, by (name, color, range, …) as inputs; read-only.
        self._decoded: Recent[NDArray[Any]] = Recent(decoded_bytes)
        self._decoding = _KeyedLocks()

    def upload(self, content: bytes) -> tuple[ImageRecord, bool]:
        """Decode and keep an upload.

        Args:
            content: its bytes.

        Returns:
            Its record, and whether it is new here.

        Raises:
            PictureError: it is no picture, or broken, or too large.
            StoreFull: there is no room for it.
        """
        picture = self.read(content)
        record, new = self.store.put(content, picture)
        self._decoded.put((record.id,), picture.pixels)
        return record, new

    def read(self, content: bytes) -> Picture:
        """Decode bytes without keeping them.

        Raises:
            PictureError: they are no picture, or broken, or too large.
        """
        return self._decode(content)

    def delete(self, image_id: str) -> None:
        """Forget an upload, and what was decoded of it.

        Raises:
            NotFound: there is none of this id.
        """
        self.store.delete(image_id)
        self._decoded.drop(lambda key: isinstance(key, tuple) and key[0] == image_id)

    def pixels(self, image_id: str) -> Pixels:
        """Return an upload's pixels, shape (H, W) or (H, W, 3), read-only.

        Raises:
            NotFound: there is none of this id.
        """
        self.store.get(image_id)
        return self._pixels(image_id, lambda: self.store.content(image_id))

    def load_input(
        self,
        *,
        image: str | None = None,
        sample: str | None = None,
        color: Color = "rgb",
        range: Range = "unit",  # noqa: A002 - the contract's name
        max_side: int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> NDArray[Any]:
        """Return an upload or a sample as the input of a network.

        Args:
            image: id of an upload; or
            sample: name of a sample.
            color: `rgb` or `gray`; means nothing to a sample of numbers, like the next two.
            range: `unit` 0..1, `signed` −1..1 or `byte` 0..255.
            max_side: longest side, in pixels; larger pictures are shrunk.
            dtype: float32 or float64.

        Returns:
            Read-only, shape (1, 3, H, W) or (1, 1, H, W); a sample of numbers keeps its own
            shape, to be read like an array in the request.

        Raises:
            NotFound: there is no such upload or sample.
        """
        if sample is not None:
            found = samples.find(sample)
            if isinstance(found, samples.ArraySample):
                return found.array.astype(dtype)
        name = self._name(image, sample)
        key = (name, color, range, max_side, np.dtype(dtype).str)
        if (kept := self._decoded.get(key)) is not None:
            return kept
        pixels = self.sample_pixels(sample) if sample is not None else self.pixels(name)
        channels = imaging.to_channels(
            pixels,
            color=color,
            range=range,
            max_side=max_side,
            dtype=dtype,
            share=threads.share,
        )[None]
        channels.flags.writeable = False
        self._decoded.put(key, channels)
        return channels

    def input_shape(
        self,
        *,
        image: str | None = None,
        sample: str | None = None,
        color: Color = "rgb",
        max_side: int | None = None,
    ) -> tuple[int, ...]:
        """Return the shape that `load_input` would give; an upload is not decoded for it.

        Raises:
            NotFound: there is no such upload or sample.
        """
        if sample is not None:
            found = samples.find(sample)
            if isinstance(found, samples.ArraySample):
                return found.array.shape
            rows, cols = self.sample_pixels(sample).shape[:2]
        else:
            record = self.store.get(self._name(image, sample))
            rows, cols = record.height, record.width
        height, width = imaging.scaled_size(rows, cols, max_side)
        return (1, 3 if color == "rgb" else 1, height, width)

    def sample_pixels(self, name: str) -> Pixels:
        """Return the pixels of a sample picture, shape (H, W) or (H, W, 3), read-only.

        Raises:
            NotFound: there is no sample of this name, or it is one of numbers.
        """
        found = samples.find_picture(name)
        return self._pixels(f"sample:{name}", lambda: found.content)

    def _name(self, image: str | None, sample: str | None) -> str:
        if image is None:
            return f"sample:{sample}"
        # A kept input must not outlive its upload, and using it is using the upload.
        self.store.get(image)
        return image

    def _pixels(self, name: str, content: Callable[[], bytes]) -> Pixels:
        key = (name,)
        with self._decoding.of(name):
            if (kept := self._decoded.get(key)) is not None:
                return kept
            pixels = self.read(content()).pixels
            self._decoded.put(key, pixels)
            return pixels


class _KeyedLocks:
    """One lock a name, so that two requests for one picture decode it once."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(64)]

    def of(self, name: str) -> threading.Lock:
        return self._locks[hash(name) % len(self._locks)]
