"""HEAD, at every address that answers GET: the same headers, and no body."""

import io
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from fastapi import Request
from PIL import Image
from starlette.responses import StreamingResponse

from app.web.pages import STATIC
from tests.web.api.calling import assert_problem
from tests.web.shell.asking import Shell, served

# What differs between two answers to the same request.
OWN = {"x-request-id", "date", "server-timing"}
ADDRESSES = [
    *("/", "/lessons", "/docs", "/worker.js", "/livez", "/readyz", "/api/v1/openapi.json"),
    f"{STATIC}/docs/init.js",
    *(f"/api/v1/{name}" for name in ("samples", "samples/camera/content", "kernels", "limits")),
    *(f"/api/v1/{name}" for name in ("jobs", "jobs/0", "images/0", "kernels?no=1")),
]


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OWN}


@pytest.fixture
def picture(shell: Shell) -> str:
    content = io.BytesIO()
    pixels = np.random.default_rng(3).integers(0, 256, (5, 9, 3), np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return str(shell.upload(content.getvalue()).headers["location"])


def test_head_tells_of_every_address_what_get_does(shell: Shell, picture: str) -> None:
    with served(shell) as address, httpx.Client(base_url=address) as http:
        for path in [*ADDRESSES, picture, f"{picture}/content?max_side=4"]:
            whole, head = http.get(path), http.head(path)
            assert whole.content, path
            assert head.content == b"", path
            assert head.status_code == whole.status_code, path
            assert headers_of(head) == headers_of(whole), path
        tag = http.get(picture).headers["etag"]
        assert http.head(picture, headers={"If-None-Match": tag}).status_code == 304
        # All of it on one connection, which a body in the wrong place would have broken.
        assert http.head("/metrics").extensions["http_version"] == b"HTTP/1.1"


def test_head_of_what_takes_post_alone_is_told_so(shell: Shell) -> None:
    for path in ("/api/v1/forward", "/api/v1/images"):
        assert shell.ask("HEAD", path).status_code == 405
        assert "HEAD" not in shell.ask("PUT", path).headers["allow"]
    assert_problem(shell.ask("PUT", "/api/v1/jobs"), 405)
    assert shell.ask("PUT", "/api/v1/jobs").headers["allow"] == "GET, HEAD, POST"
    assert shell.ask("PUT", f"{STATIC}/docs/init.js").headers["allow"] == "GET, HEAD"


def test_head_does_not_wait_for_the_end_of_a_stream(shell: Shell) -> None:
    ended = []

    async def for_ever() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"more"
        finally:
            ended.append(True)

    @shell.app.get("/stream")
    async def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(for_ever())

    with served(shell) as address, httpx.Client(base_url=address, timeout=10) as http:
        assert http.head("/stream").status_code == 200
        assert http.get("/livez").status_code == 200
    assert ended
