"""What every answer carries, the pages, the health and the metrics."""

import json
import logging
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page
from prometheus_client.parser import text_string_to_metric_families

from app.web.pages import STATIC, STATIC_DIRECTORY
from app.web.serving import write_logs
from tests.imaging.pictures import encoded, noise
from tests.web.api.calling import assert_problem
from tests.web.shell.asking import Shell
from tests.web.shell.conftest import MakeShell


@pytest.mark.parametrize("path", ["/livez", "/docs", "/nothing", "/api/v1/samples"])
def test_every_answer_carries_the_security_headers(shell: Shell, path: str) -> None:
    headers = shell.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])


def test_each_request_has_an_id_of_its_own(shell: Shell) -> None:
    ids = {shell.get("/livez", **{"x-request-id": "mine"}).headers["x-request-id"] for _ in "abc"}
    assert len(ids) == 3
    assert "mine" not in ids


PAGES = {"Lab": "/", "Lessons": "/lessons", "API": "/docs"}


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_inline_code_and_nothing_from_elsewhere(shell: Shell, name: str) -> None:
    answer = shell.get(PAGES[name])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    text = answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)


@pytest.mark.parametrize("name", PAGES)
def test_page_names_every_page_and_says_which_one_it_is(shell: Shell, name: str) -> None:
    text = shell.get(PAGES[name]).text
    places = re.findall(r'<nav aria-label="Places">(.*?)</nav>', text)[0]
    found = re.findall(r'<a href="([^"]*)"( aria-current="page")?>([^<]*)</a>', places)
    assert {title: address for address, _, title in found} == PAGES
    assert [title for _, current, title in found if current] == [name]


def test_phone_is_led_to_the_other_pages_at_the_end_of_the_lab(shell: Shell) -> None:
    end = re.findall(
        r'<nav class="narrow[^>]*aria-label="Elsewhere">(.*?)</nav>', shell.get("/").text
    )
    assert re.findall(r'href="([^"]*)"', end[0]) == ["/lessons", "/docs"]


def test_page_names_only_files_that_are_there(shell: Shell) -> None:
    for page in PAGES.values():
        named = set(re.findall(rf'(?:href|src)="({STATIC}/[^"]*)"', shell.get(page).text))
        assert named
        assert [name for name in named if shell.get(name).status_code != 200] == []


def test_page_answers_head(shell: Shell) -> None:
    answer = shell.ask("HEAD", "/docs")
    assert (answer.status_code, answer.content) == (200, b"")


def test_page_is_compressed_for_those_who_read_that(shell: Shell) -> None:
    plain = shell.get("/", **{"accept-encoding": "identity"})
    packed = shell.get("/", **{"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert 2 * int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.text == plain.text
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


def test_static_file_is_compressed_and_not_sent_twice(shell: Shell) -> None:
    path = f"{STATIC}/vendor/swagger-ui/swagger-ui.css"
    plain = (STATIC_DIRECTORY / "vendor/swagger-ui/swagger-ui.css").read_bytes()
    answer = shell.get(path, **{"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == plain
    again = shell.get(path, **{"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert "immutable" in answer.headers["cache-control"]
    assert again.headers["cache-control"] == answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    whole = shell.get(path, **{"accept-encoding": "identity"})
    assert "content-encoding" not in whole.headers
    assert whole.content == plain
    head = shell.ask("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "name", ["", "js", "js/none.js", "../pyproject.toml", "js/../../app/main.py"]
)
def test_name_that_is_no_static_file_is_not_found(shell: Shell, name: str) -> None:
    assert_problem(shell.get(f"{STATIC}/{name.replace('..', '%2e%2e')}"), 404)


def test_static_file_takes_no_post(shell: Shell) -> None:
    assert_problem(shell.ask("POST", f"{STATIC}/js/main.js"), 405)


def test_worker_names_the_pages_and_files_that_are_there_and_is_asked_for_each_time(
    shell: Shell,
) -> None:
    answer = shell.get("/worker.js")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/javascript")
    names = json.loads(re.findall(r"^const FILES = (.*);$", answer.text, re.M)[0])
    assert names[:2] == ["/", "/lessons"]
    assert [name for name in names if shell.get(name).status_code != 200] == []
    modules = STATIC_DIRECTORY / "js"
    needed = imported(modules / "main.js") | imported(modules / "lessons" / "theme-button.js")
    assert {f"{STATIC}/{file.relative_to(STATIC_DIRECTORY).as_posix()}" for file in needed} <= set(
        names
    )
    for page in names[:2]:
        assert set(re.findall(rf'"({STATIC}/[^"]*)"', shell.get(page).text)) <= set(names)


def test_static_files_of_another_version_are_not_there(shell: Shell) -> None:
    assert_problem(shell.get("/static/000000000000/js/main.js"), 404)
    assert shell.get("/").headers["cache-control"] == "no-cache"


def imported(module: Path) -> set[Path]:
    """The modules that `module` needs, itself among them."""
    found: set[Path] = set()
    due = [module]
    while due:
        now = due.pop()
        if now not in found:
            found.add(now)
            names = re.findall(r"^(?:import|export)[^;]*? from '(\.[^']*)';", now.read_text(), re.M)
            due += [(now.parent / name).resolve() for name in names]
    return found


def test_page_names_every_module_of_the_lab_and_no_other(shell: Shell) -> None:
    named = set(re.findall(f'rel="modulepreload" href="{STATIC}/([^"]*)"', shell.get("/").text))
    needed = imported(STATIC_DIRECTORY / "js" / "main.js")
    assert named == {file.relative_to(STATIC_DIRECTORY).as_posix() for file in needed}


def test_description_is_read_by_the_docs_without_a_violation(server: str, page: Page) -> None:
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server}/docs")
    page.locator(".opblock-summary", has_text="/api/v1/samples").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table", has_text="astronaut").wait_for()
    assert told == []
    assert [url for url in asked if not url.startswith((server, "data:", "blob:"))] == []


def test_process_is_alive_and_ready(shell: Shell) -> None:
    assert shell.get("/livez").json() == {"status": "alive"}
    assert shell.get("/readyz").json() == {"status": "ready"}


def test_draining_process_is_alive_but_takes_no_work(shell: Shell) -> None:
    shell.app.state.lifecycle.draining = True
    assert shell.get("/livez").status_code == 200
    for path in ("/readyz", "/api/v1/samples"):
        answer = shell.get(path)
        assert_problem(answer, 503)
        assert answer.headers["retry-after"]


def test_metrics_count_answers_in_the_text_format_of_prometheus(shell: Shell) -> None:
    shell.get("/api/v1/samples")
    shell.get("/nothing")
    shell.ask("BREW", "/livez")
    text = shell.get("/metrics").text
    read = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    def answers(method: str, route: str, status: str) -> float:
        labels = {"method": method, "route": route, "status": status}
        return read["convscope_requests_total", *sorted(labels.items())]

    assert answers("GET", "/api/v1/samples", "200") == 1
    assert answers("GET", "other", "404") == 1
    assert answers("other", "/livez", "405") == 1
    assert read["convscope_request_seconds_count", ("route", "/api/v1/samples")] == 1
    assert read["convscope_refusals_total", ("reason", "NotFound")] == 1
    assert read["convscope_slots",] == shell.settings.compute_slots


def test_refusals_are_counted_by_reason(make_shell: MakeShell) -> None:
    shell = make_shell(compute_slots=1, queue_length=0, picture_side=20)
    shell.upload(b"%PDF-1.7")
    shell.upload(encoded(noise(30, 41, 3), "PNG"))
    network = {"input": {"array": [[1]]}, "layers": [{"type": "conv2d", "kernel": [[1, 2]]}]}
    shell.ask("POST", "/api/v1/forward", json=network)
    shell.app.state.slots._taken = 1
    shell.ask("POST", "/api/v1/forward", json={**network, "layers": [{"type": "relu"}]})
    shell.app.state.slots._taken = 0
    text = shell.get("/metrics").text
    for reason in ("NotAPicture", "PictureTooLarge", "NetworkError", "QueueFull"):
        assert f'convscope_refusals_total{{reason="{reason}"}} 1.0\n' in text, text
    assert "convscope_queue_length 0.0\n" in text


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_each_request_leaves_a_line_with_its_id_and_nothing_that_was_sent(
    shell: Shell, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    write_logs(log_format)
    answer = shell.get("/api/v1/images/secret?a=b")
    shell.get("/api/v1/samples")
    logging.basicConfig(force=True, level=logging.WARNING)
    lines = [line for line in capsys.readouterr().err.splitlines() if "convscope.access" in line]
    assert len(lines) == 2
    assert "secret" not in "".join(lines)
    assert "a=b" not in "".join(lines)
    if log_format == "text":
        told = f"GET /api/v1/images/{{image_id}} {answer.status_code} in "
        assert told in lines[0]
        assert lines[0].endswith(f"request {answer.headers['x-request-id']}")
        return
    event = json.loads(lines[0])
    assert event["request_id"] == answer.headers["x-request-id"]
    assert event["route"] == "/api/v1/images/{image_id}"
    assert (event["status"], event["level"]) == (answer.status_code, "INFO")
    assert event["milliseconds"] > 0
