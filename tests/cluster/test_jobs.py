"""Jobs of a server that has a cluster: the same results, whoever of it dies or is away."""

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.cluster.conftest import Processes
from tests.serving import serving


def post(base_url: str, count: int) -> str:
    with httpx.Client(base_url=f"{base_url}/api/v1", timeout=30) as client:
        images = []
        for seed in range(count):
            content = io.BytesIO()
            pixels = np.random.default_rng(seed).integers(0, 256, (160, 200, 3), np.uint8)
            Image.fromarray(pixels).save(content, "png")
            answer = client.post("/images", content=content.getvalue())
            images.append({"image": answer.raise_for_status().json()["id"]})
        layers = [
            {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": [5, 5]}}},
            {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": [5, 5]}}},
            {"type": "max_pool2d", "size": 20},
        ]
        job = {"kind": "apply", "images": images, "layers": layers, "forms": ["png", "npz"]}
        answer = client.post("/jobs", json=job)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])


def wait_until(base_url: str, job: str, holds: Callable[[Any], bool]) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = httpx.get(f"{base_url}/api/v1/jobs/{job}").json()
        if holds(told):
            return told
        time.sleep(0.05)
    raise AssertionError(told)


def results(base_url: str, job: str) -> dict[str, bytes]:
    told = wait_until(base_url, job, lambda told: told["state"] not in ("waiting", "running"))
    assert told["pictures"]["failed"] == 0, told
    content = httpx.get(f"{base_url}/api/v1/jobs/{job}/results", timeout=60).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    return {name: one for name, one in found.items() if name.endswith(".png")}


def test_a_job_on_a_cluster_survives_worker_and_scheduler(
    processes: Processes, server: str, tmp_path: Path
) -> None:
    expected = results(server, post(server, 8))
    assert len(expected) == 8
    own = {"CONVSCOPE_STORE_DIR": str(tmp_path / "store"), "CONVSCOPE_JOB_SLOTS": "3"}
    with serving(CONVSCOPE_DASK=processes.address, **own) as base_url:
        job = post(base_url, 8)
        wait_until(base_url, job, lambda told: told["pictures"]["done"] >= 2)
        processes.workers[1].kill()
        assert results(base_url, job) == expected
        processes.scheduler.kill()
        job = post(base_url, 1)
        told = wait_until(base_url, job, lambda told: bool(told["trouble"]))
        assert "Dask scheduler" in told["trouble"]
        assert told["pictures"]["failed"] == 0
