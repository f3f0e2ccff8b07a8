"""Several workers at one address: one store, one signal, and none missed for long."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.cli import main
from app.cli.workers import Supervisor
from app.settings import Settings
from tests.imaging.pictures import encoded, noise
from tests.serving import ROOT, free_port, wait_until_ready

LONG_SECONDS = 40


@contextmanager
def workers(store: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    environment = {**os.environ, "CONVSCOPE_STORE_DIR": str(store)}
    command = [sys.executable, "-m", "app", "serve", "--port", str(port), "--workers", "2"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        base_url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(base_url, process)
            yield process, base_url
        finally:
            process.kill()


def serving_now(supervisor: int) -> set[int]:
    """The workers: the children that listen, as the socket's owners tell."""
    tasks = Path(f"/proc/{supervisor}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return {pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def until_two_serve(supervisor: int, but: set[int]) -> set[int]:
    end = time.monotonic() + LONG_SECONDS
    while len(found := serving_now(supervisor) - but) < 2:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def test_workers_share_a_store_one_that_dies_is_replaced_and_all_end_together(
    tmp_path: Path,
) -> None:
    content = encoded(noise(30, 41, 3), "PNG")
    with workers(tmp_path) as (process, base_url):
        first, other = until_two_serve(process.pid, set())
        uploaded = httpx.post(f"{base_url}/api/v1/images", content=content)
        kept = f"{base_url}{uploaded.headers['location']}"
        # A new connection each time, which either of the two may take.
        assert {httpx.get(kept).status_code for _ in range(12)} == {200}
        os.kill(first, signal.SIGKILL)
        assert other in until_two_serve(process.pid, {first})
        assert {httpx.get(kept).status_code for _ in range(6)} == {200}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=LONG_SECONDS) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(kept)


def test_workers_do_not_outlive_the_one_that_started_them(tmp_path: Path) -> None:
    with workers(tmp_path) as (process, _):
        left = until_two_serve(process.pid, set())
        process.kill()
        process.wait()
        end = time.monotonic() + LONG_SECONDS
        while any(Path(f"/proc/{pid}").exists() for pid in left):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_slots_are_shared_out_and_a_count_below_one_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as listening:
        for slots, count, each in ((4, 2, 2), (2, 3, 1)):
            settings = Settings(compute_slots=slots, workers=count)
            assert Supervisor(settings, listening)._settings.compute_slots == each
    with pytest.raises(SystemExit):
        main(["serve", "--workers", "0"])
    assert "--workers" in capsys.readouterr().err


def test_address_that_is_taken_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSCOPE_STORE_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--workers", "2", "--port", port]) == 1
    assert port in capsys.readouterr().err
