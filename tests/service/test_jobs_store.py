"""Jobs on disk: nothing done is lost, nothing is done twice, nothing grows without bound."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.imaging import PictureLimits, read
from app.service.errors import InUse, NotFound, OverQuota, StoreFull
from app.service.jobs.claims import MOST_ATTEMPTS, Claims
from app.service.jobs.job import Claim, Order, Source, distinct
from app.service.jobs.store import JobStore
from app.service.store import ImageStore
from tests.imaging.pictures import encoded, noise

LEASE = 10.0
DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """A store with jobs, as one process sees it."""

    def __init__(self, directory: Path, clock: Callable[[], float], **limits: Any) -> None:
        self.images = ImageStore(directory, quota=100_000, days=7, clock=clock)
        limits = {"most": 5, "quota": 1_000, "days": 7, **limits}
        self.jobs = JobStore(self.images, directory, clock=clock, **limits)
        self.claims = Claims(self.images, directory, lease_seconds=LEASE, clock=clock)

    def upload(self, seed: int) -> str:
        content = encoded(noise(4, 6, seed=seed), "BMP")
        limits = PictureLimits(pixels=10_000, side=1_000)
        return self.images.put(content, read(content, limits))[0].id

    def order(self, count: int = 3, **changed: Any) -> Order:
        ids = [self.upload(seed) for seed in range(count)]
        sources = tuple(Source(name=f"p{index}", image=one) for index, one in enumerate(ids))
        told = {"kind": "apply", "name": "", "request": b"{}", "media_type": "application/json"}
        return Order(**{**told, "sources": sources, **changed})

    def take(self, owner: str = "one") -> Claim:
        claim = self.claims.claim(owner)
        assert claim is not None
        return claim


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(tmp_path: Path, clock: Clock) -> Place:
    return Place(tmp_path, clock)


def results(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "results").rglob("*") if path.is_file())


def test_every_picture_is_claimed_once_and_the_job_ends_with_the_last(
    place: Place, clock: Clock, tmp_path: Path
) -> None:
    job = place.jobs.add(place.order(3), reserved=100)
    assert (job.state, job.total, job.rate, job.eta) == ("waiting", 3, None, None)
    other = Place(tmp_path, clock)
    claims = [place.take("one"), other.take("two"), place.take("one")]
    assert sorted(claim.number for claim in claims) == [0, 1, 2]
    assert other.claims.claim("two") is None
    clock.now += 2
    assert place.claims.finish(claims[0], {".npz": b"12345", ".png": b"123"})
    assert other.claims.fail(claims[1], "The picture is broken.")
    half = place.jobs.get(job.id)
    assert (half.state, half.done, half.failed, half.running, half.bytes) == ("running", 1, 1, 1, 8)
    assert half.rate == 1.0
    assert half.eta == 1.0
    assert half.version > job.version
    assert place.claims.finish(claims[2], {".npz": b"1"})
    ended = place.jobs.get(job.id)
    assert (ended.state, ended.ended, ended.eta) == ("done", clock.now, None)
    items = place.jobs.items(job.id)
    assert [item.state for item in items] == ["done", "failed", "done"]
    assert items[0].files == {".npz": 5, ".png": 3}
    (failed,) = place.jobs.items(job.id, "failed")
    assert failed.fault == "The picture is broken."
    assert place.jobs.path(job.id, 0, ".npz").read_bytes() == b"12345"
    assert os.listdir(tmp_path / "arriving") == []


def test_jobs_take_turns(place: Place, clock: Clock) -> None:
    first, second = (place.jobs.add(place.order(count), reserved=1).id for count in (3, 2))
    taken = []
    for _ in range(5):
        clock.now += 1
        taken.append(place.take().job)
    assert taken == [first, second, first, second, first]


def test_pictures_of_a_dead_process_are_computed_by_another_and_only_by_that(
    place: Place, clock: Clock
) -> None:
    job = place.jobs.add(place.order(1), reserved=1)
    dead = place.take("dead")
    clock.now += LEASE - 1
    assert place.claims.renew("dead", [dead]) == {dead}
    clock.now += LEASE - 1
    assert place.claims.claim("alive") is None
    clock.now += 2
    alive = place.take("alive")
    assert alive.number == dead.number
    assert place.claims.renew("dead", [dead]) == set()
    assert not place.claims.finish(dead, {".npz": b"late"}), "it was not dead, only slow"
    assert not place.claims.fail(dead, "late")
    assert place.claims.finish(alive, {".npz": b"in time"})
    assert place.jobs.path(job.id, 0, ".npz").read_bytes() == b"in time"
    assert place.jobs.get(job.id).done == 1


def test_picture_that_kills_its_server_again_and_again_is_given_up(
    place: Place, clock: Clock
) -> None:
    job = place.jobs.add(place.order(1), reserved=1)
    place.claims.give_back([place.take("stopped in time")])
    for attempt in range(MOST_ATTEMPTS):
        place.take(f"killed {attempt}")
        clock.now += LEASE + 1
    assert place.claims.claim("next") is None
    (item,) = place.jobs.items(job.id)
    assert item.state == "failed"
    assert "ended 3 times" in (item.fault or "")
    assert place.jobs.get(job.id).state == "done"


def test_pictures_of_a_job_stay_until_it_has_ended(place: Place, clock: Clock) -> None:
    order = place.order(2)
    place.jobs.add(order, reserved=1)
    image = order.sources[0].image or ""
    clock.now += 30 * DAY
    place.images.expire()
    with pytest.raises(InUse):
        place.images.delete(image)
    for _ in range(2):
        place.claims.finish(place.take(), {})
    place.images.delete(image)


def test_job_on_a_missing_picture_is_not_taken_on(place: Place) -> None:
    order = place.order(2)
    place.images.delete(order.sources[1].image or "")
    with pytest.raises(NotFound, match="picture"):
        place.jobs.add(order, reserved=1)
    assert place.jobs.all() == []
    place.images.delete(order.sources[0].image or "")


def test_cancelled_job_keeps_what_it_has_done_and_does_no_more(
    place: Place, tmp_path: Path
) -> None:
    job = place.jobs.add(place.order(3), reserved=100)
    place.claims.finish(place.take(), {".npz": b"1"})
    running = place.take()
    cancelled = place.jobs.cancel(job.id)
    assert (cancelled.state, cancelled.done, cancelled.running) == ("cancelled", 1, 0)
    assert place.jobs.cancel(job.id) == cancelled, "the second time changes nothing"
    assert place.claims.renew("one", [running]) == set()
    assert not place.claims.finish(running, {".npz": b"late"})
    assert place.claims.claim("one") is None
    assert results(tmp_path) == ["0.npz"]
    place.jobs.remove(job.id)
    assert results(tmp_path) == []
    with pytest.raises(NotFound):
        place.jobs.get(job.id)
    with pytest.raises(NotFound):
        place.jobs.remove(job.id)


@pytest.mark.parametrize("job_id", ["", "0" * 32, "../../etc/passwd", "\0", "A" * 32])
def test_unknown_job_is_not_found(place: Place, job_id: str) -> None:
    with pytest.raises(NotFound, match="job"):
        place.jobs.get(job_id)


def test_number_of_jobs_and_bytes_of_results_are_bounded(place: Place) -> None:
    first = place.jobs.add(place.order(1), reserved=700)
    with pytest.raises(OverQuota, match="1000") as told:
        place.jobs.add(place.order(1), reserved=301)
    assert (told.value.limit, told.value.actual) == (1000, 1001)
    place.claims.finish(place.take(), {".npz": bytes(100)})
    place.jobs.add(place.order(1), reserved=900)
    place.jobs.remove(first.id)
    for _ in range(4):
        place.jobs.add(place.order(1), reserved=1)
    with pytest.raises(OverQuota, match="5 jobs"):
        place.jobs.add(place.order(1), reserved=0)


def test_same_key_again_is_the_same_job(place: Place) -> None:
    first = place.jobs.add(place.order(1, key="a"), reserved=1)
    assert place.jobs.add(place.order(2, key="a"), reserved=1) == first
    assert place.jobs.add(place.order(1), reserved=1) != place.jobs.add(place.order(1), reserved=1)


def test_job_expires_after_its_end_and_never_before(
    place: Place, clock: Clock, tmp_path: Path
) -> None:
    job = place.jobs.add(place.order(1), reserved=1)
    clock.now += 30 * DAY
    assert place.jobs.expire() == 0
    place.claims.finish(place.take(), {".npz": b"1"})
    clock.now += 8 * DAY
    assert place.jobs.expire() == 1
    assert place.jobs.all() == []
    assert not (tmp_path / "results" / job.id).exists()


def test_results_without_a_job_are_removed_at_the_start(
    place: Place, clock: Clock, tmp_path: Path
) -> None:
    job = place.jobs.add(place.order(1), reserved=1)
    place.claims.finish(place.take(), {".npz": b"1"})
    (tmp_path / "results" / ("f" * 32)).mkdir()
    Place(tmp_path, clock)
    assert os.listdir(tmp_path / "results") == [job.id]


def test_full_disk_keeps_what_is_done_and_loses_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = place.jobs.add(place.order(2), reserved=1)
    place.claims.finish(place.take(), {".npz": b"1"})
    claim = place.take()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreFull, match="disk"):
            place.claims.finish(claim, {".npz": b"2", ".png": b"3"})
    assert os.listdir(tmp_path / "arriving") == []
    assert results(tmp_path) == ["0.npz"]
    assert place.claims.finish(claim, {".npz": b"2"})
    assert place.jobs.get(job.id).state == "done"


def test_names_that_a_file_system_may_take_for_one_are_numbered_apart() -> None:
    assert distinct(["a", "A", "b", "a", "a-2"]) == ["a", "A-2", "b", "a-3", "a-2-2"]


WORKER = """
import sys, time
from pathlib import Path
from tests.service.test_jobs_store import Place
place = Place(Path(sys.argv[1]), time.time)
place.claims.lease_seconds = 1.0
print("ready", flush=True)
log = open(sys.argv[2], "a")
while claim := place.claims.claim(sys.argv[3]):
    if place.claims.finish(claim, {".npz": str(claim.number).encode() * 500, ".png": b"x"}):
        print(claim.number, file=log, flush=True)
"""


def test_kills_at_any_moment_lose_nothing_and_repeat_nothing_that_is_done(tmp_path: Path) -> None:
    place = Place(tmp_path, time.time, quota=10**9)
    count = 100
    order = place.order(1)
    sources = tuple(
        Source(name=f"p{number}", image=order.sources[0].image) for number in range(count)
    )
    job = place.jobs.add(place.order(1, sources=sources), reserved=10**6)
    log = tmp_path / "log"
    for attempt, delay in enumerate((0.05, 0.15, 60.0)):
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(tmp_path), str(log), f"{attempt}.{worker}"],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            for worker in range(2)
        ]
        for worker in workers:
            with worker:
                assert worker.stdout is not None
                worker.stdout.readline()
                end = time.monotonic() + delay
                while worker.poll() is None and time.monotonic() < end:
                    time.sleep(0.005)
                worker.send_signal(signal.SIGKILL)
        time.sleep(1.1)
    while claim := place.claims.claim("last"):
        place.claims.finish(claim, {".npz": str(claim.number).encode() * 500, ".png": b"x"})
    ended = place.jobs.get(job.id)
    assert (ended.state, ended.done, ended.failed) == ("done", count, 0)
    for item in place.jobs.items(job.id):
        content = place.jobs.path(job.id, item.number, ".npz").read_bytes()
        assert content == str(item.number).encode() * 500
    told = [int(line) for line in log.read_text().split()]
    assert len(told) == len(set(told)), "one that is done was computed again"
