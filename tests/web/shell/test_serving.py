"""The process as it is run: slow clients, hostile sockets, signals, refused binds."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.cli import main
from app.web.pages import STATIC
from tests.imaging.pictures import encoded, noise
from tests.serving import ROOT, free_port, serving, wait_until_ready

# Far above what the limits of the impatient server make, far below uvicorn's never.
PROMPT = 12.0
HEAD = b"POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a server that waits half a second for anyone."""
    limits = {"HEADER_SECONDS": "0.5", "STALL_SECONDS": "0.5", "BODY_SECONDS": "2"}
    limits |= {"UPLOAD_BYTES": "100000", "STORE_DIR": str(tmp_path_factory.mktemp("store"))}
    with serving(**{f"CONVSCOPE_{name}": value for name, value in limits.items()}) as base_url:
        yield base_url


def connected(base_url: str) -> socket.socket:
    url = httpx.URL(base_url)
    client = socket.create_connection((url.host, url.port), timeout=10)
    client.settimeout(10)
    return client


def all_of(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    try:
        while part := client.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def problem_in(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", HEAD, HEAD + b"X: y\r\n", HEAD + b"Content-Length: 9\r\n\r\nhalf"],
    ids=["nothing", "half a line", "no end of headers", "half of headers", "half a body"],
)
def test_client_that_stops_sending_is_closed_in_time(impatient: str, sent: bytes) -> None:
    with connected(impatient) as client:
        client.sendall(sent)
        started = time.monotonic()
        answer = all_of(client)
    assert time.monotonic() - started < PROMPT
    problem_in(answer, 408)


def test_headers_that_trickle_are_not_waited_for(impatient: str) -> None:
    with connected(impatient) as client:
        started = time.monotonic()
        try:
            while time.monotonic() - started < 2 * PROMPT:
                client.sendall(b"G")
                time.sleep(0.1)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - started < PROMPT


def test_body_that_trickles_is_not_waited_for(impatient: str) -> None:
    with connected(impatient) as client:
        started = time.monotonic()
        client.sendall(HEAD + b"Content-Length: 90000\r\n\r\n")
        try:
            while time.monotonic() - started < 2 * PROMPT:
                client.sendall(b"x")
                time.sleep(0.1)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert 1.5 < time.monotonic() - started < PROMPT


def test_answer_that_is_not_read_is_not_held_for_ever(impatient: str) -> None:
    path = f"{STATIC}/vendor/swagger-ui/swagger-ui-bundle.js".encode()
    request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    whole = len(httpx.get(f"{impatient}{path.decode()}").content)
    with connected(impatient) as client:
        # More than the kernels' buffers between the two can hold.
        client.sendall(request * 12)
        deadline = time.monotonic() + 2 * PROMPT
        while server_holds(client):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(all_of(client)) < 12 * whole


def read_slowly(client: socket.socket) -> tuple[int, float]:
    """How many bytes there were until the server closed, and the longest rest between two reads."""
    received, longest, last = 0, 0.0, time.monotonic()
    while part := client.recv(100_000):
        received += len(part)
        time.sleep(0.01)
        rest, last = time.monotonic() - last, time.monotonic()
        longest = max(longest, rest)
    return received, longest


def test_slow_reader_has_all_of_its_answer(impatient: str) -> None:
    path = f"{STATIC}/vendor/swagger-ui/swagger-ui-bundle.js".encode()
    request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
    whole = len(httpx.get(f"{impatient}{path.decode()}").content)
    for _ in range(20):
        with connected(impatient) as client:
            client.sendall((request + b"\r\n") * 11 + request + b"Connection: close\r\n\r\n")
            started = time.monotonic()
            received, rest = read_slowly(client)
        if rest <= 0.25:  # on a busy machine this process may have been the one that rested
            break
    assert time.monotonic() - started > 1.0  # several times as long as a rest may be
    assert received > 12 * whole


def test_nothing_is_computed_for_a_client_that_has_left(impatient: str) -> None:
    body = b'{"input": {"array": [1]}, "layers": []}'
    head = b"POST /api/v1/forward HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    for _ in range(20):
        with connected(impatient) as client:
            # What is sent and that it was the last arrive together.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            client.sendall(head % len(body) + body)
    counted = 'convscope_requests_total{method="POST",route="/api/v1/forward",status="%d"}'
    deadline = time.monotonic() + PROMPT
    while f"{counted % 499} 20.0" not in (told := httpx.get(f"{impatient}/metrics").text):
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    assert counted % 200 not in told
    assert httpx.post(f"{impatient}/api/v1/forward", content=body).status_code == 200


def server_holds(client: socket.socket) -> bool:
    """Whether the other end of a connection within this machine is still open."""
    ends = f":{client.getpeername()[1]:04X}", f":{client.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if (local[-5:], remote[-5:]) == ends:
            return state == "01"
    return False


def test_fifty_idle_sockets_disturb_nobody_and_are_closed(impatient: str) -> None:
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(impatient)) for _ in range(50)]
        assert httpx.get(f"{impatient}/livez").status_code == 200
        for client in idle:
            all_of(client)
    assert time.monotonic() - started < 2 * PROMPT


def test_kept_alive_connection_may_rest(impatient: str) -> None:
    with httpx.Client(base_url=impatient) as client:
        client.get("/livez")
        time.sleep(1.2)
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n",
    ],
)
def test_what_is_not_http_answers_400(impatient: str, sent: bytes) -> None:
    with connected(impatient) as client:
        client.sendall(sent)
        problem_in(all_of(client), 400)


def test_endless_body_is_cut(impatient: str) -> None:
    with connected(impatient) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        started = time.monotonic()
        try:
            while time.monotonic() - started < 2 * PROMPT:
                client.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")
                time.sleep(0.001)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        assert time.monotonic() - started < PROMPT


def test_client_that_sends_first_and_reads_later_gets_its_413(impatient: str) -> None:
    answer = httpx.post(f"{impatient}/api/v1/images", content=bytes(3_000_000))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_body_of_two_lengths_is_refused_and_what_follows_is_not_read(impatient: str) -> None:
    lengths = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with connected(impatient) as client:
        client.sendall(HEAD + lengths + b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = all_of(client)
    problem_in(answer, 400)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_livez_answers_at_once_while_every_slot_is_busy(server: str) -> None:
    wide = {"random": {"filters": 24, "size": [11, 11], "seed": 1}}
    spec = {
        "input": {"sample": "astronaut"},
        "layers": [{"type": "conv2d", "kernel": wide, "padding": "same"}] * 12,
    }
    body = json.dumps(spec).encode()
    head = b"POST /api/v1/forward HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Accept: application/x-safetensors\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    slots = len(os.sched_getaffinity(0))
    clients = [connected(server) for _ in range(slots + 2)]
    for client in clients:
        client.sendall(head + body)
    time.sleep(0.2)
    times = []
    with httpx.Client(base_url=server) as http:
        while len(times) < 20:
            started = time.monotonic()
            assert http.get("/livez").status_code == 200
            times.append(time.monotonic() - started)
        busy = http.get("/metrics").text
    for client in clients:
        client.close()
    assert f"convscope_slots_busy {slots}.0\n" in busy
    assert "convscope_queue_length 2.0\n" in busy
    assert sorted(times)[10] < 0.1


@contextlib.contextmanager
def process_of(store: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    environment = {**os.environ, "CONVSCOPE_STORE_DIR": str(store), **settings}
    command = [sys.executable, "-m", "app", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        base_url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(base_url, process)
            yield process, base_url
        finally:
            process.kill()


def test_sigterm_lets_running_requests_finish_and_exits_0(tmp_path: Path) -> None:
    content = encoded(noise(30, 41, 3), "PNG")
    with process_of(tmp_path) as (process, base_url), connected(base_url) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content[:100])
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert httpx.get(f"{base_url}/readyz").status_code == 503
        assert httpx.get(f"{base_url}/livez").status_code == 200
        refused = httpx.get(f"{base_url}/api/v1/samples")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        client.sendall(content[100:])
        assert client.recv(65536).startswith(b"HTTP/1.1 201 ")
        assert process.wait(timeout=20) == 0


def test_request_that_a_stop_cuts_short_is_told_so(tmp_path: Path) -> None:
    settings = {"CONVSCOPE_DRAIN_SECONDS": "0.1"}
    with process_of(tmp_path, **settings) as (process, base_url), connected(base_url) as client:
        client.sendall(HEAD + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")  # it is being worked on
        process.send_signal(signal.SIGTERM)
        problem_in(all_of(client), 503)
        assert process.wait(timeout=20) == 0


def test_killed_upload_leaves_a_store_that_starts_and_a_rest_that_stops_at_once(
    tmp_path: Path,
) -> None:
    content = encoded(noise(30, 41, 3), "PNG")
    with process_of(tmp_path) as (process, base_url), connected(base_url) as client:
        kept = httpx.post(f"{base_url}/api/v1/images", content=content).headers["location"]
        client.sendall(HEAD + b"Content-Length: 100000\r\n\r\n" + bytes(50_000))
        time.sleep(0.2)
        process.kill()
    with process_of(tmp_path) as (process, base_url), httpx.Client(base_url=base_url) as at_rest:
        assert at_rest.get(kept).json()["bytes"] == len(content)
        assert {path.name for path in (tmp_path / "files").iterdir()} == {kept.rsplit("/", 1)[1]}
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - started < PROMPT


def descendants(pid: int) -> list[int]:
    """The processes below one, its children first."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for thread in threads for child in thread.read_text().split()]
    return children + [pid for child in children for pid in descendants(child)]


def test_crash_in_a_decoder_is_the_fault_of_its_picture_and_hurts_nobody(tmp_path: Path) -> None:
    # Half a second of work for a decoder, in few bytes.
    slow = encoded(np.zeros((6000, 8000, 3), np.uint8), "PNG", compress_level=1)
    answers: list[httpx.Response] = []
    with process_of(tmp_path) as (process, base_url):
        images = f"{base_url}/api/v1/images"
        assert httpx.post(images, content=encoded(noise(30, 41, 3), "PNG")).status_code == 201
        decoder = descendants(process.pid)[-1]
        upload = threading.Thread(target=lambda: answers.append(httpx.post(images, content=slow)))
        seconds_before = cpu_seconds(decoder)
        upload.start()
        while upload.is_alive() and cpu_seconds(decoder) < seconds_before + 0.05:
            time.sleep(0.005)
        os.kill(decoder, signal.SIGSEGV)
        upload.join()
        assert answers[0].status_code == 422
        assert answers[0].json()["detail"].endswith("its decoder crashed.")
        assert httpx.post(images, content=slow).status_code == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lab.example", ""])
def test_public_bind_is_refused_without_token_or_flag(
    host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONVSCOPE_TOKEN", raising=False)
    assert main(["serve", "--host", host]) == 2
    told = capsys.readouterr().err
    assert "CONVSCOPE_TOKEN" in told
    assert "--allow-public" in told


@pytest.mark.parametrize("given", [["--allow-public"], []])
def test_public_bind_starts_with_the_flag_or_a_token(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = []
    monkeypatch.setenv("CONVSCOPE_STORE_DIR", str(tmp_path))
    if not given:
        monkeypatch.setenv("CONVSCOPE_TOKEN", "secret")
    monkeypatch.setattr("app.web.serving.serve", lambda app, settings: served.append(settings))
    assert main(["--host", "0.0.0.0", "--port", "0", *given]) == 0
    assert [settings.host for settings in served] == ["0.0.0.0"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_port_that_is_taken_is_told_before_the_store_is_opened(
    workers: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVSCOPE_STORE_DIR", str(tmp_path / "store"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--workers", workers]) == 1
    told = capsys.readouterr().err
    assert (
        told == f"convscope: 127.0.0.1 port {port} cannot be served at: Address already in use.\n"
    )
    assert not (tmp_path / "store").exists()


def test_unreadable_setting_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSCOPE_UPLOAD_BYTES", "twenty")
    assert main([]) == 2
    assert "CONVSCOPE_UPLOAD_BYTES" in capsys.readouterr().err


def test_store_that_cannot_be_made_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CONVSCOPE_STORE_DIR", str(tmp_path / "file" / "store"))
    assert main([]) == 1
    assert str(tmp_path) in capsys.readouterr().err
