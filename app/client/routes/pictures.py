"""The routes of uploads and samples."""

from typing import Any
from urllib.parse import quote

from app.client.answers import Image
from app.client.call import Call
from app.client.messages import Picture, content_of
from app.client.routes.common import API, as_content, as_nothing


def _id(image: Image | str) -> str:
    return image.id if isinstance(image, Image) else quote(image, safe="")


def upload(picture: Picture) -> Call[Image]:
    """Upload a picture; the same bytes again are the same picture.

    Args:
        picture: Path of the file, its bytes, an open binary file, or pixels: uint8 of shape
            (H, W) or (H, W, 3).

    Returns:
        What the server knows of it; an input of the other methods.

    Raises:
        OSError: The file cannot be read.
        UnsupportedType: It is no picture.
        Invalid: It is broken or too large.
        ConvscopeError: As everywhere.
    """
    options = {
        "content": content_of(picture),
        "headers": {"Content-Type": "application/octet-stream"},
    }
    return Call("POST", f"{API}/images", lambda answer: Image.of(answer.json()), options)


def image(image: Image | str) -> Call[Image]:
    """Return what the server knows of an upload, given its id.

    Raises:
        NotFound: There is none of this id.
    """
    return Call("GET", f"{API}/images/{_id(image)}", lambda answer: Image.of(answer.json()))


def picture(image: Image | str, *, max_side: int | None = None) -> Call[bytes]:
    """Return an upload as a PNG file, as it is computed on.

    Args:
        image: The upload, or its id.
        max_side: Longest side in pixels; a larger picture is scaled down.
    """
    options = {"params": {} if max_side is None else {"max_side": max_side}}
    return Call("GET", f"{API}/images/{_id(image)}/content", as_content, options)


def delete(image: Image | str) -> Call[None]:
    """Forget an upload.

    Raises:
        NotFound: There is none of this id.
    """
    return Call("DELETE", f"{API}/images/{_id(image)}", as_nothing)


def samples() -> Call[list[dict[str, Any]]]:
    """Return the built-in inputs, each with its licence and source."""
    return Call("GET", f"{API}/samples", lambda answer: list(answer.json()["samples"]))


def sample(name: str) -> Call[bytes]:
    """Return the file of a built-in picture."""
    return Call("GET", f"{API}/samples/{quote(name, safe='')}/content", as_content)
