"""Who may ask: hosts, origins, tokens."""

import base64

import pytest

from app.web.pages import STATIC
from tests.web.api.calling import assert_problem
from tests.web.shell.asking import Shell
from tests.web.shell.conftest import MakeShell

DELETE_NOTHING = "/api/v1/images/" + "0" * 64


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:1", "127.9.9.9", "[::1]:8000"]
)
def test_loopback_names_are_answered(shell: Shell, host: str) -> None:
    assert shell.get("/livez", host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "",
        "a@localhost",
        "localhost:x",
        "[::1",
    ],
)
def test_foreign_host_is_refused(shell: Shell, host: str) -> None:
    assert_problem(shell.get("/livez", host=host), 400)


def test_listed_host_is_answered_and_no_other(make_shell: MakeShell) -> None:
    shell = make_shell(allowed_hosts=("Lab.example",))
    assert shell.get("/livez", host="lab.example:8000").status_code == 200
    assert shell.get("/livez", host="localhost").status_code == 200
    assert_problem(shell.get("/livez", host="other.example"), 400)
    assert make_shell(allowed_hosts=("*",)).get("/livez", host="any.example").is_success


def test_public_bind_answers_to_addresses_but_not_to_rebound_names(make_shell: MakeShell) -> None:
    shell = make_shell(host="0.0.0.0", token="secret")
    assert shell.get("/livez", host="192.0.2.7:8000").status_code == 200
    assert_problem(shell.get("/livez", host="rebound.example"), 400)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_foreign_page_may_change_nothing(shell: Shell, method: str, site: str) -> None:
    answer = shell.ask(method, DELETE_NOTHING, headers={"sec-fetch-site": site})
    assert_problem(answer, 403)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:81",
        "http://localhost",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1:99999999",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_foreign_origin_is_refused(shell: Shell, method: str, origin: str) -> None:
    assert_problem(shell.ask(method, "/livez", headers={"origin": origin}), 403)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost"),
        ("localhost", "https://localhost"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_own_page_passes(shell: Shell, host: str, origin: str) -> None:
    headers = {"host": host, "origin": origin, "sec-fetch-site": "same-origin"}
    assert_problem(shell.ask("DELETE", DELETE_NOTHING, headers=headers), 404)


def test_plain_script_passes(shell: Shell) -> None:
    assert_problem(shell.ask("DELETE", DELETE_NOTHING), 404)


def test_link_from_elsewhere_opens_what_can_be_read(shell: Shell) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert shell.get("/docs", **headers).status_code == 200


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize("given", ["Bearer s3cret", "bearer s3cret", basic("s3cret")])
def test_token_opens_everything(make_shell: MakeShell, given: str) -> None:
    shell = make_shell(token="s3cret")
    assert shell.get("/api/v1/samples", authorization=given).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer s3cre",
        "Bearer s3cret2",
        "s3cret",
        basic("other"),
        "Basic ?",
        "Basic é",
    ],
)
def test_without_the_token_nothing_opens(make_shell: MakeShell, given: str) -> None:
    shell = make_shell(token="s3cret")
    for path in ("/", "/docs", "/metrics", "/api/v1/samples", f"{STATIC}/docs/init.js", "/nothing"):
        answer = shell.ask("GET", path, headers={"authorization": given.encode("latin-1")})
        assert_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_token_is_compared_in_constant_time(
    make_shell: MakeShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    monkeypatch.setattr(
        "app.web.gate.hmac.compare_digest",
        lambda *pair: compared.append(pair) or pair[0] == pair[1],
    )
    shell = make_shell(token="s3cret")
    for given in ("s3cre", "s3cret"):
        shell.get("/", authorization=f"Bearer {given}")
    assert compared == [(b"s3cre", b"s3cret"), (b"s3cret", b"s3cret")]


def test_health_needs_no_token(make_shell: MakeShell) -> None:
    shell = make_shell(token="s3cret")
    assert shell.get("/livez").status_code == shell.get("/readyz").status_code == 200
