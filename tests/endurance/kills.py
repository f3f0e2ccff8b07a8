"""Kill −9 a server at random moments of uploads, evictions, deletions and jobs, over and over.

After each restart: every upload that was acknowledged and neither deleted nor old enough to be
evicted is served, whole; nothing else is on the disk; every job that was taken on is there, and
goes on; what was done of it is whole and is not done again; and the dead server's processes are
gone. `make kills` runs it.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.endurance.orders import (
    Orders,
    check_orders,
    note_finished,
    order_for_ever,
    wait_for_all,
)
from tests.endurance.uploads import (
    HELD,
    SIZE,
    UPLOADERS,
    Uploads,
    check_uploads,
    upload_for_ever,
)
from tests.serving import ROOT, free_port, wait_until_ready

LATEST_KILL_SECONDS = 1.2
# Uploads evict all the time; cancellations are short, so that some of the kills wait for one.
AIMED = 0.3
CANCEL_SECONDS = 0.02
LEASE_SECONDS = 0.5
GONE_SECONDS = 10


@contextlib.contextmanager
def server(store: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a server in a group of its own, whose members can be counted after its death."""
    port = free_port()
    environment = {
        **os.environ,
        "CONVSCOPE_STORE_DIR": str(store),
        "CONVSCOPE_STORE_BYTES": str(HELD * SIZE),
        "CONVSCOPE_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
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


def check(base_url: str, store: Path, uploads: Uploads, orders: Orders) -> None:
    """Compare what a restarted server has with what was acknowledged."""
    check_uploads(base_url, uploads, orders.held())
    present = {path.name: path.read_bytes() for path in (store / "files").iterdir()}
    for name, content in present.items():
        assert hashlib.sha256(content).hexdigest() == name, f"half-written: {name}"
    with contextlib.closing(sqlite3.connect(store / "index.sqlite3")) as index:
        indexed = {name for (name,) in index.execute("SELECT id FROM images")}
    assert indexed == set(present), "what is on the disk is not what the index knows"
    assert len(present) <= HELD, f"{len(present)} files, {HELD} fit"
    check_orders(store, orders)


class Client(threading.Thread):
    """Asks a server in a thread until it is gone; what it has found wrong is raised at the end."""

    def __init__(self, ask: Callable[[str, Any, float], None], *arguments: Any) -> None:
        super().__init__()
        self._ask, self._arguments = ask, arguments
        self._fault: AssertionError | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        try:
            self._ask(*self._arguments)
        except AssertionError as fault:
            self._fault = fault

    def end(self) -> None:
        """Wait for the end."""
        self.join()
        if self._fault is not None:
            raise self._fault


def wait_for_the_moment(chance: random.Random, orders: Orders) -> None:
    """Wait for any time, or until the server is cancelling a job."""
    if chance.random() < AIMED:
        orders.cancels.clear()
        orders.cancels.wait(2 * LATEST_KILL_SECONDS)
        time.sleep(chance.uniform(0, CANCEL_SECONDS))
    else:
        time.sleep(chance.uniform(0, LATEST_KILL_SECONDS))


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
    chance, uploads, began = random.Random(told.seed), Uploads(), time.monotonic()
    orders = Orders(uploads)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        for number in range(told.kills):
            with server(store) as (process, base_url):
                check(base_url, store, uploads, orders)
                clients = [
                    *(
                        Client(upload_for_ever, base_url, uploads, chance.random())
                        for _ in range(UPLOADERS)
                    ),
                    Client(order_for_ever, base_url, orders, chance.random()),
                ]
                wait_for_the_moment(chance, orders)
                process.send_signal(signal.SIGKILL)
                for client in clients:
                    client.end()
            wait_until_gone(process.pid)
            note_finished(store, orders)
            if number % 20 == 19:
                print(f"{number + 1} kills, {uploads.count} uploads, {orders.told()}", flush=True)
        with server(store) as (process, base_url):
            check(base_url, store, uploads, orders)
            wait_for_all(base_url, orders)
            check(base_url, store, uploads, orders)
            evicted = uploads.count - uploads.deletions - len(list((store / "files").iterdir()))
    print(
        f"{told.kills} kills in {time.monotonic() - began:.0f} s: {uploads.count} uploads "
        f"acknowledged, {uploads.deletions} deleted, {evicted} evicted, "
        f"{uploads.checked} looked for and none lost, none half-written; "
        f"{orders.told()}, none lost, none done twice."
    )


if __name__ == "__main__":
    main()
