"""Pillow only: bytes to arrays to bytes, and colour maps."""

from app.imaging.channels import Color, Range, scaled, scaled_size, to_channels
from app.imaging.colormaps import COLOR_MAPS, ColorMap
from app.imaging.errors import BrokenPicture, NotAPicture, PictureError, PictureTooLarge
from app.imaging.formats import ACCEPTED
from app.imaging.reading import Picture, PictureLimits, decode, read
from app.imaging.rendering import Rendering, most_bytes, render
from app.imaging.writing import png

__all__ = [
    "ACCEPTED",
    "COLOR_MAPS",
    "BrokenPicture",
    "Color",
    "ColorMap",
    "NotAPicture",
    "Picture",
    "PictureError",
    "PictureLimits",
    "PictureTooLarge",
    "Range",
    "Rendering",
    "decode",
    "most_bytes",
    "png",
    "read",
    "render",
    "scaled",
    "scaled_size",
    "to_channels",
]
