"""Pillow only: bytes to arrays to bytes, and colour maps."""

from app.imaging.channels import Color, Range, scaled, scaled_size, to_channels
from app.imaging.errors import BrokenPicture, NotAPicture, PictureError, PictureTooLarge
from app.imaging.formats import ACCEPTED
from app.imaging.reading import Picture, PictureLimits, read
from app.imaging.writing import png

__all__ = [
    "ACCEPTED",
    "BrokenPicture",
    "Color",
    "NotAPicture",
    "Picture",
    "PictureError",
    "PictureLimits",
    "PictureTooLarge",
    "Range",
    "png",
    "read",
    "scaled",
    "scaled_size",
    "to_channels",
]
