"""Every error in one shape, the framework's own and those nobody foresaw included."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from app.engine.errors import NetworkError, ParameterError, ShapeError
from app.service.errors import LimitExceeded, Overloaded, TooMuchWork
from app.web.pages import STATIC
from app.web.problems import Problem, problem_response
from tests.web.api.calling import assert_problem
from tests.web.shell.asking import Shell, served


def raising(shell: Shell, error: Exception) -> Any:
    @shell.app.get("/raise")
    async def fail(request: Request) -> None:
        raise error

    return shell.get("/raise")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/images/0", {"GET", "DELETE"}),
        ("/api/v1/images", {"POST"}),
        ("/api/v1/images/0/content", {"GET"}),
        ("/livez", {"GET"}),
        ("/", {"GET"}),
    ],
)
def test_every_method_of_an_address_is_told(shell: Shell, path: str, methods: set[str]) -> None:
    answer = shell.ask("PUT", path)
    assert answer.status_code == 405
    assert methods <= set(answer.headers["allow"].split(", ")) <= {*methods, "HEAD"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", f"{STATIC}/nothing.js", 404),
        ("GET", f"{STATIC}/..%2f..%2f..%2fpyproject.toml", 404),
        ("PUT", "/api/v1/images", 405),
        ("POST", f"{STATIC}/docs/init.js", 405),
        ("BREW", "/livez", 405),
        ("POST", "/", 405),
    ],
)
def test_errors_of_the_framework_are_problems(
    shell: Shell, method: str, path: str, status: int
) -> None:
    answer = shell.ask(method, path)
    problem = assert_problem(answer, status)
    assert problem["instance"] == path
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert status != 405 or answer.headers["allow"]


def test_problem_of_the_engine_points_at_the_field(shell: Shell) -> None:
    error = ParameterError("stride is 0, but must be 1 to 64.", ("stride",), "1 to 64")
    problem = assert_problem(raising(shell, error.under("layers", 2)), 422, "/layers/2/stride")
    assert problem["detail"] == error.message


def test_all_problems_of_a_network_come_at_once(shell: Shell) -> None:
    errors = [ShapeError("one.", ("layers", 0)), ShapeError("two.", ("layers", 1, "a/b~c"))]
    answer = raising(shell, NetworkError(errors))
    assert_problem(answer, 422, "/layers/0", "/layers/1/a~1b~0c")


def test_overload_says_when_to_come_again(shell: Shell) -> None:
    answer = raising(shell, Overloaded("Busy.", retry_after=7))
    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "7"


def test_exceeded_limit_tells_limit_and_actual(shell: Shell) -> None:
    error = LimitExceeded("Too many.", limit=32, actual=33, path=("layers",))
    problem = assert_problem(raising(shell, error), 422, "/layers")
    assert (problem["limit"], problem["actual"]) == (32, 33)


def test_too_much_work_tells_the_estimate(shell: Shell) -> None:
    problem = assert_problem(raising(shell, TooMuchWork("No.", estimated=9, limit=5)), 422)
    assert (problem["estimated"], problem["limit"]) == (9, 5)


def test_unforeseen_failure_tells_nothing_of_itself(
    shell: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    answer = raising(shell, RuntimeError("secret path /etc/passwd"))
    problem = assert_problem(answer, 500)
    assert "secret" not in answer.text
    assert problem["request_id"] in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_connection_outlives_an_unforeseen_failure(shell: Shell) -> None:
    @shell.app.post("/raise")
    async def fail(request: Request) -> None:
        await request.body()
        raise RuntimeError("unforeseen")

    with served(shell) as address, httpx.Client(base_url=address) as http:
        for _ in range(3):
            answer = http.post("/raise", content=b"x" * 100_000)
            assert_problem(answer, 500)
            assert "close" not in answer.headers.get("connection", "")
            port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
            answer = http.get("/livez")
            assert answer.status_code == 200
            assert answer.extensions["network_stream"].get_extra_info("client_addr")[1] == port


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(shell: Shell) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("unforeseen")

    @shell.app.get("/raise")
    async def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(broken())

    with served(shell) as address, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{address}/raise")


def test_own_words_of_a_route_stay(shell: Shell) -> None:
    assert raising(shell, Problem(409, "Own words.", here=1)).json()["here"] == 1


def test_own_words_of_the_framework_stay_where_they_say_more(shell: Shell) -> None:
    problem = assert_problem(raising(shell, HTTPException(400, "Too many files.")), 400)
    assert problem["detail"] == "Too many files."


def test_address_in_a_problem_is_short_and_plain_ascii(shell: Shell) -> None:
    answer = shell.get("/" + "<script>é" * 100)
    assert answer.status_code == 404
    assert len(answer.json()["instance"]) <= 200
    assert "<" not in answer.text
    assert answer.text.isascii()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (b"/jobs/" + b"%F0%9D" * 40, "/jobs/" + ("%F0%9D" * 40)[:192]),
        (b"/" + b"a" * 197 + b"%20", "/" + "a" * 197),
        (b"/" + b"a" * 198 + b"%20", "/" + "a" * 198),
        (b"/%zz%2%", "/%25zz%252%25"),
        (b'/a"b\\^`{|}[1]\xff', "/a%22b%5C%5E%60%7B%7C%7D%5B1%5D%FF"),
    ],
)
def test_address_in_a_problem_is_a_reference_wherever_it_is_cut(path: bytes, told: str) -> None:
    scope = {"type": "http", "raw_path": path, "state": {"request_id": "1"}}
    answer = problem_response(scope, Problem(404, "Nothing is here."))
    assert json.loads(bytes(answer.body))["instance"] == told


def test_description_tells_problems_and_never_the_frameworks_own_shape(shell: Shell) -> None:
    description = shell.get("/api/v1/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in json.dumps(description)
    for operations in description["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert set(answer["content"]) == {"application/problem+json"}
