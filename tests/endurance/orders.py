"""Jobs on a server that is killed: what it has acknowledged, done, and may not do again."""

import contextlib
import io
import json
import math
import random
import shutil
import sqlite3
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from app.service.items import ItemWork, compute_item
from app.service.jobs.claims import FATAL
from app.service.samples import find_picture
from app.settings import Settings
from app.web.bodies import parsed
from app.web.job_schemas import ApplyJob
from tests.endurance.uploads import Held, Uploads, picture

JOBS = "/api/v1/jobs"
OPEN = 2
# Of the looks at the list, a share is followed by the cancellation of a job that runs.
CANCELLED = 0.1
UPLOADS_A_JOB, SAMPLES_A_JOB = 4, 8
MOST_OLD = 12
WORK: dict[str, Any] = {
    "kind": "apply",
    # Sums of whole numbers: every order of adding them up gives the same picture.
    "input": {"color": "gray", "range": "byte", "max_side": 64},
    "layers": [
        {"type": "conv2d", "kernel": [[1, 2, 1], [2, 4, 2], [1, 2, 1]], "padding": "same"},
        {"type": "conv2d", "kernel": [[-1, 0, 1]], "padding": "same"},
    ],
    "forms": ["png"],
}
ENDING = ".png"
FINAL_SECONDS = 120


@dataclass
class Ordered:
    """One job as this side knows it.

    Attributes:
        images: the ids of its uploads, in order; its samples follow.
        id: once it was acknowledged.
        done: of how many pictures the server has told that they are done.
        ended_by: when it was known to have ended.
        cancelling: whether a cancellation was asked for.
        cancelled: whether it was acknowledged.
        leaving: whether its deletion was asked for: it may be there or not.
        deleted: whether it is known to be gone.
    """

    images: tuple[str, ...]
    id: str = ""
    done: int = 0
    ended_by: float | None = None
    cancelling: bool = False
    cancelled: bool = False
    leaving: bool = False
    deleted: bool = False


@cache
def _work() -> ItemWork:
    body = {**WORK, "images": [{"sample": "camera"}]}
    settings = Settings()
    return parsed(json.dumps(body).encode(), "application/json", ApplyJob, settings).to_work(
        settings
    )


@cache
def expected(number: int | None) -> bytes:
    """Return what comes of an upload by its number, or of the sample."""
    content = find_picture("camera").content if number is None else picture(number)
    return compute_item(content, _work())[ENDING]


@dataclass
class Orders:
    """The jobs of all servers so far.

    Attributes:
        uploads: where the pictures are known.
        by_key: each job that was ever asked for.
        finished: when each file of a picture that is done was written, by job and number, as the
            database stood after the last kill.
        cancels: set when a cancellation is sent.
    """

    uploads: Uploads
    by_key: dict[str, Ordered] = field(default_factory=dict)
    finished: dict[tuple[str, int], int] = field(default_factory=dict)
    cancels: threading.Event = field(default_factory=threading.Event)
    compared: int = 0
    given_up: int = 0
    fetched: int = 0

    def held(self) -> list[Held]:
        """Return which pictures jobs may have kept from eviction, and until when."""
        return [
            Held(one.images, math.inf if one.ended_by is None else one.ended_by)
            for one in self.by_key.values()
        ]

    def told(self) -> str:
        """Say what has become of all jobs."""
        taken = [one for one in self.by_key.values() if one.id]
        return (
            f"{len(taken)} jobs taken on, {sum(one.cancelled for one in taken)} cancelled, "
            f"{sum(one.cancelling and not one.cancelled for one in taken)} perhaps, "
            f"{sum(one.deleted for one in taken)} deleted, {self.fetched} fetched; "
            f"{self.compared} looks at results that were done, {self.given_up} pictures given up"
        )


def order_for_ever(base_url: str, orders: Orders, seed: float) -> None:
    """Send, watch, fetch, cancel and delete jobs until the server is gone."""
    chance = random.Random(seed)
    with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=base_url) as http:
        for key, order in orders.by_key.items():
            if not order.id and not order.deleted:  # the answer was lost with the server
                _send(http, order, key)
        while True:
            told = {job["id"]: job for job in http.get(JOBS).json()["jobs"]}
            _look(orders, told)
            if sum(job["ended"] is None for job in told.values()) < OPEN:
                images = orders.uploads.latest(UPLOADS_A_JOB)
                key = f"order {len(orders.by_key)}"
                orders.by_key[key] = Ordered(tuple(images))
                _send(http, orders.by_key[key], key)
            else:
                _disturb(http, orders, told, chance)


def _send(http: httpx.Client, order: Ordered, key: str) -> None:
    images = [{"image": image} for image in order.images]
    samples = [{"sample": "camera", "name": f"s{number}"} for number in range(SAMPLES_A_JOB)]
    body = {**WORK, "images": images + samples}
    answer = http.post(JOBS, json=body, headers={"idempotency-key": key})
    if answer.status_code == 404:  # one of the pictures was deleted or evicted
        order.deleted, order.ended_by = True, 0.0
    elif answer.status_code == 202:
        order.id = answer.json()["id"]
    else:
        raise AssertionError(f"job: {answer.status_code} {answer.text}")


def _look(orders: Orders, told: dict[str, Any]) -> None:
    """Note what the server tells: none of it may become untrue."""
    for order in orders.by_key.values():
        if not order.id or order.deleted:
            continue
        job = told.get(order.id)
        if job is None:
            assert order.leaving, f"job {order.id} was taken on, then lost"
            order.deleted = True
        else:
            done = job["pictures"]["done"]
            assert done >= order.done, f"{done} are done of {order.id}, {order.done} were before"
            order.done = done
            ended = job["ended"] is not None
            assert ended or order.ended_by is None, "ended, then open"
            assert job["state"] == "cancelled" or not order.cancelled, "cancelled, then not"
        if (job is None or job["ended"]) and order.ended_by is None:
            order.ended_by = time.monotonic()


def _disturb(
    http: httpx.Client, orders: Orders, told: dict[str, Any], chance: random.Random
) -> None:
    """Cancel what runs, fetch and delete what has ended: now and then, and when it is much."""
    ours = {order.id: order for order in orders.by_key.values()}
    if chance.random() < CANCELLED:
        running = [one for one in told if told[one]["ended"] is None]
        _cancel(http, orders, ours[chance.choice(running)])
        return
    job = told[chance.choice(list(told))]
    order, path = ours[job["id"]], f"{JOBS}/{job['id']}"
    if job["ended"] is None:
        return
    if chance.random() < 0.2:
        _fetch(http.get(f"{path}/results").content, orders, order)
    if chance.random() < 0.3 or len(told) > MOST_OLD:
        order.leaving = True
        answer = http.delete(path)
        if answer.status_code != 204:
            raise AssertionError(f"deletion: {answer.status_code} {answer.text}")
        order.deleted = True


def _cancel(http: httpx.Client, orders: Orders, order: Ordered) -> None:
    """Cancel a job that runs; it may end, or the server die, before."""
    order.cancelling = True
    orders.cancels.set()
    answer = http.post(f"{JOBS}/{order.id}/cancel")
    if answer.status_code != 200:
        raise AssertionError(f"cancellation: {answer.status_code} {answer.text}")
    order.cancelled = answer.json()["state"] == "cancelled"


def _fetch(content: bytes, orders: Orders, order: Ordered) -> None:
    """Look at every file of the archive of a job that has ended."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    manifest = json.loads(archive.read("manifest.json"))
    for number, one in enumerate(manifest["pictures"]):
        for name in one["files"]:
            _compare(archive.read(name), orders, order, number)
    orders.fetched += 1


def _compare(content: bytes, orders: Orders, order: Ordered, number: int) -> None:
    upload = None
    if number < len(order.images):
        upload = orders.uploads.number(order.images[number])
    assert content == expected(upload), f"half-written: picture {number} of job {order.id}"
    orders.compared += 1


def note_finished(store: Path, orders: Orders) -> None:
    """Note what is done in the database as a kill has left it; the server is to repair its own."""
    with tempfile.TemporaryDirectory() as folder:
        for path in store.glob("index.sqlite3*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / "index.sqlite3")) as base:
            query = "SELECT job, number FROM items WHERE state = 'done'"
            done = base.execute(query).fetchall()
    orders.finished = {
        (job, number): (store / "results" / job / f"{number}{ENDING}").stat().st_mtime_ns
        for job, number in done
        if (store / "results" / job).is_dir()
    }


def check_orders(store: Path, orders: Orders) -> None:
    """Compare the jobs of a restarted server, which goes on with them, with what is known."""
    with contextlib.closing(sqlite3.connect(store / "index.sqlite3")) as base:
        base.execute("BEGIN")
        jobs = {row[0]: row[1:] for row in base.execute("SELECT id, asked, ended, bytes FROM jobs")}
        items = base.execute("SELECT job, number, state, files, fault FROM items").fetchall()
        holders = {holder for (holder,) in base.execute("SELECT DISTINCT holder FROM pins")}
        lost = base.execute("SELECT image FROM pins WHERE image NOT IN (SELECT id FROM images)")
        assert not lost.fetchall(), "a picture of an open job is gone"
    ours = {order.id: order for order in orders.by_key.values() if order.id}
    for order in ours.values():
        assert order.id in jobs or order.leaving, f"job {order.id} was taken on, then lost"
        assert not (order.id in jobs and order.deleted), f"job {order.id} was deleted, then back"
    asked = {key for key, _, _ in jobs.values()}
    assert asked <= set(orders.by_key), "jobs that nobody asked for"
    with_images = {job_id for job_id, (key, ended, _) in jobs.items() if ended is None}
    with_images &= {order.id for order in ours.values() if order.images}
    assert with_images <= holders <= {one for one, row in jobs.items() if row[1] is None}
    folders = {folder.name for folder in (store / "results").iterdir()}
    assert folders <= set(jobs), "results of no job"
    states = {(job, number): state for job, number, state, _, _ in items}
    for (job, number), written in orders.finished.items():
        if job in jobs:
            assert states[job, number] == "done", f"picture {number} of {job} was done, then not"
            again = (store / "results" / job / f"{number}{ENDING}").stat().st_mtime_ns
            assert again == written, f"picture {number} of {job} was done twice"
    orders.given_up = sum(fault is not None for *_, fault in items)
    assert all(fault in (None, FATAL) for *_, fault in items)
    for job, number, state, files, _ in items:
        if state == "done" and job in ours:
            content = (store / "results" / job / f"{number}{ENDING}").read_bytes()
            assert json.loads(files) == {ENDING: len(content)}
            _compare(content, orders, ours[job], number)
    for job, (_, _, size) in jobs.items():
        done = [json.loads(row[3])[ENDING] for row in items if row[0] == job and row[2] == "done"]
        assert sum(done) == size, f"{size} bytes are told of job {job}, {sum(done)} are there"


def wait_for_all(base_url: str, orders: Orders) -> None:
    """Wait until every job has ended; each picture must have been done, or given up."""
    end = time.monotonic() + FINAL_SECONDS
    while True:
        jobs = httpx.get(base_url + JOBS).json()["jobs"]
        _look(orders, {job["id"]: job for job in jobs})
        if all(job["ended"] for job in jobs):
            break
        assert time.monotonic() < end, f"jobs have not ended after {FINAL_SECONDS} s: {jobs}"
        time.sleep(0.1)
    for job in jobs:
        counts = job["pictures"]
        whole = counts["done"] + counts["failed"] == counts["total"]
        assert whole or job["state"] == "cancelled", job
