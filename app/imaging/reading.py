"""Bytes of a stranger to a picture: judged by the header first, decoded only then."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from app.imaging import formats
from app.imaging.conversion import to_eight_bit
from app.imaging.errors import BrokenPicture, NotAPicture, PictureTooLarge

# Pillow's own guard warns by pixels that our limits have long refused, and as a warning.
Image.MAX_IMAGE_PIXELS = None
# A picture's text is never read: its 64 MiB allowance is only a bomb's.
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 1024 * 1024

# What Pillow's plugins let through on hostile content, as fuzzing them showed over the years.
PILLOW_FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclasses.dataclass(frozen=True)
class PictureLimits:
    """How large a decoded picture may be.

    Attributes:
        pixels: most pixels.
        side: longest side, in pixels.
        scans: most scans of a JPEG. Encoders make some ten; each goes over all pixels again.
    """

    pixels: int
    side: int
    scans: int = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: sRGB values, uint8 of shape (H, W) or (H, W, 3); read-only.
        mode: how the file stores a pixel, in Pillow's words (`L`, `RGB`, `CMYK`, `I;16`, …).
        format: `PNG`, `JPEG`, `WebP`, `GIF`, `BMP` or `TIFF`.
        conversions: what was done to get from the file to `pixels`, in order.
    """

    pixels: NDArray[np.uint8]
    mode: str
    format: str
    conversions: tuple[str, ...]

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """1 for gray, 3 for colour."""
        return 1 if self.pixels.ndim == 2 else 3


@dataclasses.dataclass(frozen=True, eq=False)
class Decoded:
    """A picture as Pillow holds it, in memory that is not an array's.

    Attributes:
        image: of mode L or RGB.
        mode: see `Picture`.
        format: see `Picture`.
        conversions: see `Picture`.
    """

    image: Image.Image
    mode: str
    format: str
    conversions: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        return (*self.image.size[::-1], *(() if self.image.mode == "L" else (3,)))

    def write(self, file: BinaryIO) -> None:
        """Write a PGM or PPM file, whose last bytes are the pixels in C-order.

        Into a file of the operating system that takes a third of the time of an array and its
        bytes: nothing is put together first.
        """
        self.image.save(file, "PPM")

    def picture(self) -> Picture:
        """Return the picture as an array."""
        pixels = np.asarray(self.image)
        pixels.flags.writeable = False
        return Picture(pixels, self.mode, self.format, self.conversions)


def read(content: bytes, limits: PictureLimits) -> Picture:
    """Decode a picture; arguments and errors are those of `decode`."""
    return decode(content, limits).picture()


def decode(content: bytes, limits: PictureLimits) -> Decoded:
    """Decode a picture, and leave its pixels where they are.

    Args:
        content: the file's bytes.
        limits: how large it may be.

    Raises:
        NotAPicture: the content is of no accepted type.
        PictureTooLarge: its header announces more than `limits`; nothing was decoded.
        BrokenPicture: it cannot be decoded.
    """
    name = formats.detect(content)
    if name is None:
        raise NotAPicture(
            f"The content is not a picture of an accepted type: {', '.join(formats.ACCEPTED)}.",
            formats.ACCEPTED,
        )
    if name == "WebP":
        _check_size(formats.webp_size(content), limits)
    if name == "JPEG":
        _check_scans(content, limits)
    try:
        with Image.open(io.BytesIO(content), formats=[name.upper()]) as image:
            _check_size(image.size, limits)
            _check_tiles(image, limits)
            frames = _frames(image, content, name)
            mode, deep = image.mode, _is_deep(image, content, name)
            # Pillow turns TIFFs upright while it loads them, and forgets that it did.
            turned = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation)
            image.load()
            flat, conversions = to_eight_bit(image, deep=deep, frames=frames, turned=turned)
    except UnidentifiedImageError as error:
        raise BrokenPicture(
            f"The content begins like {name} but is corrupt, or laid out in a way not read here."
        ) from error
    except (PictureTooLarge, BrokenPicture):
        raise
    except PILLOW_FAILURES as error:
        raise BrokenPicture(f"The {name} picture is truncated or corrupt.") from error
    return Decoded(flat, mode, name, tuple(conversions))


def _check_size(size: tuple[int, int], limits: PictureLimits) -> None:
    width, height = size
    if min(width, height) < 1:
        raise BrokenPicture(f"The header announces {width}×{height} pixels: there is no picture.")
    if max(width, height) > limits.side:
        raise PictureTooLarge(
            f"The picture is {width}×{height} pixels; a side may have at most {limits.side}.",
            limit=limits.side,
            actual=max(width, height),
        )
    if width * height > limits.pixels:
        raise PictureTooLarge(
            f"The picture has {width}×{height} = {width * height} pixels; "
            f"at most {limits.pixels} are accepted.",
            limit=limits.pixels,
            actual=width * height,
        )


def _check_scans(content: bytes, limits: PictureLimits) -> None:
    if (scans := formats.count_scans(content, limits.scans)) > limits.scans:
        raise PictureTooLarge(
            f"The JPEG picture is stored in {scans} scans; at most {limits.scans} are accepted.",
            limit=limits.scans,
            actual=scans,
        )


def _check_tiles(image: ImageFile, limits: PictureLimits) -> None:
    """Judge the tiles of a TIFF: libtiff allocates one whole, however small the picture."""
    tags: Any = getattr(image, "tag_v2", {})
    tile_width, tile_length = 322, 323
    if tile_width in tags and tile_length in tags:
        _check_size((int(tags[tile_width]), int(tags[tile_length])), limits)


def _frames(image: ImageFile, content: bytes, name: str) -> int:
    if name in ("GIF", "TIFF"):
        return formats.count_frames(content, name)
    return int(getattr(image, "n_frames", 1))


def _is_deep(image: ImageFile, content: bytes, name: str) -> bool:
    """Tell whether the file has more than 8 bits a sample; Pillow reads 16-bit RGB as 8-bit."""
    bits_per_sample = 258
    if name == "PNG":
        return content[24] == 16
    if name == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(bits_per_sample, (1,))
        return any(depth > 8 for depth in bits) if isinstance(bits, tuple) else int(bits) > 8
    return False
