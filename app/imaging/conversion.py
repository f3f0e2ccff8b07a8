"""Whatever a file stores, to 8-bit gray or sRGB, saying what was done."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.ImageFile import ImageFile

from app.imaging.errors import BrokenPicture

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def to_eight_bit(
    image: ImageFile, *, deep: bool, frames: int, turned: object
) -> tuple[Image.Image, list[str]]:
    """Convert a loaded image to 8-bit gray or sRGB.

    Args:
        image: the image, loaded.
        deep: whether its file has more than 8 bits a sample.
        frames: how many frames its file has.
        turned: the orientation that was applied while it was loaded, if any.

    Returns:
        The image, of mode L or RGB, and what was done, in order.

    Raises:
        BrokenPicture: samples of 32 bits, whose range nothing tells.
    """
    said: list[str] = []
    if frames > 1:
        said.append(f"first frame of {frames}")
    upright = _upright(image, turned, said)
    profile = image.info.get("icc_profile")
    if deep:
        said.append("16-bit samples reduced to 8 bits")
    flat = _flat(_simple(upright, said), said)
    managed = _managed(flat, profile, said)
    if managed.mode == "CMYK":
        said.append("CMYK to RGB")
        managed = managed.convert("RGB")
    return managed, said


def _upright(image: Image.Image, turned: object, said: list[str]) -> Image.Image:
    if turned in _TURNS:
        said.append(f"EXIF orientation {turned} applied")
        return image
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error):
        said.append("EXIF unreadable, ignored")
        return image
    if orientation not in _TURNS:
        return image
    said.append(f"EXIF orientation {orientation} applied")
    return image.transpose(_TURNS[orientation])


def _simple(image: Image.Image, said: list[str]) -> Image.Image:
    """Reduce the mode to L, LA, RGB, RGBA or CMYK."""
    mode = image.mode
    if mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        raise BrokenPicture(
            "The picture has samples of 32 bits, whose black and white nothing tells; "
            "8 or 16 bits are accepted."
        )
    if mode == "1":
        said.append("1-bit to gray")
        return image.convert("L")
    if mode in ("P", "PA"):
        opaque = "L" if _has_gray_palette(image) else "RGB"
        said.append("palette to gray" if opaque == "L" else "palette to RGB")
        seen_through = mode == "PA" or "transparency" in image.info
        return (
            image.convert("RGBA").convert(opaque + "A") if seen_through else image.convert(opaque)
        )
    if "transparency" in image.info and mode in ("L", "RGB"):
        return image.convert("LA" if mode == "L" else "RGBA")
    if mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    said.append(f"{mode} to RGB")
    return image.convert("RGBA" if mode in ("RGBa", "La") else "RGB")


def _has_gray_palette(image: Image.Image) -> bool:
    palette = image.getpalette("RGB") or [0, 1, 2]
    return palette[0::3] == palette[1::3] == palette[2::3]


def _flat(image: Image.Image, said: list[str]) -> Image.Image:
    if image.mode not in ("LA", "RGBA"):
        return image
    opaque, alpha = image.mode[:-1], image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        said.append("opaque alpha dropped")
        return image.convert(opaque)
    said.append("alpha over white")
    paper = Image.new(opaque, image.size, "white")
    paper.paste(image.convert(opaque), mask=alpha)
    return paper


def _managed(image: Image.Image, profile: object, said: list[str]) -> Image.Image:
    """Convert from the embedded ICC profile to sRGB, unless that is what it is."""
    if not isinstance(profile, bytes):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = (source.profile.profile_description or "unnamed").strip()
        if source.profile.xcolor_space.strip() != _SPACES[image.mode]:
            said.append("ICC profile of another colour space, ignored")
            return image
        if name.startswith("sRGB"):
            return image
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        said.append("ICC profile unreadable, ignored")
        return image
    if converted is None:
        return image
    said.append("ICC profile to sRGB")
    # A gray profile gives equal channels: one of them is the picture.
    return converted.getchannel("R") if image.mode == "L" else converted
