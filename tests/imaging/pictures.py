"""Pictures for the tests: encoded on the fly, or written byte by byte to be hostile."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app import imaging
from app.imaging import Picture, PictureLimits

LIMITS = PictureLimits(pixels=50_000_000, side=16_384)


def read_small(content: bytes) -> Picture:
    """Decode a picture of at most 2 Mpx in this very process."""
    return imaging.read(content, PictureLimits(pixels=2_000_000, side=2_000))


def noise(*shape: int, seed: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(pixels: NDArray[Any] | Image.Image, name: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *chunks: bytes, depth: int = 8, color: int = 0) -> bytes:
    """A PNG that announces a size, followed by whatever chunks."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")


def tiff_of(width: int, height: int, *entries: tuple[int, int, int]) -> bytes:
    """A little-endian TIFF header of 8-bit gray with further (tag, type, value) entries."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), *entries]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + struct.pack("<I", 0)
