"""One person edits live while a job computes on every core: does the edit wait?

`make load-jobs` asks for the same edits with and without a job, turn by turn, of a
server of its own, and prints how long the answers took and how far the job came meanwhile, in the
form of docs/scaling.md.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time

import httpx
import numpy as np

from benchmarks.load import HOST, PATIENCE_SECONDS, edit, server
from benchmarks.load_client import Connection

EDIT_SECONDS = 0.1  # a slider that is dragged
JOB = {
    "kind": "apply",
    "images": [{"sample": "astronaut", "name": str(number)} for number in range(2000)],
    "layers": [
        {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": 5}}, "padding": "same"},
        {"type": "relu"},
        {"type": "max_pool2d", "size": 2},
        {"type": "conv2d", "kernel": {"random": {"filters": 16, "size": 5}}, "padding": "same"},
    ],
    "return": {"max_side": 64},
    "forms": ["png"],
}


async def edits(port: int, seconds: float, chance: random.Random) -> list[float]:
    """Edit for so long; return the milliseconds that each answer took."""
    connection, took = Connection(HOST, port, PATIENCE_SECONDS), list[float]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        request, began = edit(chance), time.monotonic()
        answer = await connection.ask(request)
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {answer.body[:200]!r}")
        took.append(1000 * (time.monotonic() - began))
        await asyncio.sleep(EDIT_SECONDS)
    connection.close()
    return took


def done(http: httpx.Client, job_id: str) -> int:
    """Return of how many pictures of a job there are results."""
    count: int = http.get(f"/jobs/{job_id}").json()["pictures"]["done"]
    return count


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    told = parser.parse_args()
    chance = random.Random(0)
    names, load = ("no job", "beside a job"), os.getloadavg()[0]
    took: dict[str, list[float]] = {name: [] for name in names}
    rates = dict.fromkeys(("edited beside", "alone"), 0.0)
    with server() as (port, _), httpx.Client(base_url=f"http://{HOST}:{port}/api/v1") as http:
        asyncio.run(edits(port, 2, chance))
        for _ in range(told.turns):
            took[names[0]] += asyncio.run(edits(port, told.seconds, chance))
            job_id = http.post("/jobs", content=json.dumps(JOB)).json()["id"]
            while not (before := done(http, job_id)):
                time.sleep(0.05)
            took[names[1]] += asyncio.run(edits(port, told.seconds, chance))
            between = done(http, job_id)
            time.sleep(told.seconds)
            rates["edited beside"] += (between - before) / told.seconds / told.turns
            rates["alone"] += (done(http, job_id) - between) / told.seconds / told.turns
            http.delete(f"/jobs/{job_id}")
    print(f"{len(took[names[0]])} edits each; load average before {load:.1f}:\n")
    print("| | p50 | p90 | p99 |")
    print("| --- | --- | --- | --- |")
    for name, times in took.items():
        shares = " | ".join(f"{np.percentile(times, share):.0f}" for share in (50, 90, 99))
        print(f"| {name} | {shares} |")
    print(f"\nThe job did {rates['alone']:.1f} pictures a second alone,", end=" ")
    print(f"{rates['edited beside']:.1f} while somebody edited.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
