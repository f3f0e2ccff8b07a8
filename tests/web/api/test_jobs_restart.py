"""Jobs on real servers: killed, restarted, several on one store."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.serving import ROOT, free_port, wait_until_ready

COUNT = 40
# Some 20 ms a picture: long enough to be killed in.
WORK = {
    "kind": "apply",
    "images": [{"sample": "camera", "name": f"p{number}"} for number in range(COUNT)],
    "input": {"color": "gray", "max_side": 128},
    "layers": [
        {"type": "conv2d", "kernel": {"random": {"filters": 10, "size": 9}}, "padding": "same"}
    ]
    * 2,
    "return": {"max_side": 16},
    "forms": ["npz", "png"],
}


@contextmanager
def server(store: Path, **settings: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """Serve a store; its process is for the test to end, and killed if it does not."""
    port = free_port()
    named = {f"CONVSCOPE_{name.upper()}": value for name, value in settings.items()}
    environment = {**os.environ, "CONVSCOPE_STORE_DIR": str(store), **named}
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as http:
            yield http, process
    finally:
        process.kill()
        process.wait(timeout=30)


def until(http: httpx.Client, job_id: str, condition: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + 60
    while not condition(job := http.get(f"/jobs/{job_id}").json()):
        assert time.monotonic() < end, job
        time.sleep(0.01)
    return job


def written(store: Path, job_id: str) -> dict[str, int]:
    """Return when each file of the results was written."""
    folder = store / "results" / job_id
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_killed_server_goes_on_with_others_and_repeats_nothing(tmp_path: Path) -> None:
    with server(tmp_path, job_lease_seconds="0.5") as (http, process):
        job_id = http.post("/jobs", json=WORK).json()["id"]
        until(http, job_id, lambda job: job["pictures"]["done"] >= 5)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    before = written(tmp_path, job_id)
    assert 10 <= len(before) < 2 * COUNT
    with (
        server(tmp_path, job_lease_seconds="0.5") as (http, first),
        server(tmp_path, job_lease_seconds="0.5") as (_, second),
    ):
        until(http, job_id, lambda job: job["pictures"]["done"] >= 20)
        second.send_signal(signal.SIGKILL)
        ended = until(http, job_id, lambda job: bool(job["ended"]))
        assert ended["pictures"]["done"] == COUNT
        after = written(tmp_path, job_id)
        assert len(after) == 2 * COUNT
        assert sum(after[name] != moment for name, moment in before.items()) <= 2, (
            "only what was renamed and not yet committed may be written again"
        )
        archive = zipfile.ZipFile(io.BytesIO(http.get(f"/jobs/{job_id}/results").content))
        assert archive.testzip() is None
        assert len(archive.namelist()) == 2 * COUNT + 1
        assert len({archive.read(f"p{number}.png") for number in range(COUNT)}) == 1
        assert first.poll() is None


def test_told_to_stop_a_server_ends_its_streams_and_leaves_the_job_to_the_next(
    tmp_path: Path,
) -> None:
    with server(tmp_path, job_lease_seconds="60") as (http, process):
        job_id = http.post("/jobs", json=WORK).json()["id"]
        seen: list[str] = []

        def watch() -> None:
            with http.stream("GET", f"/jobs/{job_id}/events") as stream:
                seen.extend(stream.iter_lines())

        watcher = threading.Thread(target=watch)
        watcher.start()
        until(http, job_id, lambda job: job["pictures"]["done"] >= 3)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - started < 8
        watcher.join(5)
        assert seen[1] == "event: progress"
        assert "event: end" not in seen
    # Were its pictures still claimed, the next server would have to wait for a minute.
    with server(tmp_path, job_lease_seconds="60") as (http, _):
        ended = until(http, job_id, lambda job: bool(job["ended"]))
        assert ended["pictures"]["done"] == COUNT
