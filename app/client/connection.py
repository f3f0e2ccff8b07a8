"""The two clients: one blocks, one awaits; all else they share."""

import functools
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import anyio
import anyio.to_thread
import httpx

from app.client import watching, watching_async
from app.client.call import Call, Found
from app.client.errors import NoAnswer
from app.client.retries import Retries
from app.client.routes import catalogue, computing, one_shots, pictures
from app.client.routes import jobs as work

P = ParamSpec("P")
T = TypeVar("T")


def _like(build: Callable[..., Any], method: Callable[..., Any]) -> None:
    """Give a method the documentation and the signature of what builds its call."""
    functools.update_wrapper(method, build)
    del method.__dict__["__wrapped__"]
    signature = inspect.signature(build)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__dict__["__signature__"] = signature.replace(
        parameters=[own, *signature.parameters.values()]
    )


def _blocking(build: Callable[P, Call[T]]) -> Callable[Concatenate["Client", P], T]:
    def method(self: "Client", /, *arguments: P.args, **options: P.kwargs) -> T:
        return self.ask(build(*arguments, **options))

    _like(build, method)
    return method


def _awaiting(build: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncClient", P], Awaitable[T]]:
    async def method(self: "AsyncClient", /, *arguments: P.args, **options: P.kwargs) -> T:
        # Files are read and arrays packed off the event loop.
        call = await anyio.to_thread.run_sync(functools.partial(build, *arguments, **options))
        return await self.ask(call)

    _like(build, method)
    return method


def _options(base_url: str, token: str | None, timeout: float) -> dict[str, Any]:
    try:
        url = httpx.URL(base_url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise NoAnswer(f"{base_url} is no address: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise NoAnswer(f"{base_url!r} is no address; one is such as http://127.0.0.1:8000.")
    headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
    return {"base_url": url, "headers": headers, "timeout": timeout}


class Client:
    """One server, asked by methods that block until it has answered.

    Args:
        base_url: Where it is, without `/api/v1`.
        token: The server's token, if it wants one.
        timeout: Seconds to wait for the connection, and for each part of an answer.
        retries: How patient to be with a server that is busy or drops the connection.
        transport: Another way to reach the server.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx.Client(**_options(base_url, token, timeout), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({str(self._http.base_url)!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, call: Call[T]) -> T:
        """Return what the server answers to a call, asked again where that is of use."""
        asked = 0
        while True:
            found: Found
            try:
                found = self._http.request(call.method, call.address, **call.options)
            except httpx.RequestError as error:
                found = error
            asked += 1
            pause = call.pause(self._retries, found, asked)
            if pause is None:
                return call.result(found, asked)
            time.sleep(pause)

    upload = _blocking(pictures.upload)
    image = _blocking(pictures.image)
    picture = _blocking(pictures.picture)
    delete = _blocking(pictures.delete)
    samples = _blocking(pictures.samples)
    sample = _blocking(pictures.sample)
    forward = _blocking(computing.forward)
    forward_file = _blocking(computing.forward_file)
    backward = _blocking(computing.backward)
    backward_file = _blocking(computing.backward_file)
    shapes = _blocking(computing.shapes)
    explain = _blocking(computing.explain)
    gradcheck = _blocking(computing.gradcheck)
    convolve = _blocking(one_shots.convolve)
    convolve_file = _blocking(one_shots.convolve_file)
    gradient = _blocking(one_shots.gradient)
    gradient_file = _blocking(one_shots.gradient_file)
    submit = _blocking(work.submit)
    jobs = _blocking(work.jobs)
    job = _blocking(work.job)
    cancel_job = _blocking(work.cancel_job)
    delete_job = _blocking(work.delete_job)
    job_events = watching.job_events
    wait_for_job = watching.wait_for_job
    save_results = watching.save_results
    kernels = _blocking(catalogue.kernels)
    limits = _blocking(catalogue.limits)
    openapi = _blocking(catalogue.openapi)
    alive = _blocking(catalogue.alive)
    ready = _blocking(catalogue.ready)
    metrics = _blocking(catalogue.metrics)


class AsyncClient:
    """One server, asked by methods to be awaited: those of `Client`.

    Args:
        base_url: As for `Client`.
        token: As for `Client`.
        timeout: As for `Client`.
        retries: As for `Client`.
        transport: As for `Client`.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx.AsyncClient(**_options(base_url, token, timeout), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient({str(self._http.base_url)!r})"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, call: Call[T]) -> T:
        """Return what the server answers to a call, asked again where that is of use."""
        asked = 0
        while True:
            found: Found
            try:
                found = await self._http.request(call.method, call.address, **call.options)
            except httpx.RequestError as error:
                found = error
            asked += 1
            pause = call.pause(self._retries, found, asked)
            if pause is None:
                return call.result(found, asked)
            await anyio.sleep(pause)

    upload = _awaiting(pictures.upload)
    image = _awaiting(pictures.image)
    picture = _awaiting(pictures.picture)
    delete = _awaiting(pictures.delete)
    samples = _awaiting(pictures.samples)
    sample = _awaiting(pictures.sample)
    forward = _awaiting(computing.forward)
    forward_file = _awaiting(computing.forward_file)
    backward = _awaiting(computing.backward)
    backward_file = _awaiting(computing.backward_file)
    shapes = _awaiting(computing.shapes)
    explain = _awaiting(computing.explain)
    gradcheck = _awaiting(computing.gradcheck)
    convolve = _awaiting(one_shots.convolve)
    convolve_file = _awaiting(one_shots.convolve_file)
    gradient = _awaiting(one_shots.gradient)
    gradient_file = _awaiting(one_shots.gradient_file)
    submit = _awaiting(work.submit)
    jobs = _awaiting(work.jobs)
    job = _awaiting(work.job)
    cancel_job = _awaiting(work.cancel_job)
    delete_job = _awaiting(work.delete_job)
    job_events = watching_async.job_events
    wait_for_job = watching_async.wait_for_job
    save_results = watching_async.save_results
    kernels = _awaiting(catalogue.kernels)
    limits = _awaiting(catalogue.limits)
    openapi = _awaiting(catalogue.openapi)
    alive = _awaiting(catalogue.alive)
    ready = _awaiting(catalogue.ready)
    metrics = _awaiting(catalogue.metrics)
