"""The store of uploads: content-addressed, bounded, and whole after any end."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.imaging import PictureLimits, read
from app.service.errors import InUse, NotFound, StoreFull
from app.service.records import ImageRecord, identify
from app.service.store import ImageStore
from tests.imaging.pictures import encoded, noise

LIMITS = PictureLimits(pixels=10_000, side=1_000)
DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def content_of(seed: int) -> bytes:
    return encoded(noise(4, 6, seed=seed), "BMP")


def put(store: ImageStore, content: bytes) -> tuple[ImageRecord, bool]:
    return store.put(content, read(content, LIMITS))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> ImageStore:
    return ImageStore(tmp_path, quota=10 * len(content_of(0)), days=7, clock=clock)


def files(directory: Path) -> set[str]:
    return {path.name for path in (directory / "files").iterdir()}


def test_upload_is_found_by_the_hash_of_its_bytes(store: ImageStore) -> None:
    content = content_of(1)
    record, new = put(store, content)
    assert new
    assert record.id == identify(content)
    assert store.get(record.id) == record
    assert store.content(record.id) == content
    assert (record.width, record.height, record.channels, record.format) == (6, 4, 1, "BMP")


def test_same_bytes_again_are_not_new_and_cost_nothing(store: ImageStore, tmp_path: Path) -> None:
    first, _ = put(store, content_of(1))
    again, new = put(store, content_of(1))
    assert (again, new) == (first, False)
    assert store.usage() == (1, first.bytes)
    assert list((tmp_path / "arriving").iterdir()) == []


@pytest.mark.parametrize(
    "image_id", ["", "0" * 64, "../../etc/passwd", "F" * 64, "\0" * 64, "0" * 64 + "\n"]
)
def test_unknown_id_is_not_found(store: ImageStore, image_id: str) -> None:
    for ask in (store.get, store.content, store.delete):
        with pytest.raises(NotFound):
            ask(image_id)


def test_deleted_upload_leaves_nothing(store: ImageStore, tmp_path: Path) -> None:
    record, _ = put(store, content_of(1))
    store.delete(record.id)
    assert files(tmp_path) == set()
    with pytest.raises(NotFound):
        store.get(record.id)


def test_oldest_use_goes_first_when_the_quota_is_reached(store: ImageStore, clock: Clock) -> None:
    ids = []
    for seed in range(10):
        clock.now += 100
        ids.append(put(store, content_of(seed))[0].id)
    clock.now += 100
    store.get(ids[0])
    put(store, content_of(10))
    with pytest.raises(NotFound):
        store.get(ids[1])
    assert store.get(ids[0]).id == ids[0]
    assert store.usage()[0] == 10


def test_upload_larger_than_the_whole_store_is_refused(tmp_path: Path) -> None:
    content = content_of(1)
    with pytest.raises(StoreFull, match=str(len(content))):
        put(ImageStore(tmp_path, quota=len(content) - 1, days=7), content)
    exact = ImageStore(tmp_path, quota=len(content), days=7)
    assert put(exact, content)[1]


def test_upload_lives_seven_days_after_its_last_use(store: ImageStore, clock: Clock) -> None:
    record, _ = put(store, content_of(1))
    clock.now += 6 * DAY
    store.get(record.id)
    clock.now += 6 * DAY
    assert store.expire() == 0
    clock.now += 2 * DAY
    with pytest.raises(NotFound):
        store.get(record.id)
    assert store.expire() == 1


def test_expired_upload_can_come_again(store: ImageStore, clock: Clock) -> None:
    record, _ = put(store, content_of(1))
    clock.now += 8 * DAY
    put(store, content_of(1))
    assert store.get(record.id) == record


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_told_and_leaves_nothing(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, "no room")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreFull, match="full"):
        put(store, content_of(1))
    monkeypatch.undo()
    assert files(tmp_path) == set()
    assert list((tmp_path / "arriving").iterdir()) == []
    assert store.usage() == (0, 0)


def full_disk(store: ImageStore) -> Callable[..., sqlite3.Cursor]:
    """An index that can only be read."""
    execute = store.index.execute

    def full(query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        if query.startswith("SELECT"):
            return execute(query, values)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    return full


def test_upload_that_the_index_has_no_room_for_leaves_nothing(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.index, "execute", full_disk(store))
    with pytest.raises(StoreFull, match="full"):
        put(store, content_of(1))
    assert files(tmp_path) == set()
    assert list((tmp_path / "arriving").iterdir()) == []


def test_full_disk_keeps_nobody_from_reading_and_deletes_nothing(
    store: ImageStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = put(store, content_of(1))
    clock.now += 3600.0
    monkeypatch.setattr(store.index, "execute", full_disk(store))
    assert (store.get(record.id), store.content(record.id)) == (record, content_of(1))
    with pytest.raises(StoreFull, match="full"):
        store.delete(record.id)
    monkeypatch.undo()
    assert store.content(record.id) == content_of(1)


def test_index_that_is_no_database_is_told_as_what_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(OSError, match=r"index\.sqlite3: file is not a database"):
        ImageStore(tmp_path, quota=1000, days=7)


def test_next_start_removes_files_without_a_row_and_rows_without_a_file(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, quota=10_000, days=7)
    kept, _ = put(store, content_of(1))
    lost, _ = put(store, content_of(2))
    (tmp_path / "files" / lost.id).unlink()
    (tmp_path / "files" / ("a" * 64)).write_bytes(b"half")
    again = ImageStore(tmp_path, quota=10_000, days=7)
    assert files(tmp_path) == {kept.id}
    assert again.usage() == (1, kept.bytes)
    with pytest.raises(NotFound):
        again.get(lost.id)


def test_what_was_arriving_when_the_process_died_is_removed_later(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, quota=10_000, days=7)
    stale, fresh = tmp_path / "arriving" / "stale", tmp_path / "arriving" / "fresh"
    for path in (stale, fresh):
        path.write_bytes(b"half")
    os.utime(stale, (time.time() - 3600, time.time() - 3600))
    store.expire()
    assert list((tmp_path / "arriving").iterdir()) == [fresh]


def test_threads_and_processes_share_a_store(tmp_path: Path) -> None:
    stores = [ImageStore(tmp_path, quota=100_000, days=7) for _ in range(2)]
    failures: list[Exception] = []

    def work(store: ImageStore) -> None:
        try:
            for seed in range(8):
                put(store, content_of(seed))
        except (OSError, NotFound) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(stores[index % 2],)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stores[0].usage()[0] == stores[1].usage()[0] == 8
    assert len(files(tmp_path)) == 8


WRITER = """
import sys
from pathlib import Path
from app.imaging import PictureLimits, read
from app.service.store import ImageStore
from tests.imaging.pictures import encoded, noise
limits = PictureLimits(pixels=10_000, side=1_000)
store = ImageStore(Path(sys.argv[1]), quota=8_000, days=7)
for seed in range(10**6):
    content = encoded(noise(4, 6, seed=seed), "BMP")
    store.put(content, read(content, limits))
    if seed == 9:
        print("evicting", flush=True)
"""


def test_kill_in_the_middle_of_uploads_and_evictions_leaves_a_whole_store(tmp_path: Path) -> None:
    for delay in (0.05, 0.11, 0.23):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        store = ImageStore(tmp_path, quota=8_000, days=7)
        count, size = store.usage()
        assert count == len(files(tmp_path)) > 0
        assert size <= 8_000
        for image_id in files(tmp_path):
            assert identify(store.content(image_id)) == image_id


def test_kill_between_uploads_leaves_every_one_that_was_acknowledged(tmp_path: Path) -> None:
    writer = WRITER.replace("8_000", "10**6").replace('"evicting"', "record.id")
    writer = writer.replace("    store.put(", "    record, _ = store.put(")
    writer = writer.replace("if seed == 9:\n        ", "").replace("10**6):", "20):") + "input()\n"
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
    store = ImageStore(tmp_path, quota=10**6, days=7)
    assert files(tmp_path) == set(acknowledged)
    assert [identify(store.content(one)) for one in acknowledged] == acknowledged


def pin(store: ImageStore, *image_ids: str, holder: str = "job") -> None:
    with store.index.transaction():
        store.pin(image_ids, holder)


def test_pinned_upload_is_neither_evicted_nor_expired_nor_deleted(tmp_path: Path) -> None:
    clock = Clock()
    content = content_of(0)
    store = ImageStore(tmp_path, quota=3 * len(content), days=7, clock=clock)
    pinned, _ = put(store, content)
    pin(store, pinned.id)
    pin(store, pinned.id)
    clock.now += 8 * 86_400
    for seed in range(1, 6):
        put(store, content_of(seed))
    store.expire()
    assert store.content(pinned.id) == content
    with pytest.raises(InUse, match="job"):
        store.delete(pinned.id)
    with store.index.transaction():
        store.unpin("job")
    store.expire()
    assert store.get(pinned.id) == pinned, "to be computed on is to be used"
    store.delete(pinned.id)


def test_store_full_of_pinned_uploads_refuses_the_next_one_and_keeps_all(tmp_path: Path) -> None:
    content = content_of(0)
    store = ImageStore(tmp_path, quota=2 * len(content), days=7)
    ids = [put(store, content_of(seed))[0].id for seed in range(2)]
    pin(store, ids[0])
    with pytest.raises(StoreFull, match="jobs"):
        put(store, content + bytes(len(content) // 2 + 1))
    assert [identify(store.content(one)) for one in ids] == ids


def test_only_what_is_there_can_be_pinned(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, quota=10_000, days=7)
    record, _ = put(store, content_of(0))
    with pytest.raises(NotFound):
        pin(store, record.id, "0" * 64)
    store.delete(record.id)  # the transaction took its pin back
    assert store.sizes([record.id]) == {}
