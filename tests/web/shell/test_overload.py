"""Overload: what finds no place is told so at once, wherever it would have waited."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

from app.service.slots import Slots
from app.web import admission, oneshot
from app.web.network import router
from app.web.offloading import Offloading
from tests.imaging.pictures import encoded, noise
from tests.web.api.calling import assert_problem
from tests.web.shell.asking import BASE, Shell
from tests.web.shell.conftest import MakeShell

TAKES_NO_SLOT = {"/shapes"}
ROUTES = [f"/api/v1{route.path}" for route in (*router.routes, *oneshot.router.routes)]  # type: ignore[attr-defined]


def filled(make_shell: MakeShell, **settings: Any) -> Shell:
    """An application whose only slot is taken, with no queue before it."""
    shell = make_shell(compute_slots=1, queue_length=0, **settings)
    shell.app.state.slots._taken = 1
    return shell


def test_every_route_that_computes_asks_for_a_place_first() -> None:
    assert {f"/api/v1{path}" for path in TAKES_NO_SLOT} | admission.COMPUTING == set(ROUTES)


@pytest.mark.parametrize("path", ROUTES)
def test_nothing_of_a_request_is_read_that_finds_no_place(make_shell: MakeShell, path: str) -> None:
    shell = filled(make_shell)
    answer = shell.ask("POST", path, content=b"no JSON", headers={"content-type": "text/plain"})
    if path.removeprefix("/api/v1") in TAKES_NO_SLOT:
        assert_problem(answer, 415)
        return
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["x-content-type-options"] == "nosniff"
    labels = f'method="POST",route="{path}",status="503"'
    assert f"convscope_requests_total{{{labels}}} 1.0\n" in shell.get("/metrics").text
    shell.app.state.slots._taken = 0
    assert shell.ask("POST", path, content=b"no JSON").status_code in (400, 415)


@pytest.mark.parametrize(("left", "status"), [(True, 499), (False, 503)])
def test_client_that_has_left_is_asked_after_before_the_queue(left: bool, status: int) -> None:
    slots, seen = Slots(1, 0, 1.0), []
    slots._taken = 1

    async def never(*_: Any) -> None:
        pytest.fail("served")

    async def nothing() -> Any:
        pytest.fail("read")

    async def send(message: Any) -> None:
        seen.append(message.get("status"))

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/forward",
        "headers": [(b"content-length", b"5")],
        "state": {"left": lambda: left, "request_id": "x"},
    }
    asyncio.run(admission.Admission(never, slots=slots)(scope, nothing, send))
    assert seen == [status, None]


def test_long_body_is_read_to_its_limit_before_it_is_refused(make_shell: MakeShell) -> None:
    shell = filled(make_shell, json_bytes=100_000)
    body = b'{"input": {"array": [[1]]}, "layers": [{"type": "relu"}]}'
    fitting, longer = (body.ljust(size) for size in (100_000, 100_001))
    for content, status in ((fitting, 503), (longer, 413)):
        assert_problem(shell.ask("POST", "/api/v1/forward", content=content), status)


def test_picture_that_finds_no_place_among_those_that_wait_is_refused(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, go = shell.app.state, threading.Event()
    state.offloading = Offloading(1, 1, 10.0)
    decode = state.pictures._decode
    monkeypatch.setattr(state.pictures, "_decode", lambda one: go.wait(10) and decode(one))
    pictures = [encoded(noise(3, 4, seed=seed), "PNG") for seed in range(3)]

    async def main() -> list[httpx.Response]:
        transport = httpx.ASGITransport(shell.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            asked = [
                asyncio.create_task(http.post("/api/v1/images", content=content))
                for content in pictures
            ]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            refused = [one for one in asked if one.done()]
            go.set()
            await asyncio.wait(asked)
            return [one.result() for one in refused]

    (answer,) = shell.runner.run(main())
    assert "2 pictures" in assert_problem(answer, 503)["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert shell.upload(pictures[2]).status_code == 201


@pytest.mark.parametrize(("seconds", "statuses"), [(0.1, [201, 503]), (10.0, [201, 201])])
def test_picture_waits_so_long_for_others_and_no_longer(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, seconds: float, statuses: list[int]
) -> None:
    state, go = shell.app.state, threading.Event()
    state.offloading = Offloading(1, 5, seconds)
    decode = state.pictures._decode
    monkeypatch.setattr(state.pictures, "_decode", lambda one: go.wait(10) and decode(one))
    first, second = (encoded(noise(3, 4, seed=seed), "PNG") for seed in range(2))

    async def main() -> list[httpx.Response]:
        transport = httpx.ASGITransport(shell.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            asked = [
                asyncio.create_task(http.post("/api/v1/images", content=content))
                for content in (first, second)
            ]
            await asyncio.wait({asked[1]}, timeout=0.3)
            go.set()
            return await asyncio.gather(*asked)

    answers = shell.runner.run(main())
    assert [answer.status_code for answer in answers] == statuses
    if statuses[1] == 503:
        assert f"waited {seconds:g} s" in assert_problem(answers[1], 503)["detail"]
        assert int(answers[1].headers["retry-after"]) >= 1
    assert shell.upload(second).status_code in (200, 201)
