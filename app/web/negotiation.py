"""Choosing the form of an answer by the Accept header."""

from functools import lru_cache

from app.web.problems import Problem

JSON = "application/json"
SAFETENSORS = "application/x-safetensors"
NPZ = "application/x-npz"
PNG = "image/png"

ARRAY_FORMS = (JSON, SAFETENSORS, NPZ, PNG)
PICTURE_FIRST = (PNG, JSON, SAFETENSORS, NPZ)


@lru_cache(maxsize=256)
def _preferred(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offer that the header likes best; among equals the first offer."""
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return offers[0]
    qualities = {}
    for offer in offers:
        matching = [
            (specific, quality)
            for media, quality in ranges
            if (specific := _specificity(media, offer))
        ]
        qualities[offer] = max(matching)[1] if matching else 0.0
    best = max(offers, key=lambda offer: qualities[offer])
    return best if qualities[best] > 0 else None


def _media_range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return media, quality


def _specificity(media: str, offer: str) -> int:
    if media == offer:
        return 3
    if media == offer.split("/", 1)[0] + "/*":
        return 2
    return 1 if media == "*/*" else 0


def choose(accept: str | None, offers: tuple[str, ...]) -> str:
    """Return the media type to answer with.

    Args:
        accept: The Accept header; None accepts anything.
        offers: What can be made, the default first.

    Raises:
        Problem: 406; nothing that can be made is acceptable.
    """
    chosen = _preferred(accept or "*/*", offers)
    if chosen is None:
        raise Problem(
            406,
            f"None of what the Accept header asks for can be made here; {', '.join(offers)} can.",
            available=list(offers),
        )
    return chosen
