"""Jobs through the client, against a real server and against one that drops its connections."""

import asyncio
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.client import (
    AsyncClient,
    Client,
    Conflict,
    Invalid,
    Job,
    Network,
    NoAnswer,
    NotFound,
    Retries,
    TimedOut,
)
from app.engine.kernels import PresetKernel
from app.engine.layers import Conv2d, Relu

EDGES = Network(Conv2d(PresetKernel("sobel_x"), padding="same"), Relu())
# Some seconds a picture.
SLOW = [{"type": "conv2d", "kernel": {"random": {"filters": 48, "size": 31}}, "padding": "same"}]


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    with Client(server) as connected:
        yield connected


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (9, 14), np.uint8)


def test_job_is_submitted_watched_fetched_and_deleted(client: Client, tmp_path: Path) -> None:
    images = {f"noise {seed}": client.upload(noise(seed)) for seed in range(3)}
    job = client.submit(
        images, EDGES, name="three", reading={"color": "gray"}, forms=["png", "npz"]
    )
    assert (job.name, job.total, job.has_ended) == ("three", 3, False)
    seen: list[Job] = []
    ended = client.wait_for_job(job, progress=seen.append, timeout=60)
    assert (ended.state, ended.done, ended.failed, ended.waiting) == ("done", 3, 0, 0)
    assert seen[-1].has_ended
    assert not any(one.has_ended for one in seen[:-1])
    assert client.job(job.id) == ended
    assert ended.id in [one.id for one in client.jobs()]
    path = client.save_results(job, tmp_path / "three.zip")
    assert list(tmp_path.iterdir()) == [path]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for name, image in images.items():
            kept = np.load(io.BytesIO(archive.read(f"{name}.npz")))
            maps = client.forward(image.as_input(color="gray"), EDGES)
            np.testing.assert_array_equal(kept["layers.1"], maps.output)
    client.delete_job(job)
    for missing in (lambda: client.job(job), lambda: list(client.job_events(job))):
        with pytest.raises(NotFound, match="job"):
            missing()
    with pytest.raises(NotFound):
        client.save_results(job, tmp_path / "again.zip")


def test_job_is_cancelled_and_its_results_are_had_only_then(client: Client, tmp_path: Path) -> None:
    job = client.submit([{"sample": "camera"}] * 3, SLOW)
    with pytest.raises(Conflict, match="of 3"):
        client.save_results(job, tmp_path / "early.zip")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TimedOut, match="goes on"):
        client.wait_for_job(job, timeout=0)
    cancelled = client.cancel_job(job)
    assert cancelled.state == "cancelled"
    assert client.wait_for_job(job).state == "cancelled"
    with zipfile.ZipFile(client.save_results(job, tmp_path / "none.zip")) as archive:
        assert json.loads(archive.read("manifest.json"))["job"]["state"] == "cancelled"
    client.delete_job(job)


def test_faults_of_a_job_say_which_picture_and_why(client: Client) -> None:
    wide = [{"type": "conv2d", "kernel": np.ones((11, 11), np.float32)}]
    small = client.upload(noise(5))
    with pytest.raises(Invalid) as refused:
        client.submit([small.id], wide)
    assert refused.value.errors[0]["pointer"].startswith("/layers/0")
    job = client.submit({"small": small.id, "camera": {"sample": "camera"}}, wide)
    ended = client.wait_for_job(job)
    (fault,) = ended.faults
    assert (fault.number, fault.name) == (0, "small")
    assert "11" in fault.detail
    client.delete_job(job)


def test_awaiting_client_does_the_same(server: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncClient(server) as client:
            job = await client.submit([{"sample": "cat"}], EDGES, reading={"max_side": 40})
            seen = [told async for told in client.job_events(job)]
            assert seen[-1].done == 1
            progress: list[Job] = []
            ended = await client.wait_for_job(job, progress=progress.append)
            assert progress[-1].id == ended.id
            path = await client.save_results(job, tmp_path / "cat.zip")
            with zipfile.ZipFile(path) as archive:
                assert "cat.npz" in archive.namelist()
            await client.delete_job(job)
            with pytest.raises(NotFound):
                await client.wait_for_job(job)
            with pytest.raises(NotFound):
                await client.save_results(job, path)

    asyncio.run(main())


def told(version: int, state: str = "running") -> bytes:
    pictures = {"total": 2, "waiting": 2 - version, "running": 0, "done": version, "failed": 0}
    job = {"id": "j", "kind": "apply", "name": "", "state": state, "pictures": pictures}
    job |= {"bytes": 0, "rate": None, "eta": None, "trouble": "", "faults": []}
    return json.dumps(job).encode()


class Dropping(BaseHTTPRequestHandler):
    """Breaks each stream off in its middle at first."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        self.asked.append((name, self.headers.get("last-event-id", "")))
        times = sum(one == name for one, _ in self.asked)
        body = told(2, "done")
        if name == "events" and times == 1:
            body = b"id: 1\nevent: progress\ndata: " + told(1) + b"\n\nid: 9\nevent: pro"
        elif name == "events":
            body = b"id: 2\nevent: end\ndata: " + told(2, "done") + b"\n\n"
        elif name == "results":
            body = b"a zip"
        self.send_response(200)
        cut = name == "results" and times == 1
        self.send_header("content-length", str(len(body) + cut * 5))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def dropping() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []
    handler = type("Handler", (Dropping,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_stream_that_is_cut_off_is_taken_up_where_it_was(dropping: Any, tmp_path: Path) -> None:
    address, asked = dropping
    with Client(address, retries=Retries(backoff=0.01)) as client:
        assert [job.done for job in client.job_events("j")] == [1, 2]
        assert client.save_results("j", tmp_path / "j.zip").read_bytes() == b"a zip"
    assert asked == [("events", ""), ("events", "1"), ("results", ""), ("results", "")]
    asked.clear()

    async def main() -> None:
        async with AsyncClient(address, retries=Retries(backoff=0.01)) as client:
            assert (await client.wait_for_job("j")).done == 2
            path = await client.save_results("j", tmp_path / "k.zip")
            assert path.read_bytes() == b"a zip"

    asyncio.run(main())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["j.zip", "k.zip"]


def test_stream_that_stays_cut_off_is_told_and_leaves_no_file(
    dropping: Any, tmp_path: Path
) -> None:
    address, _ = dropping
    with Client(address, retries=Retries(times=0)) as client:
        with pytest.raises(NoAnswer, match="dropped"):
            list(client.job_events("j"))
        with pytest.raises(NoAnswer, match="dropped"):
            client.save_results("j", tmp_path / "j.zip")
    assert list(tmp_path.iterdir()) == []
