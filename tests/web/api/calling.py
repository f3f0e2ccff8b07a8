"""Calling an application of the test's own process, without a socket."""

import json
from typing import Any

import httpx
from safetensors.numpy import save

from app.main import create_app
from app.settings import Settings
from tests.loops import LoopThread


class Api:
    """Calls the application under /api/v1."""

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self.runner = LoopThread()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                return await http.request(method, "/api/v1" + path, **options)

        return self.runner.run(send())

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any, accept: str = "application/json") -> httpx.Response:
        return self.request("POST", path, json=body, headers={"accept": accept})

    def post_text(self, path: str, text: str | bytes) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return self.request("POST", path, content=text, headers=headers)

    def post_tensors(
        self, path: str, body: Any, accept: str = "*/*", **arrays: Any
    ) -> httpx.Response:
        content = save(arrays, metadata={"request": json.dumps(body)})
        headers = {"content-type": "application/x-safetensors", "accept": accept}
        return self.request("POST", path, content=content, headers=headers)

    def close(self) -> None:
        self.app.state.reading.close()
        self.app.state.slots.close()
        self.runner.close()


def assert_problem(answer: httpx.Response, status: int, *pointers: str) -> dict[str, Any]:
    """Check the one shape of every error; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(problem)
    assert problem["status"] == status
    assert_sentence(problem["detail"])
    told = [error["pointer"] for error in problem.get("errors", [])]
    assert all(pointer in told for pointer in pointers), told
    for error in problem.get("errors", []):
        assert_sentence(error["detail"])
    return problem


def assert_sentence(text: str) -> None:
    """Check that a detail is written as people write: a capital first, a full stop last."""
    assert text[0].isupper(), text
    assert text.endswith("."), text
