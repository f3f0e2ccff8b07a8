"""What a store knows of an upload besides its bytes."""

from __future__ import annotations

import dataclasses
import hashlib


@dataclasses.dataclass(frozen=True)
class ImageRecord:
    """What is known of an upload.

    Attributes:
        id: SHA-256 of its bytes, in hexadecimal.
        width: columns of the decoded picture.
        height: rows of the decoded picture.
        channels: 1 for gray, 3 for colour.
        mode: how the file stores a pixel, in Pillow's words.
        format: the file's type.
        bytes: size of the file.
        conversions: what was done to get to 8-bit gray or sRGB.
    """

    id: str
    width: int
    height: int
    channels: int
    mode: str
    format: str
    bytes: int
    conversions: tuple[str, ...]


def identify(content: bytes) -> str:
    """Return the id that `content` has in every store."""
    return hashlib.sha256(content).hexdigest()
