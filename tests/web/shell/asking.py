"""Asking an application of the test's own process, at any address and with any body."""

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from app.web.connection import guarded
from tests.loops import LoopThread
from tests.serving import free_port
from tests.web.api.calling import Api

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


@contextlib.contextmanager
def served(shell: Shell | Api) -> Iterator[str]:
    """The application behind a real socket; yields its address."""
    port = free_port()
    config = uvicorn.Config(
        shell.app,
        port=port,
        http=guarded(shell.app.state.settings),
        lifespan="off",
        server_header=False,
        log_level="critical",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


async def chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body that declares no length."""
    for part in parts:
        yield part
