"""Which picture a few bytes are: decided by content, never by name.

Source: the signatures of each format's own specification.
"""

from __future__ import annotations

import re
import struct

from app.imaging.errors import BrokenPicture

ACCEPTED = ("PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF")
MOST_FRAMES = 10_000
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)


def detect(content: bytes) -> str | None:
    """Name the accepted format that `content` begins like, or None."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    return None


def webp_size(content: bytes) -> tuple[int, int]:
    """Read (width, height) from a WebP header; Pillow's decoder allocates the canvas to tell.

    Raises:
        BrokenPicture: the header is cut short or of no known kind.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    kind, header = content[12:16], content[20:30]
    if len(header) < 10:
        raise BrokenPicture("The WebP picture ends inside its header.")
    if kind == b"VP8X":
        sides = header[4:7] + b"\0" + header[7:10] + b"\0"
        width, height = struct.unpack("<II", sides)
        return width + 1, height + 1
    if kind == b"VP8L":
        bits = int.from_bytes(header[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", header[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenPicture("The WebP picture has a header of no known kind.")


def count_scans(content: bytes, most: int) -> int:
    """Count the scans of a JPEG's first picture, or some number up to `most` where it has no more.

    Each scan goes over every pixel again, however few bytes it takes.

    Source: ITU-T T.81, annex B.
    """
    begins, ends, alone = 0xDA, 0xD9, (0x01, 0xD8)
    if (seen := content.count(b"\xff\xda")) <= most:
        return seen
    scans, at = 0, 2
    while found := _MARKER.search(content, at):
        kind, at = found[1][0], found.end()
        if kind == ends:
            break
        scans += kind == begins
        if kind not in alone:
            at += int.from_bytes(content[at : at + 2])
    return scans


def count_frames(content: bytes, name: str) -> int:
    """Count the frames of a GIF or TIFF without decoding any, up to `MOST_FRAMES`.

    Pillow counts by seeking, which a file of a million empty frames turns into minutes.
    """
    return _gif_frames(content) if name == "GIF" else _tiff_frames(content)


def _skip_blocks(content: bytes, at: int) -> int:
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at + 1


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_frames(content: bytes) -> int:
    # Source: GIF89a specification, sections 18 to 27.
    frames, at = 0, 13 + _table_bytes(content[10]) if len(content) > 13 else 13
    while at + 10 < len(content) and frames < MOST_FRAMES:
        if content[at] == 0x21:
            at = _skip_blocks(content, at + 2)
        elif content[at] == 0x2C:
            frames += 1
            at = _skip_blocks(content, at + 11 + _table_bytes(content[at + 9]))
        else:
            break
    return frames


def _tiff_frames(content: bytes) -> int:
    # Source: TIFF 6.0, section 2; BigTIFF doubles the offsets.
    order = "<" if content[:2] == b"II" else ">"
    big = content[2 if order == "<" else 3] == 43
    count, entry, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
    head = 8 if big else 4
    frames, seen = 0, set[int]()
    try:
        (at,) = struct.unpack_from(order + offset, content, head)
        while at and at not in seen and frames < MOST_FRAMES:
            seen.add(at)
            (entries,) = struct.unpack_from(order + count, content, at)
            frames += 1
            following = at + struct.calcsize(count) + entries * entry
            (at,) = struct.unpack_from(order + offset, content, following)
    except (struct.error, OverflowError):
        return frames
    return frames
