"""A server that dies in the middle of `apply --server`: told, nothing lost, gone on with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.cli.conftest import Run, save_picture
from tests.serving import ROOT, free_port, wait_until_ready

COUNT = 60


@contextmanager
def server(store: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    environment = {**os.environ, "CONVSCOPE_STORE_DIR": str(store)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process)
            yield process
        finally:
            process.kill()


def test_server_that_dies_halfway_is_named_and_the_rest_is_done_by_the_next(
    convscope: Run, spec: Path, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for index in range(COUNT):
        save_picture(photos / f"{index}.png", index)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    options = [str(spec), str(photos), "-o", str(out), "-f", "npy", "--server", address]
    command = [sys.executable, "-m", "app", "apply", *options, "-j", "1"]
    with (
        server(tmp_path / "store", port) as serving,
        subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as run,
    ):
        while len(list(out.glob("*.npy"))) < 5:
            assert run.poll() is None
            time.sleep(0.002)
        serving.send_signal(signal.SIGKILL)
        _, told = run.communicate(timeout=60)
    assert run.returncode == 3, told
    done, last = told.splitlines()[-3], told.splitlines()[-1]
    assert last in (
        f"convscope: No server answers at {address}.",
        f"convscope: {address} dropped the connection.",
    )
    assert "Traceback" not in told
    whole = {path.name: np.load(path).shape for path in out.glob("*.npy")}
    assert done.startswith(f"{len(whole)} of {COUNT} pictures done")
    assert 5 <= len(whole) < COUNT
    assert not list(out.glob("*.part"))
    with server(tmp_path / "store", port):
        ended = convscope("apply", *options, "--resume", "--json")
    assert ended.status == 0, ended.err
    assert (ended.json["skipped"], ended.json["done"]) == (len(whole), COUNT - len(whole))
    assert len(list(out.glob("*.npy"))) == COUNT
