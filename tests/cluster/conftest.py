"""A Dask cluster of processes: a scheduler and two workers of one thread each."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Run, convscope, save_picture
from tests.serving import ROOT

__all__ = ["Ended", "Run", "convscope", "save_picture"]


@dataclass
class Processes:
    """A running cluster."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


def run_module(name: str, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("CONVSCOPE_DASK", None)
    with open(log, "wb") as told:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", *arguments],
            env=environment,
            stdout=told,
            stderr=told,
        )


def wait_for(path: Path, *words: str) -> str:
    """Return what a log holds once all words stand in it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        text = path.read_text() if path.exists() else ""
        if all(word in text for word in words):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} never told {words}: {text}")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("cluster")
    plain = ["--host", "127.0.0.1", "--no-dashboard"]
    started = [run_module("dask_scheduler", folder / "scheduler", *plain, "--port", "0")]
    try:
        told = wait_for(folder / "scheduler", "Scheduler at:", "Registering")
        address = next(line.split()[-1] for line in told.splitlines() if "Scheduler at:" in line)
        for name in ("one", "two"):
            options = [address, "--no-nanny", "--nthreads", "1", "--name", name, *plain]
            local = ["--local-directory", str(folder / f"{name}.files")]
            started.append(run_module("dask_worker", folder / name, *options, *local))
        for name in ("one", "two"):
            wait_for(folder / name, "Registered to:")
        yield Processes(address, started[0], started[1:])
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
