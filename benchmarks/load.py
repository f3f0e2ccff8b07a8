"""Two hundred people edit kernels live while pictures are uploaded: does the server hold?

`make load` starts a server of its own, holds it under that load for two minutes, sends a burst of
ten times as many edits, and says what came back, how long it took and what the server's memory did.
It fails on any answer but 200, 201 and a 503 or 429 that tells when to come again.
"""

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.load_client import Answer, BrokenAnswer, Connection, post
from tests.imaging.pictures import encoded, noise
from tests.serving import ROOT, free_port, wait_until_ready

EDIT_SECONDS = 2.0  # between two edits of one person
UPLOAD_SECONDS = 1.0
BURST_TIMES = 10
BURST_SECONDS = 2.0
RECOVERY_SECONDS = 2.0
MEMORY_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
MEBIBYTE = 1 << 20
LATER = (429, 503)
HOST = "127.0.0.1"
JSON, SAFETENSORS = "application/json", "application/x-safetensors"


class Seen:
    """What came back: (moment, status, seconds) of each answer, and faults."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, int, float]] = []
        self.faults: collections.Counter[str] = collections.Counter()

    async def ask(self, connection: Connection, request: bytes) -> int:
        """Send one request and note how it went; the status is 0 where no answer came."""
        began = time.monotonic()
        try:
            answer = await connection.ask(request)
        except BrokenAnswer as error:
            self.faults[str(error)] += 1
            return 0
        self.answers.append((began, answer.status, time.monotonic() - began))
        self._judge(answer)
        return answer.status

    def _judge(self, answer: Answer) -> None:
        if answer.status in LATER:
            if not answer.retry_after:
                self.faults[f"{answer.status} without Retry-After"] += 1
        elif answer.status not in (200, 201):
            self.faults[f"{answer.status}: {answer.body[:200]!r}"] += 1

    def accepted(self, begin: float, end: float) -> np.ndarray:
        """Return the times of the answers to what was asked from `begin` to `end`, sorted."""
        times = [took for at, status, took in self.answers if begin <= at < end and status < 400]
        return np.sort(times)


def edit(chance: random.Random) -> bytes:
    """Return what the page sends for an edit: the map in eight bits, at the size it is drawn."""
    kernel = [[chance.uniform(-1, 1) for _ in range(3)] for _ in range(3)]
    body = {
        "input": {"sample": "astronaut", "color": "gray"},
        "layers": [{"type": "conv2d", "kernel": kernel, "padding": "same"}],
        "return": {"layers": [0], "channels": [0], "dtype": "uint8", "max_side": 512},
    }
    return post("/api/v1/forward", HOST, json.dumps(body).encode(), JSON, SAFETENSORS)


def pictures(count: int) -> list[bytes]:
    """Return uploads of one megapixel each, no two alike."""
    made = (noise(100, 100, 3, seed=seed).repeat(10, 0).repeat(10, 1) for seed in range(count))
    return [
        post("/api/v1/images", HOST, encoded(pixels, "JPEG"), "image/jpeg", JSON) for pixels in made
    ]


async def edits(port: int, seen: Seen, until: float, seed: int) -> None:
    """Edit like one person until `until`."""
    chance, connection = random.Random(seed), Connection(HOST, port, PATIENCE_SECONDS)
    await asyncio.sleep(chance.uniform(0, EDIT_SECONDS))
    while time.monotonic() < until:
        await seen.ask(connection, edit(chance))
        await asyncio.sleep(chance.uniform(0.5, 1.5) * EDIT_SECONDS)
    connection.close()


async def uploads(port: int, seen: Seen, until: float, sent: list[bytes]) -> None:
    """Upload one picture after the other until `until`."""
    connection = Connection(HOST, port, PATIENCE_SECONDS)
    for request in itertools.takewhile(lambda _: time.monotonic() < until, sent):
        await seen.ask(connection, request)
        await asyncio.sleep(UPLOAD_SECONDS)
    connection.close()


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
def server() -> Iterator[tuple[int, int]]:
    """Serve from a process and a store of its own; yields the port and the process' id."""
    port = free_port()
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "CONVSCOPE_STORE_DIR": store}
        command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                wait_until_ready(f"http://{HOST}:{port}", process)
                yield port, process.pid
            finally:
                process.send_signal(signal.SIGTERM)


def until_answered(port: int) -> float:
    """Ask for edits until one is answered; return the seconds that it took."""

    async def ask() -> float:
        chance, connection = random.Random(1), Connection(HOST, port, PATIENCE_SECONDS)
        began = time.monotonic()
        while (await connection.ask(edit(chance))).status != 200:
            await asyncio.sleep(0.05)
        connection.close()
        return time.monotonic() - began

    return asyncio.run(ask())


async def burst(port: int, seen: Seen, people: int, stranger: ProcessPoolExecutor) -> float:
    """Send ten times the edits for two seconds; return after how long an edit is answered again.

    Args:
        port: of the server.
        seen: where the answers are noted.
        people: whose edits come ten times as often.
        stranger: asks for that edit. In this process it would wait for the answers to the burst.
    """
    chance = random.Random(0)
    rate = BURST_TIMES * people / EDIT_SECONDS
    resting: list[Connection] = []
    asked: list[asyncio.Task[int]] = []

    async def one() -> int:
        connection = resting.pop() if resting else Connection(HOST, port, PATIENCE_SECONDS)
        status = await seen.ask(connection, edit(chance))
        resting.append(connection)
        return status

    began = time.monotonic()
    while (now := time.monotonic()) < began + BURST_SECONDS:
        due = int((now - began) * rate) - len(asked)
        asked += [asyncio.create_task(one()) for _ in range(due)]
        await asyncio.sleep(0.01)
    left = sum(not task.done() for task in asked)
    recovered = asyncio.get_running_loop().run_in_executor(stranger, until_answered, port)
    await asyncio.gather(*asked)
    print(f"{left} of {len(asked)} edits of the burst had no answer at its end")
    for connection in resting:
        connection.close()
    return await recovered


async def load(port: int, pid: int, people: int, seconds: float) -> bool:
    """Hold the load, then burst; print the figures and return whether the server held."""
    seen, memory = Seen(), list[tuple[float, float]]()
    sent = pictures(round(seconds / UPLOAD_SECONDS))
    began = time.monotonic()
    until = began + seconds
    await asyncio.gather(
        *(edits(port, seen, until, seed) for seed in range(people)),
        uploads(port, seen, until, sent),
        watch_memory(pid, memory, until),
    )
    tell(seen, memory, began, seconds)
    calm = len(seen.answers)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as stranger:
        stranger.submit(time.monotonic).result()  # it has started
        recovered = await burst(port, seen, people, stranger)
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
    with server() as (port, pid):
        held = asyncio.run(load(port, pid, told.people, told.seconds))
    print("held" if held else "did not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
