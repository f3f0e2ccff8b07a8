"""Two hundred people edit kernels live while pictures are uploaded: does the server hold?

`make load` starts a server of its own, holds it under that load for two minutes, sends a burst of
ten times as many edits, and says what came back, how long it took and what the server's memory did.
It fails on any answer but 200, 201 and a 503 or 429 that tells when to come again.
"""

import argparse
import asyncio
import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np

from tests.imaging.pictures import encoded, noise
from tests.serving import ROOT, free_port, wait_until_ready

EDIT_SECONDS = 2.0  # between two edits of one person
UPLOAD_SECONDS = 1.0
BURST_TIMES = 10
BURST_SECONDS = 2.0
RECOVERY_SECONDS = 2.0
MEMORY_SECONDS = 1.0
MEBIBYTE = 1 << 20
LATER = (429, 503)


class Seen:
    """What came back: (moment, status, seconds) of each answer, and faults."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, int, float]] = []
        self.faults: collections.Counter[str] = collections.Counter()

    async def ask(self, client: httpx.AsyncClient, path: str, **body: object) -> int:
        """Send one request and note how it went."""
        began = time.monotonic()
        try:
            answer = await client.post(path, **body)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            self.faults[type(error).__name__] += 1
            return 0
        status = answer.status_code
        self.answers.append((began, status, time.monotonic() - began))
        if status in LATER:
            if "retry-after" not in answer.headers:
                self.faults[f"{status} without Retry-After"] += 1
        elif status not in (200, 201):
            self.faults[f"{status}: {answer.text[:200]}"] += 1
        return status

    def accepted(self, begin: float, end: float) -> np.ndarray:
        """Return the times of the answers to what was asked from `begin` to `end`, sorted."""
        times = [took for at, status, took in self.answers if begin <= at < end and status < 400]
        return np.sort(times)


def edit(chance: random.Random) -> dict[str, object]:
    """Return what the page sends for an edit: the map in eight bits, at the size it is drawn."""
    kernel = [[chance.uniform(-1, 1) for _ in range(3)] for _ in range(3)]
    return {
        "input": {"sample": "astronaut", "color": "gray"},
        "layers": [{"type": "conv2d", "kernel": kernel, "padding": "same"}],
        "return": {"layers": [0], "channels": [0], "dtype": "uint8", "max_side": 512},
    }


async def edits(client: httpx.AsyncClient, seen: Seen, until: float, seed: int) -> None:
    """Edit like one person until `until`."""
    chance = random.Random(seed)
    await asyncio.sleep(chance.uniform(0, EDIT_SECONDS))
    while time.monotonic() < until:
        await seen.ask(client, "/api/v1/forward", json=edit(chance))
        await asyncio.sleep(chance.uniform(0.5, 1.5) * EDIT_SECONDS)


async def uploads(client: httpx.AsyncClient, seen: Seen, until: float) -> None:
    """Upload a picture of one megapixel after the other until `until`."""
    number = 0
    while time.monotonic() < until:
        number += 1
        content = await asyncio.to_thread(
            encoded, noise(100, 100, 3, seed=number).repeat(10, 0).repeat(10, 1), "JPEG"
        )
        await seen.ask(client, "/api/v1/images", content=content)
        await asyncio.sleep(UPLOAD_SECONDS)


async def watch_memory(pid: int, samples: list[tuple[float, float]], until: float) -> None:
    """Note the resident memory of the server and of its decoders, in MiB."""
    while time.monotonic() < until:
        samples.append((time.monotonic(), resident(pid)))
        await asyncio.sleep(MEMORY_SECONDS)


def resident(pid: int) -> float:
    """Return the resident memory of a process and of all below it, in MiB."""
    total = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        total = pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(resident(int(child)) for child in thread.read_text().split())
    return total


@contextlib.contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Serve from a process and a store of its own; yields the base URL and the process' id."""
    port = free_port()
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "CONVSCOPE_STORE_DIR": store}
        command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                base_url = f"http://127.0.0.1:{port}"
                wait_until_ready(base_url, process)
                yield base_url, process.pid
            finally:
                process.send_signal(signal.SIGTERM)


async def burst(client: httpx.AsyncClient, seen: Seen, people: int) -> float:
    """Send ten times the edits for two seconds; return after how long an edit is answered again."""
    chance = random.Random(0)
    rate = BURST_TIMES * people / EDIT_SECONDS
    asked: list[asyncio.Task[int]] = []
    began = time.monotonic()
    while (now := time.monotonic()) < began + BURST_SECONDS:
        due = int((now - began) * rate) - len(asked)
        asked += [
            asyncio.create_task(seen.ask(client, "/api/v1/forward", json=edit(chance)))
            for _ in range(due)
        ]
        await asyncio.sleep(0.01)
    over = time.monotonic()
    while await seen.ask(client, "/api/v1/forward", json=edit(chance)) != 200:
        await asyncio.sleep(0.05)
    recovered = time.monotonic() - over
    await asyncio.gather(*asked)
    return recovered


async def load(base_url: str, pid: int, people: int, seconds: float) -> bool:
    """Hold the load, then burst; print the figures and return whether the server held."""
    seen, memory = Seen(), list[tuple[float, float]]()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=base_url, limits=limits, timeout=60) as client:
        began = time.monotonic()
        until = began + seconds
        await asyncio.gather(
            *(edits(client, seen, until, seed) for seed in range(people)),
            uploads(client, seen, until),
            watch_memory(pid, memory, until),
        )
        tell(seen, memory, began, seconds)
        calm = len(seen.answers)
        recovered = await burst(client, seen, people)
    statuses = collections.Counter(status for _, status, _ in seen.answers[calm:])
    print(f"burst of {BURST_TIMES} times the edits for {BURST_SECONDS:g} s: {dict(statuses)};")
    print(f"  answered again after {recovered:.2f} s, memory then {resident(pid):.0f} MiB")
    for fault, count in seen.faults.items():
        print(f"FAULT {count} × {fault}")
    return not seen.faults and recovered <= RECOVERY_SECONDS


def tell(seen: Seen, memory: list[tuple[float, float]], began: float, seconds: float) -> None:
    """Print, for each quarter of the time, what was accepted, how fast, and the memory."""
    statuses = collections.Counter(status for _, status, _ in seen.answers)
    print(f"{len(seen.answers)} answers in {seconds:g} s: {dict(statuses)}")
    print("| quarter | accepted | p50 ms | p99 ms | memory MiB, median (max) |")
    print("| --- | --- | --- | --- | --- |")
    for quarter in range(4):
        begin, end = (began + seconds * part / 4 for part in (quarter, quarter + 1))
        times = 1000 * seen.accepted(begin, end)
        held = [size for at, size in memory if begin <= at < end]
        print(
            f"| {quarter + 1} | {len(times)} | {np.percentile(times, 50):.0f} "
            f"| {np.percentile(times, 99):.0f} | {np.median(held):.0f} ({max(held):.0f}) |"
        )


def main() -> int:
    """Run the load; the status is 1 where the server did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    told = parser.parse_args()
    with server() as (base_url, pid):
        held = asyncio.run(load(base_url, pid, told.people, told.seconds))
    print("held" if held else "did not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
