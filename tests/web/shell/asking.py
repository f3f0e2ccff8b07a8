"""Asking an application of the test's own process, at any address and with any body."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from tests.loops import LoopThread

BASE = "http://127.0.0.1"


class Shell:
    """An application and a loop to run it in."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app: FastAPI = create_app(settings)
        self.runner = LoopThread()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
                return await http.request(method, path, **options)

        return self.runner.run(send())

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers=headers)

    def upload(self, content: bytes, **headers: str) -> httpx.Response:
        return self.ask("POST", "/api/v1/images", content=content, headers=headers)

    def close(self) -> None:
        self.app.state.reading.close()
        self.app.state.slots.close()
        self.app.state.decoding.close()
        self.runner.close()


async def chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body that declares no length."""
    for part in parts:
        yield part
