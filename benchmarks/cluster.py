"""What one core does, and how it grows with workers: pictures a second of `convscope apply`.

A folder of JPEG photographs goes through one spec: in this process on one core, then on a Dask
cluster of one worker, of two, … with one thread each, up to the cores there are. Every run starts
anew; the first files are not counted, so that neither imports nor connecting are.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from distributed import Client
from PIL import Image

from app.settings import usable_cores

ROOT = Path(__file__).resolve().parents[1]
SIZE = (768, 1024)
PICTURES = 24
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


@dataclass
class Measured:
    """One run.

    Attributes:
        rate: Pictures a second.
        seconds: Processor seconds a picture, by who has spent them.
    """

    rate: float
    seconds: dict[str, float]


def spent(process: psutil.Process) -> float:
    """Return the processor seconds of a process and of its children."""
    seconds = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system
    return seconds


def applied(folder: Path, cores: int, others: dict[str, list[int]], *options: str) -> Measured:
    """Run `apply` on the photographs; count from the first files on."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, "-m", "app", "apply", str(folder / "spec.json")]
        command += [str(folder / "photographs"), "-o", out, "-q", *options]
        process = subprocess.Popen(command, env=environment())
        os.sched_setaffinity(process.pid, chosen)  # before it has any thread or child
        watched = {"apply": [psutil.Process(process.pid)]}
        watched |= {name: [psutil.Process(pid) for pid in pids] for name, pids in others.items()}
        marks = []
        for count in (UNCOUNTED, PICTURES - 1):
            while len(list(Path(out).glob("*.png"))) < count:
                if process.poll() is not None:
                    raise SystemExit(f"apply has ended with {process.returncode}")
                time.sleep(0.01)
            seconds = {name: sum(map(spent, pids)) for name, pids in watched.items()}
            marks.append((time.monotonic(), len(list(Path(out).glob("*.png"))), seconds))
        process.wait()
    (began, first, before), (ended, last, after) = marks
    done = last - first
    return Measured(
        done / (ended - began), {name: (after[name] - before[name]) / done for name in watched}
    )


def on_workers(folder: Path, count: int) -> Measured:
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
        return applied(folder, len(cores), others, "--dask", address, "-j", str(2 * count))
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    cores = usable_cores()
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, ", end="")
    print(f"NumPy {np.__version__}; {PICTURES} JPEGs of {SIZE[1]}×{SIZE[0]}, {rounds} rounds")
    print("| where | pictures a second, best (all) | processor seconds a picture, least of each |")
    print("| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "photographs").mkdir()
        photographs(folder / "photographs")
        (folder / "spec.json").write_text(json.dumps(SPEC))
        ways: dict[str, Callable[[], Measured]] = {
            "one process on one core": lambda: applied(folder, 1, {}, "-j", "1"),
            **{
                f"a cluster of {count}": partial(on_workers, folder, count)
                for count in range(1, cores + 1)
            },
        }
        found: dict[str, list[Measured]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                found[name].append(way())
    for name, runs in found.items():
        rates = sorted((run.rate for run in runs), reverse=True)
        shares = [f"{who} {min(run.seconds[who] for run in runs):.3f}" for who in runs[0].seconds]
        others = ", ".join(f"{rate:.1f}" for rate in rates)
        print(f"| {name} | {rates[0]:.1f} ({others}) | {', '.join(shares)} |")


if __name__ == "__main__":
    main()
