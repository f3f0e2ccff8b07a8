"""What one core does, and how it grows with workers: pictures a second of `convscope apply`.

A folder of JPEG photographs goes through one spec: in a process on one core, then on a Dask cluster
of one worker, of two, … with one thread each, up to the cores there are. Every run starts anew; the
first files are not counted, so that neither imports nor connecting are. What comes out is written
into docs/scaling.md, between its two marks.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from distributed import Client
from PIL import Image

from app.settings import usable_cores
from benchmarks.scaling_page import FORMS, Found, Measured, page

ROOT = Path(__file__).resolve().parents[1]
SIZE = (768, 1024)
PICTURES = 24
LARGE = (4000, 6000)
UNCOUNTED = 4
ROUNDS = 3
SPEC = {
    "input": {"sample": "cat", "color": "rgb"},
    "layers": [
        {"type": "conv2d", "kernel": {"random": {"filters": 8, "size": [3, 3]}}, "padding": "same"},
        {"type": "relu"},
        {"type": "max_pool2d", "size": 2},
        {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": [3, 3]}}},
        {"type": "relu"},
    ],
}


def photographs(folder: Path) -> None:
    """Write pictures with detail at every scale, as photographs have it."""
    for number in range(PICTURES):
        rng = np.random.default_rng(number)
        pixels = np.zeros((*SIZE, 3))
        for scale in (2, 8, 32, 128):
            coarse = rng.random((SIZE[0] // scale, SIZE[1] // scale, 3))
            pixels += scale**0.5 * coarse.repeat(scale, 0).repeat(scale, 1)
        pixels *= 255 / pixels.max()
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03}.jpg", quality=90)


def environment() -> dict[str, str]:
    own = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return {**{k: v for k, v in os.environ.items() if not k.startswith("CONVSCOPE_")}, **own}


def spent(process: psutil.Process) -> float:
    """Return the processor seconds of a process and of its children."""
    seconds = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system
    return seconds


def asked_of_one_core(folder: Path, question: str) -> dict[str, float]:
    """Return what `one_picture` tells, in a process of its own."""
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "benchmarks.one_picture", question, str(folder)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as process:
        os.sched_setaffinity(process.pid, {core})
        content, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{question} has ended with {process.returncode}")
    told: dict[str, float] = json.loads(content)
    return told


def applied(
    folder: Path, form: str, cores: int, others: dict[str, list[int]], *options: str
) -> Measured:
    """Run `apply` on the photographs; count from the first files on."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, "-m", "app", "apply", str(folder / "spec.json")]
        command += [str(folder / "photographs"), "-o", out, "-q", "-f", form, *options]
        process = subprocess.Popen(command, env=environment())
        os.sched_setaffinity(process.pid, chosen)  # before it has any thread or child
        watched = {"apply": [psutil.Process(process.pid)]}
        watched |= {name: [psutil.Process(pid) for pid in pids] for name, pids in others.items()}
        marks = []
        for count in (UNCOUNTED, PICTURES - 1):
            while len(list(Path(out).glob(f"*.{form}"))) < count:
                if process.poll() is not None:
                    raise SystemExit(f"apply has ended with {process.returncode}")
                time.sleep(0.01)
            seconds = {name: sum(map(spent, pids)) for name, pids in watched.items()}
            marks.append((time.monotonic(), len(list(Path(out).glob(f"*.{form}"))), seconds))
        process.wait()
    (began, first, before), (ended, last, after) = marks
    done = last - first
    return Measured(
        done / (ended - began), {name: (after[name] - before[name]) / done for name in watched}
    )


def on_workers(folder: Path, form: str, count: int) -> Measured:
    """Run on a cluster of so many workers, each a process of one thread on a core of its own."""
    cores, told = sorted(os.sched_getaffinity(0)), folder / "scheduler.json"
    told.unlink(missing_ok=True)
    plain = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(told)]
    started = []

    def start(name: str, *options: str) -> int:
        command = [sys.executable, "-m", f"distributed.cli.{name}", *plain, *options]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment(), stdout=quiet, stderr=quiet)
        started.append(process)
        return process.pid

    try:
        scheduler = start("dask_scheduler", "--port", "0")
        address = ""
        while not address:
            with contextlib.suppress(OSError, ValueError):  # not there, or not whole yet
                address = json.loads(told.read_text())["address"]
            time.sleep(0.05)
        workers = [start("dask_worker", "--no-nanny", "--nthreads", "1") for _ in range(count)]
        for pid, core in zip(workers, cores, strict=False):
            os.sched_setaffinity(pid, {core})
        with Client(address) as client:
            client.wait_for_workers(count, timeout=60)
        others = {"workers": workers, "scheduler": [scheduler]}
        return applied(folder, form, len(cores), others, "--dask", address, "-j", str(2 * count))
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def measured(folder: Path, rounds: int) -> Found:
    """Return what all runs have come to."""
    load = os.getloadavg()[0]
    (folder / "photographs").mkdir()
    photographs(folder / "photographs")
    (folder / "spec.json").write_text(json.dumps(SPEC))
    np.save(folder / "large.npy", np.random.default_rng(0).integers(0, 256, LARGE, np.uint8))
    ordinary, whole, bands = (
        asked_of_one_core(folder, question) for question in ("ordinary", "whole", "bands")
    )
    ways: dict[str, Callable[[str], Measured]] = {
        "one process on one core": lambda form: applied(folder, form, 1, {}, "-j", "1")
    }
    for count in range(1, usable_cores() + 1):
        name = f"a Dask cluster of {count} worker{'s' if count > 1 else ''}"
        ways[name] = partial(on_workers, folder, count=count)
    runs: dict[str, dict[str, list[Measured]]] = {
        name: {form: [] for form in FORMS} for name in ways
    }
    for _ in range(rounds):
        for name, way in ways.items():
            for form in FORMS:
                runs[name][form].append(way(form))
    return Found(load, rounds, PICTURES, ordinary, whole, bands, runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--print", action="store_true", help="print it, and leave the page alone")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        found = measured(Path(made), told.rounds)
    path = ROOT / "docs" / "scaling.md"
    written = page(path.read_text(encoding="utf-8"), found)
    if told.print:
        print(written)
    else:
        path.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
