"""Limits: told before any work is done, kept under load."""

import asyncio
import pkgutil
import re
import threading
import time
from typing import Any

import httpx
import numpy as np
import pytest

from app.engine import interrupt
from app.service.slots import Slots
from tests.web.api.calling import Api, assert_problem

RELU = {"type": "relu"}


def conv(**fields: Any) -> dict[str, Any]:
    return {"type": "conv2d", "kernel": {"random": {"filters": 1, "size": 3}}, **fields}


def body(*layers: Any, **members: Any) -> dict[str, Any]:
    return {"input": {"array": [[1, 2, 3]] * 4}, "layers": list(layers), **members}


def sized(filters: int, size: Any) -> dict[str, Any]:
    return {"random": {"filters": filters, "size": size}}


@pytest.mark.parametrize(
    ("layer", "pointer"),
    [
        (conv(kernel=sized(1, 64), padding="same"), "/layers/1/kernel/random/size"),
        (conv(kernel=sized(1, [1, 64]), padding="same"), "/layers/1/kernel/random/size"),
        (conv(kernel=sized(513, 1)), "/layers/1/kernel/random/filters"),
        (conv(kernel=[[1] * 64], padding="same"), "/layers/1/kernel"),
        (conv(kernel=[[[[1]]]] * 513), "/layers/1/kernel"),
        ({"type": "max_pool2d", "size": [1, 64], "padding": [0, 32]}, "/layers/1/size"),
        (conv(stride=65, padding="same"), "/layers/1/stride"),
        ({"type": "max_pool2d", "size": 2, "stride": [1, 65]}, "/layers/1/stride"),
        (
            {"type": "dense", "weight": {"random": {"features": 513}}},
            "/layers/1/weight/random/features",
        ),
        ({"type": "dense", "weight": [[1] * 3] * 513}, "/layers/1/weight"),
    ],
)
def test_layer_beyond_a_limit_is_refused_with_the_limit(api: Api, layer: Any, pointer: str) -> None:
    problem = assert_problem(api.post("/forward", body(RELU, layer)), 422, pointer)
    assert "limit" in problem["detail"]
    told = api.post("/shapes", body(RELU, layer)).json()["layers"][1]["errors"]
    assert told[0]["pointer"] == pointer


LEGAL = [
    ([1, 1, 99, 200], conv(), {
        "kernel": "(O, 1, KH, KW), (1, KH, KW) or (KH, KW), a preset, or random; filters: 1 to 7; "
        "taps: rows 1 to 9, cols 1 to 9",
        "stride": "integers, 1 to 5, or a pair (rows, cols)",
    }),
    ([1, 1, 4, 200], conv(padding=1), {"kernel": "taps: rows 1 to 6, cols 1 to 9"}),
    ([1, 1, 99, 99], conv(padding="same"), {"kernel": "; filters: 1 to 7; taps: 1 to 9"}),
    ([1, 1, 99, 99], conv(type="conv_transpose2d"), {
        "kernel": "; filters: 1 to 7; taps: 1 to 9",
        "stride": "integers, 1 to 5, or a pair (rows, cols)",
    }),
    ([1, 1, 4, 99], {"type": "max_pool2d", "size": 2}, {
        "size": "integers, rows 1 to 4, cols 1 to 9",
        "stride": "null, or integers, 1 to 5, or a pair (rows, cols)",
    }),
    ([1, 1, 4, 99], {"type": "avg_pool2d", "size": 2}, {"stride": "integers, 1 to 5"}),
    ([1, 6], {"type": "dense", "weight": {"random": {"features": 3}}}, {
        "weight": "(O, 6), or random; O: 1 to 7",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "layer", "expected"), LEGAL)
def test_the_legal_ranges_keep_the_servers_limits(
    narrow: Any, shape: list[int], layer: Any, expected: dict[str, str]
) -> None:
    api = narrow(stride=5, kernel_side=9, filters=7)
    report = api.post("/shapes", {"input": {"shape": shape}, "layers": [layer]}).json()["layers"][0]
    assert {field for field in expected if expected[field] in report["legal"][field]} == {*expected}


@pytest.mark.parametrize(
    "layer",
    [
        conv(kernel=sized(1, 63), padding="same"),
        conv(kernel=sized(512, 1)),
        conv(stride=64, padding="same"),
    ],
)
def test_layer_at_a_limit_is_legal(api: Api, layer: Any) -> None:
    assert api.post("/forward", body(layer)).status_code == 200


def test_network_may_have_as_many_layers_as_the_limit_says(api: Api) -> None:
    assert api.post("/forward", body(*[RELU] * 32)).status_code == 200
    problem = assert_problem(api.post("/forward", body(*[RELU] * 33)), 422, "/layers")
    assert "33" in problem["detail"]
    assert "32" in problem["detail"]


@pytest.mark.parametrize("route", ["/forward", "/backward", "/gradcheck", "/explain"])
def test_too_much_work_is_refused_before_any_of_it_is_done(
    api: Api, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    def touched(*_: Any, **__: Any) -> Any:
        raise AssertionError("the picture was read")

    monkeypatch.setattr(api.app.state.pictures, "load_input", touched)
    spec = {"input": {"sample": "camera"}, "layers": [conv(kernel=sized(512, 3), padding="same")]}
    asked = {**spec, "at": {"feature": {}}} if route == "/explain" else spec
    problem = assert_problem(api.post(route, asked), 422)
    assert problem["estimated"] > problem["limit"] == 2**30


@pytest.mark.parametrize(
    ("types", "advice"),
    [
        (["relu"], "A smaller input needs less."),
        (["max_pool2d", "relu"], "A smaller input or a larger stride needs less."),
        (["conv2d"], "A smaller input, fewer filters or a larger stride needs less."),
        (["conv_transpose2d"], "A smaller input, fewer filters or a smaller stride needs less."),
        (
            ["avg_pool2d", "conv_transpose2d"],
            "A smaller input, fewer filters, a larger stride or a smaller stride of the transposed "
            "convolution needs less.",
        ),
        (["flatten", "dense"], "A smaller input or fewer features needs less."),
    ],
)
def test_advice_to_what_needs_too_much_memory_fits_its_layers(
    narrow: Any, types: list[str], advice: str
) -> None:
    fields = {
        "max_pool2d": {"size": 2},
        "avg_pool2d": {"size": 2},
        "dense": {"weight": {"random": {"features": 3}}},
    }
    kernel = {"kernel": {"random": {"filters": 3, "size": 3}}}
    layers = [
        {"type": one, **(kernel if one.startswith("conv") else fields.get(one, {}))}
        for one in types
    ]
    spec = {"input": {"array": [[1.0] * 9] * 8}, "layers": layers}
    problem = assert_problem(narrow(working_bytes=1).post("/forward", spec), 422)
    assert problem["detail"].endswith(f". {advice}")


def test_a_little_too_much_work_is_told_apart_from_the_limit(narrow: Any) -> None:
    spec = {"input": {"array": [[1.0]]}, "layers": [conv(kernel=sized(64, 63), padding="same")]}
    needed = narrow(working_bytes=1).post("/forward", spec).json()["estimated"]
    problem = assert_problem(narrow(working_bytes=needed - 1).post("/forward", spec), 422)
    told, legal = (float(amount) for amount in re.findall(r"([\d.]+) MiB", problem["detail"]))
    assert legal < told
    assert (told * 2**20, legal * 2**20) == pytest.approx((needed, needed - 1), abs=1)


def test_memory_of_the_answer_counts(narrow: Any) -> None:
    api = narrow(working_bytes=40_000_000)
    spec = {"input": {"sample": "camera"}, "layers": [RELU]}
    assert api.post("/forward", spec, "application/x-safetensors").status_code == 200
    assert_problem(api.post("/forward", spec), 422)


def test_body_beyond_the_limit_is_413(api: Api) -> None:
    text = '{"input": {"array": [' + "1," * (2 * 1024 * 1024) + "1]}, " + '"layers": []}'
    assert_problem(api.post_text("/forward", text), 413)


class Held:
    """Replaces a function, by default the forward pass, by one that goes on until it is let go."""

    def __init__(
        self,
        api: Api,
        monkeypatch: pytest.MonkeyPatch,
        place: str = "app.service.compute.Compute.forward",
    ) -> None:
        self.started, self.released = threading.Event(), threading.Event()
        self.stopped = threading.Event()
        self.running = 0
        real = pkgutil.resolve_name(place)

        def held(*arguments: Any, **options: Any) -> Any:
            self.started.set()
            self.running += 1
            try:
                while not self.released.is_set():
                    interrupt.check()
                    time.sleep(0.002)
            finally:
                self.running -= 1
                self.stopped.set()
            return real(*arguments, **options)

        monkeypatch.setattr(place, held)
        self.api = api

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.api.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1")


async def until(event: threading.Event) -> None:
    end = time.monotonic() + 2
    while not event.is_set():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


def test_full_queue_is_503_with_retry_after_and_other_routes_still_answer(
    narrow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = narrow(compute_slots=1, queue_length=1)
    held = Held(api, monkeypatch)

    async def main() -> None:
        async with held.client() as http:
            waiting = [asyncio.create_task(http.post("/forward", json=body(RELU))) for _ in "ab"]
            await until(held.started)
            while api.app.state.slots.taken < 2:
                await asyncio.sleep(0.002)
            refused = await http.post("/forward", json=body(RELU))
            assert_problem(refused, 503)
            assert int(refused.headers["retry-after"]) >= 1
            # Nothing has been released yet: what waited for a slot would be refused in the end.
            assert (await http.get("http://127.0.0.1/livez")).status_code == 200
            assert (await http.post("/shapes", json=body(RELU))).status_code == 200
            held.released.set()
            assert [(await one).status_code for one in waiting] == [200, 200]

    api.runner.run(main())


LONG_BODY = body(RELU, input={"array": [[1] * 8000]})


@pytest.mark.parametrize(
    ("place", "path", "asked"),
    [
        ("app.web.bodies.parsed", "/forward", LONG_BODY),
        ("app.web.bodies.parsed", "/shapes", LONG_BODY),
        ("app.service.compute.Compute.shapes", "/shapes", body(RELU)),
    ],
)
def test_what_is_asked_is_read_one_by_one_and_beyond_a_queue_not_at_all(
    narrow: Any, monkeypatch: pytest.MonkeyPatch, place: str, path: str, asked: Any
) -> None:
    api = narrow(queue_length=1)
    held = Held(api, monkeypatch, place)

    async def main() -> None:
        async with held.client() as http:
            waiting = [asyncio.create_task(http.post(path, json=asked)) for _ in "ab"]
            await until(held.started)
            while api.app.state.reading.taken < 2:
                await asyncio.sleep(0.002)
            refused = await http.post(path, json=asked)
            assert_problem(refused, 503)
            assert int(refused.headers["retry-after"]) >= 1
            assert (await http.get("http://127.0.0.1/livez")).status_code == 200
            assert (await http.get("/samples")).status_code == 200
            assert held.running == 1
            held.released.set()
            assert [(await one).status_code for one in waiting] == [200, 200]

    api.runner.run(main())


def test_passed_deadline_is_503_and_frees_the_slot(
    narrow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = narrow(compute_slots=1, deadline_seconds=0.1)
    held = Held(api, monkeypatch)
    late = assert_problem(api.post("/forward", body(RELU)), 503)
    assert "0.1 s" in late["detail"]
    assert held.stopped.wait(1)
    held.released.set()
    assert api.post("/forward", body(RELU)).status_code == 200


def test_computation_stops_soon_after_its_client_has_left(
    narrow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = narrow(compute_slots=1)
    held = Held(api, monkeypatch)

    async def main() -> None:
        messages = asyncio.Queue[dict[str, Any]]()
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        content = b'{"input": {"array": [1]}, "layers": []}'
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/v1/forward",
            "raw_path": b"/api/v1/forward",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
        }
        await messages.put({"type": "http.request", "body": content})
        call = asyncio.create_task(api.app(scope, messages.get, send))
        await until(held.started)
        await asyncio.sleep(0.1)
        await messages.put({"type": "http.disconnect"})
        await until(held.stopped)  # though nothing has released it
        await call

    api.runner.run(main())


def test_client_that_stays_has_its_answer_however_long_it_takes(
    narrow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = narrow(compute_slots=1)
    held, watched = Held(api, monkeypatch), threading.Event()
    outlast = Slots._outlast

    async def watching(*arguments: Any) -> None:
        watched.set()
        await outlast(*arguments)

    monkeypatch.setattr(Slots, "_outlast", watching)

    async def main() -> None:
        async with held.client() as http:
            asked = asyncio.create_task(http.post("/forward", json=body(RELU)))
            await until(watched)
            await asyncio.sleep(0.3)  # longer than one that has left is computed for
            assert not held.stopped.is_set()
            held.released.set()
            assert (await asked).status_code == 200

    api.runner.run(main())


def test_livez_answers_at_once_with_a_slot_free_and_with_every_slot_busy_and_the_queue_full(
    narrow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = narrow(compute_slots=2, queue_length=1)
    held = Held(api, monkeypatch)

    async def main() -> None:
        async with held.client() as http:
            asked = []
            for taken in (1, 2, 3):
                asked.append(asyncio.create_task(http.post("/forward", json=body(RELU))))
                while api.app.state.slots.taken < taken or held.running < min(taken, 2):
                    await asyncio.sleep(0.002)
                answer = await http.post("/explain", json=body(RELU, at={"feature": {}}))
                assert answer.status_code == (200 if taken == 1 else 503)
                took = []
                for _ in range(5):
                    began = time.monotonic()
                    assert (await http.get("http://127.0.0.1/livez")).status_code == 200
                    took.append(time.monotonic() - began)
                assert min(took) < 0.1
            held.released.set()
            assert {(await one).status_code for one in asked} == {200}

    api.runner.run(main())


def test_limits_are_told_as_numbers(api: Api) -> None:
    limits = api.get("/limits").json()
    assert limits["layers"] == 32
    assert limits["stride"] == 64
    assert limits["working_bytes"] == 2**30
    assert all(type(value) in (int, float) for value in limits.values())


def test_named_kernels_have_matrix_meaning_and_source_and_can_be_used(api: Api) -> None:
    answer = api.get("/kernels")
    for kernel in answer.json()["kernels"]:
        assert kernel["finds"]
        assert kernel["source"]
        kind = "conv2d" if np.ndim(kernel["matrix"]) == 2 else "conv1d"
        layer = {"type": kind, "kernel": {"preset": kernel["name"]}, "padding": "same"}
        values = [[1, 2], [3, 4.5]] if kind == "conv2d" else [1, 2, 3.5]
        spec = {"input": {"array": values}, "layers": [layer]}
        assert api.post("/forward", spec).status_code == 200
    again = api.get("/kernels", **{"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
