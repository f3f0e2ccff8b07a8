"""What the clients do when a server is busy, away, slow, or no Convscope at all."""

import inspect
import pickle
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from app import client as public
from app.client import (
    AsyncClient,
    Client,
    ConvscopeError,
    Invalid,
    NoAnswer,
    NotFound,
    Overloaded,
    Problem,
    Retries,
    TimedOut,
    Unintelligible,
)
from app.client.errors import Problem as AnyProblem

QUICK = Retries(times=3, backoff=0.001)
TOLD = {
    "detail": "No.",
    "errors": [{"pointer": "/a", "detail": "No."}],
    "request_id": "r",
    "limit": 1,
}
PROBLEM = {"Content-Type": "application/problem+json"}

Step = Callable[[], httpx.Response | Exception]


def scripted(steps: list[Step], seen: list[httpx.Request]) -> httpx.MockTransport:
    """Answer with one step after the other."""
    left = iter(steps)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        step = next(left)()
        if isinstance(step, Exception):
            raise step
        return step

    return httpx.MockTransport(answer)


def problem(status: int, **headers: str) -> httpx.Response:
    told = {"title": "T", "status": status, "detail": f"Problem {status}.", "request_id": "r"}
    return httpx.Response(status, json=told, headers={**PROBLEM, **headers})


def garbled() -> httpx.Response:
    """An answer whose bytes are not what its headers say, as some proxies send them."""
    stream = httpx.ByteStream(b"no archive")
    return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)


def limits(steps: list[Step], retries: Retries = QUICK) -> tuple[dict[str, float], int]:
    """Ask both clients for /limits; return what they agree on and how often each asked."""
    outcomes = []
    for ask in (_blocking, _awaiting):
        seen: list[httpx.Request] = []
        outcomes.append((ask(scripted(steps, seen), retries), len(seen)))
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


def _blocking(transport: httpx.MockTransport, retries: Retries) -> dict[str, float]:
    with Client("http://there", retries=retries, transport=transport) as client:
        return client.limits()


def _awaiting(transport: httpx.MockTransport, retries: Retries) -> dict[str, float]:
    async def ask() -> dict[str, float]:
        async with AsyncClient("http://there", retries=retries, transport=transport) as client:
            return await client.limits()

    return anyio.run(ask)


@pytest.mark.parametrize(
    "first",
    [
        lambda: problem(503, **{"Retry-After": "0"}),
        lambda: problem(429),
        lambda: problem(503, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        lambda: httpx.ConnectError("refused"),
        lambda: httpx.RemoteProtocolError("closed"),
        lambda: httpx.ReadError("reset"),
    ],
)
def test_busy_server_and_dropped_connection_are_asked_again(first: Step) -> None:
    assert limits([first, first, lambda: httpx.Response(200, json={"layers": 1})]) == (
        {"layers": 1},
        3,
    )


@pytest.mark.parametrize(
    ("step", "error", "asked"),
    [
        (lambda: problem(503), Overloaded, 4),
        (lambda: problem(503, **{"Retry-After": "31"}), Overloaded, 1),
        (lambda: problem(422), Invalid, 1),
        (lambda: httpx.ConnectError("refused"), NoAnswer, 4),
        (lambda: httpx.ReadTimeout("slow"), TimedOut, 1),
        (lambda: httpx.Response(200, text="<html>"), Unintelligible, 1),
        (lambda: httpx.Response(418, text="teapot"), Problem, 1),
        (lambda: httpx.Response(422, content=b"{", headers=PROBLEM), Invalid, 1),
        (lambda: httpx.Response(422, json=["told"], headers=PROBLEM), Invalid, 1),
        (garbled, Unintelligible, 1),
        (lambda: httpx.LocalProtocolError("Illegal header value b'secret'"), NoAnswer, 1),
    ],
)
def test_what_asking_again_does_not_help_is_raised(
    step: Step, error: type[ConvscopeError], asked: int
) -> None:
    for ask in (_blocking, _awaiting):
        seen: list[httpx.Request] = []
        with pytest.raises(error) as raised:
            ask(scripted([step] * 9, seen), QUICK)
        assert type(raised.value) is error
        assert len(seen) == asked
        assert str(raised.value).endswith(".")
        assert "secret" not in str(raised.value)


def test_pause_is_what_the_server_tells_and_else_doubles() -> None:
    retries = Retries(backoff=0.5)
    assert retries.pause(1, problem(503, **{"Retry-After": "7"})) == 7
    for asked, longest in ((1, 0.5), (2, 1), (3, 2)):
        pause = retries.pause(asked, problem(503))
        assert pause is not None
        assert longest / 2 <= pause <= longest
    assert retries.pause(4, problem(503)) is None


def test_delete_that_was_cut_off_has_deleted() -> None:
    seen: list[httpx.Request] = []
    steps: list[Step] = [lambda: httpx.ReadError("reset"), lambda: problem(404)]
    with Client("http://there", retries=QUICK, transport=scripted(steps, seen)) as client:
        client.delete("id")
    assert [one.method for one in seen] == ["DELETE", "DELETE"]


def test_server_that_is_about_to_stop_is_not_ready_and_not_asked_again() -> None:
    seen: list[httpx.Request] = []
    with Client("http://there", transport=scripted([lambda: problem(503)], seen)) as client:
        assert client.ready() is False


def test_dead_server_is_named() -> None:
    with (
        Client("http://127.0.0.1:9", retries=Retries(times=0)) as client,
        pytest.raises(NoAnswer, match=re.escape("No server answers at http://127.0.0.1:9.")),
    ):
        client.limits()


@pytest.mark.parametrize(
    "address",
    ["nonsense", "localhost:8000", "127.0.0.1:8000", "http://", "ftp://there", "http://a:b"],
)
def test_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(NoAnswer, match=rf"{re.escape(address)}'? is no address"):
        Client(address)


def test_token_travels_with_every_request_in_whatever_letters() -> None:
    seen: list[httpx.Request] = []
    transport = scripted([lambda: httpx.Response(200, json={})], seen)
    with Client("http://there", token="schlüssel", transport=transport) as client:
        client.limits()
    assert dict(seen[0].headers.raw)[b"Authorization"] == "Bearer schlüssel".encode()


def test_id_that_is_none_leads_nowhere_else() -> None:
    seen: list[httpx.Request] = []
    steps: list[Step] = [lambda: problem(404)] * 3
    with Client("http://there", transport=scripted(steps, seen)) as client:
        for ask in (client.image, client.sample, client.job):
            with pytest.raises(NotFound):
                ask("../limits")
    assert all(b"/..%2Flimits" in one.url.raw_path for one in seen)


def test_awaiting_client_computes_what_the_blocking_one_does(server: str) -> None:
    x = np.random.default_rng(1).normal(size=(1, 2, 5, 8)).astype(np.float32)
    layers = [{"type": "conv2d", "kernel": {"preset": "sobel_y"}}, {"type": "tanh"}]

    async def ask() -> np.ndarray:
        async with AsyncClient(server) as client:
            return (await client.forward(x, layers)).output

    with Client(server) as client:
        np.testing.assert_array_equal(client.forward(x, layers).output, anyio.run(ask))


def methods(client: type) -> dict[str, inspect.Signature]:
    plain = {"close", "aclose", "ask"}
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_") and name not in plain
    }


def taken(client: type) -> dict[str, list[tuple[str, Any, Any]]]:
    """Return what each method takes: names, kinds and defaults."""
    return {
        name: [(one.name, one.kind, one.default) for one in signature.parameters.values()]
        for name, signature in methods(client).items()
    }


def test_both_clients_have_the_same_methods_with_options_by_keyword() -> None:
    assert taken(Client) == taken(AsyncClient)
    for name, signature in methods(Client).items():
        options = [one for one in signature.parameters.values() if one.default is not one.empty]
        assert all(one.kind is one.KEYWORD_ONLY for one in options), name
        assert inspect.getdoc(getattr(Client, name))


def test_every_route_has_a_method(server: str) -> None:
    """Each address of the API is asked for by some method."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(599)

    arguments = {
        "x": [1.0],
        "layers": [],
        "at": {"feature": {}},
        "image": "id",
        "picture": b"1",
        "name": "name",
        "kernel": "box",
        "images": ["id"],
        "job": "id",
        "path": "results.zip",
    }
    with Client("http://there", transport=httpx.MockTransport(answer)) as client:
        for name, signature in methods(Client).items():
            needed = [one.name for one in signature.parameters.values() if one.default is one.empty]
            wanted = [one for one in needed if one in arguments]
            with pytest.raises(AnyProblem):
                list(getattr(client, name)(*(arguments[one] for one in wanted)))
    with Client(server) as client:
        routes = client.openapi()["paths"]
    for address, verbs in routes.items():
        if address.startswith("/api/v1") or address in ("/livez", "/readyz", "/metrics"):
            pattern = re.compile(re.sub(r"\\?{[^}]*}", "[a-z]+", address) + r"\Z")
            for verb in verbs:
                assert any(
                    one.method == verb.upper() and pattern.match(one.url.path) for one in asked
                ), f"{verb} {address}"


def test_every_declared_status_has_its_error(server: str) -> None:
    with Client(server) as client:
        routes = client.openapi()["paths"]
    declared = {
        int(status)
        for verbs in routes.values()
        for verb in verbs.values()
        for status in verb["responses"]
        if int(status) >= 400
    }
    assert declared <= set(AnyProblem.statuses)


@pytest.mark.parametrize("error", [NoAnswer("No server."), AnyProblem.of(422, TOLD)])
def test_error_survives_the_way_out_of_another_process(error: ConvscopeError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_everything_exported_is_documented() -> None:
    for name in public.__all__:
        assert inspect.getdoc(getattr(public, name)), name


def test_connection_cut_in_the_middle_of_an_answer_is_asked_again(cut_server: str) -> None:
    with Client(cut_server, retries=QUICK) as client:
        assert client.limits() == {"layers": 2}


class CutFirstAnswer(BaseHTTPRequestHandler):
    """Announces more bytes than it sends, the first time."""

    cut = False

    def do_GET(self) -> None:
        first, CutFirstAnswer.cut = not CutFirstAnswer.cut, True
        body = b'{"layers": 2}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + first * 10))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep silent."""
