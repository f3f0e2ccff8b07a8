"""The lab, opened in a fresh page, and the pictures that are given to it."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.browser.arithmetic import Array
from tests.browser.lab import Lab
from tests.serving import ROOT


@pytest.fixture
def outside(page: Page, server: str) -> Iterator[list[str]]:
    """Requests that left the server's origin, and what its policy forbade: none is tolerated."""
    found: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((f"{server}/", "data:", f"blob:{server}"))
            else found.append(request.url)
        ),
    )
    page.on(
        "console",
        lambda message: (
            found.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield found
    assert not found, found


@pytest.fixture
def lab(page: Page, server: str, outside: list[str]) -> Lab:
    """The lab as it opens."""
    return Lab(page, server).open()


@pytest.fixture
def blank(page: Page, server: str, outside: list[str]) -> Lab:
    """The lab, not opened yet."""
    return Lab(page, server)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A colour photo of 451 × 300 as a camera's JPEG."""
    buffer = io.BytesIO()
    with Image.open(ROOT / "app" / "samples" / "cat.jpg") as image:
        image.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def numbers() -> Array:
    """A small matrix, neither square nor symmetric."""
    return np.random.default_rng(7).integers(-9, 10, (7, 10)).astype(np.float64)


Encode = Callable[[np.ndarray, str], bytes]


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Encode pixels as a file of a format."""

    def to_bytes(pixels: np.ndarray, form: str) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form)
        return buffer.getvalue()

    return to_bytes
