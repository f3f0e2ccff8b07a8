"""Kill −9 a server at random moments of uploads, evictions and deletions, over and over.

After each restart: every upload that was acknowledged and neither deleted nor old enough to be
evicted is served, whole; nothing else is on the disk; and the dead server's processes are gone.
`make kills` runs it.
"""

import argparse
import contextlib
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from app.service.store import USE_RESOLUTION
from tests.imaging.pictures import encoded, noise
from tests.serving import ROOT, free_port, wait_until_ready

UPLOADERS = 3
HELD = 20
LATEST_KILL_SECONDS = 0.8
GONE_SECONDS = 10
# Between the look at the clock here and the server's look at its own.
SLACK_SECONDS = 15


def picture(number: int) -> bytes:
    """A picture like no other, in a file of one size: so it is plain which ones the quota holds."""
    return encoded(noise(90, 100, 3, seed=number), "BMP")


SIZE = len(picture(0))


class Upload(NamedTuple):
    """An acknowledged upload: its number among those begun, and when it was acknowledged."""

    number: int
    acknowledged: float


class Ledger:
    """What the server has acknowledged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._acknowledged: dict[str, Upload] = {}
        self.begun = 0
        self.checked = 0
        self.uploads = 0
        self.deletions = 0

    def next_number(self) -> int:
        """Return the number of the picture to upload next."""
        with self._lock:
            self.begun += 1
            return self.begun

    def uploaded(self, image_id: str, number: int) -> None:
        """Note an acknowledged upload."""
        with self._lock:
            self._acknowledged[image_id] = Upload(number, time.monotonic())
            self.uploads += 1

    def deleting(self, image_id: str) -> None:
        """Note a deletion that was asked for: from now on it may be there or not."""
        with self._lock:
            self._acknowledged.pop(image_id, None)
            self.deletions += 1

    def certain(self) -> list[str]:
        """Return what no eviction may have reached, whatever of the rest was kept."""
        # Whatever was begun later may be in the store, told or not, and so may what the other
        # uploaders had begun before. Older ones than the server writes down uses for are not looked
        # at: that would be a use, and the next eviction would prefer younger ones.
        newest = self.begun + UPLOADERS - HELD
        oldest = time.monotonic() - USE_RESOLUTION + SLACK_SECONDS
        with self._lock:
            return [
                image_id
                for image_id, upload in self._acknowledged.items()
                if upload.number > newest and upload.acknowledged > oldest
            ]


def work(base_url: str, ledger: Ledger, seed: int) -> None:
    """Upload and sometimes delete until the server is gone."""
    chance = random.Random(seed)
    with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=base_url) as client:
        while True:
            number = ledger.next_number()
            answer = client.post("/api/v1/images", content=picture(number))
            if answer.status_code != 201:
                raise AssertionError(f"upload: {answer.status_code} {answer.text}")
            image_id = answer.json()["id"]
            ledger.uploaded(image_id, number)
            if chance.random() < 0.1:
                ledger.deleting(image_id)
                client.delete(f"/api/v1/images/{image_id}")


@contextlib.contextmanager
def server(store: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a server in a group of its own, whose members can be counted after its death."""
    port = free_port()
    environment = {
        **os.environ,
        "CONVSCOPE_STORE_DIR": str(store),
        "CONVSCOPE_STORE_BYTES": str(HELD * SIZE),
    }
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        base_url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(base_url, process)
            yield process, base_url
        finally:
            process.kill()


def check(base_url: str, store: Path, ledger: Ledger) -> None:
    """Compare what a restarted server has with what was acknowledged."""
    certain = ledger.certain()
    ledger.checked += len(certain)
    for image_id in certain:
        content = httpx.get(f"{base_url}/api/v1/images/{image_id}")
        assert content.status_code == 200, f"acknowledged, then lost: {image_id}"
    present = {path.name: path.read_bytes() for path in (store / "files").iterdir()}
    for name, content in present.items():
        assert hashlib.sha256(content).hexdigest() == name, f"half-written: {name}"
    with contextlib.closing(sqlite3.connect(store / "index.sqlite3")) as index:
        indexed = {name for (name,) in index.execute("SELECT id FROM images")}
    assert indexed == set(present), "what is on the disk is not what the index knows"
    assert len(present) <= HELD, f"{len(present)} files, {HELD} fit"


def wait_until_gone(group: int) -> None:
    """Wait for the last process of a group that has lost its leader."""
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError(f"processes of the dead server live on after {GONE_SECONDS} s")


def main() -> None:
    """Kill as often as told, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    told = parser.parse_args()
    print(f"{told.kills} kills, seed {told.seed}", flush=True)
    chance, ledger, began = random.Random(told.seed), Ledger(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        for number in range(told.kills):
            with server(store) as (process, base_url):
                check(base_url, store, ledger)
                uploaders = [
                    threading.Thread(target=work, args=(base_url, ledger, chance.random()))
                    for _ in range(UPLOADERS)
                ]
                for uploader in uploaders:
                    uploader.start()
                time.sleep(chance.uniform(0, LATEST_KILL_SECONDS))
                process.send_signal(signal.SIGKILL)
                for uploader in uploaders:
                    uploader.join()
            wait_until_gone(process.pid)
            if number % 20 == 19:
                print(f"{number + 1} kills, {ledger.uploads} uploads", flush=True)
        with server(store) as (process, base_url):
            check(base_url, store, ledger)
    print(
        f"{told.kills} kills in {time.monotonic() - began:.0f} s: {ledger.uploads} uploads "
        f"acknowledged, {ledger.deletions} deleted, {ledger.checked} looked for and none lost, "
        "none half-written."
    )


if __name__ == "__main__":
    main()
