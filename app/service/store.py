"""Uploads on disk, each under the SHA-256 of its bytes; an SQLite index says what each is.

A file is written and synced aside, then renamed into place inside the transaction that indexes it.
A kill at any moment leaves at most a file without a row or a row without a file, and the next
start removes both; other processes on the same store are held off by the transaction.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from app.imaging import Picture
from app.service.errors import NotFound, StoreFull

ID = re.compile(r"[0-9a-f]{64}\Z")
# A use is written down at most once in this many seconds: reading must not cost a disk sync.
USE_RESOLUTION = 60.0
SECONDS_PER_DAY = 86_400.0
# A file still arriving after this long belongs to no upload that runs, in any process.
ORPHAN_SECONDS = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    used REAL NOT NULL,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS images_by_use ON images (used);
"""


@dataclasses.dataclass(frozen=True)
class ImageRecord:
    """What is known of an upload.

    Attributes:
        id: SHA-256 of its bytes, in hexadecimal.
        width: columns of the decoded picture.
        height: rows of the decoded picture.
        channels: 1 for gray, 3 for colour.
        mode: how the file stores a pixel, in Pillow's words.
        format: the file's type.
        bytes: size of the file.
        conversions: what was done to get to 8-bit gray or sRGB.
    """

    id: str
    width: int
    height: int
    channels: int
    mode: str
    format: str
    bytes: int
    conversions: tuple[str, ...]


def identify(content: bytes) -> str:
    """Return the id that `content` has in every store."""
    return hashlib.sha256(content).hexdigest()


class ImageStore:
    """A content-addressed store with a quota and a time to live.

    Args:
        directory: where it lives; made when absent.
        quota: most bytes of all uploads together.
        days: days an upload is kept after its last use.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        directory: Path,
        *,
        quota: int,
        days: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files = directory / "files"
        self._arriving = directory / "arriving"
        self._quota = quota
        self._seconds = days * SECONDS_PER_DAY
        self._clock = clock
        self._lock = threading.Lock()
        for folder in (self._files, self._arriving):
            folder.mkdir(parents=True, exist_ok=True)
        self._index = sqlite3.connect(
            directory / "index.sqlite3", check_same_thread=False, isolation_level=None, timeout=10
        )
        self._index.execute("PRAGMA journal_mode = WAL")
        self._index.execute("PRAGMA synchronous = FULL")
        self._index.executescript(_SCHEMA)
        weakref.finalize(self, self._index.close)
        self._recover()
        self.expire()

    def put(self, content: bytes, picture: Picture) -> tuple[ImageRecord, bool]:
        """Keep an upload.

        Args:
            content: its bytes.
            picture: what they decode to.

        Returns:
            Its record, and whether it is new here.

        Raises:
            StoreFull: it is larger than the quota, or the disk has no room.
        """
        record = ImageRecord(
            id=identify(content),
            width=picture.width,
            height=picture.height,
            channels=picture.channels,
            mode=picture.mode,
            format=picture.format,
            bytes=len(content),
            conversions=picture.conversions,
        )
        if len(content) > self._quota:
            raise StoreFull(
                f"The upload has {len(content)} bytes; the store holds {self._quota} in all."
            )
        with _full_disk_told():
            arrived = self._write(record.id, content)
            try:
                with self._transaction():
                    return record, self._admit(record, arrived)
            finally:
                arrived.unlink(missing_ok=True)

    def get(self, image_id: str) -> ImageRecord:
        """Return the record of an upload, which counts as a use.

        Raises:
            NotFound: there is none of this id.
        """
        with self._lock:
            row = None
            if ID.match(image_id):
                query = "SELECT record, used FROM images WHERE id = ? AND used >= ?"
                alive = self._clock() - self._seconds
                row = self._index.execute(query, (image_id, alive)).fetchone()
            if row is None:
                raise NotFound("There is no picture of this id; it may have expired.")
            self._touch(image_id, row[1])
        members = json.loads(row[0])
        return ImageRecord(**{**members, "conversions": tuple(members["conversions"])})

    def content(self, image_id: str) -> bytes:
        """Return the bytes of an upload, which counts as a use.

        Raises:
            NotFound: there is none of this id.
        """
        self.get(image_id)
        try:
            return self._path(image_id).read_bytes()
        except FileNotFoundError as error:
            # Another request deleted it between the two lines above.
            raise NotFound("There is no picture of this id; it may have expired.") from error

    def delete(self, image_id: str) -> None:
        """Forget an upload.

        Raises:
            NotFound: there is none of this id.
        """
        self.get(image_id)
        with self._transaction():
            self._drop(image_id)

    def expire(self) -> int:
        """Drop what has not been used for the time to live; return how many that were."""
        with self._transaction():
            query = "SELECT id FROM images WHERE used < ?"
            stale = self._index.execute(query, (self._clock() - self._seconds,)).fetchall()
            for (image_id,) in stale:
                self._drop(image_id)
        for path in self._arriving.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ORPHAN_SECONDS:
                    path.unlink()
        return len(stale)

    def usage(self) -> tuple[int, int]:
        """Return how many uploads there are and their bytes together."""
        with self._lock:
            query = "SELECT count(*), coalesce(sum(bytes), 0) FROM images"
            count, size = self._index.execute(query).fetchone()
        return int(count), int(size)

    def _path(self, image_id: str) -> Path:
        return self._files / image_id

    def _write(self, image_id: str, content: bytes) -> Path:
        """Write and sync a file that no reader sees yet."""
        arrived = self._arriving / f"{image_id}.{os.getpid()}.{threading.get_ident()}"
        try:
            with open(arrived, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            arrived.unlink(missing_ok=True)
            raise
        return arrived

    def _admit(self, record: ImageRecord, arrived: Path) -> bool:
        """Move a written file into place and index it; return whether it is new."""
        known = self._index.execute("SELECT used FROM images WHERE id = ?", (record.id,)).fetchone()
        if known is not None:
            self._touch(record.id, known[0])
            return False
        self._make_room(record.bytes)
        arrived.rename(self._path(record.id))
        _sync_directory(self._files)
        self._index.execute(
            "INSERT INTO images (id, bytes, used, record) VALUES (?, ?, ?, ?)",
            (record.id, record.bytes, self._clock(), json.dumps(dataclasses.asdict(record))),
        )
        return True

    def _make_room(self, size: int) -> None:
        """Drop the uploads longest unused until `size` more bytes fit under the quota."""
        (used,) = self._index.execute("SELECT coalesce(sum(bytes), 0) FROM images").fetchone()
        oldest = self._index.execute("SELECT id, bytes FROM images ORDER BY used").fetchall()
        for image_id, freed in oldest:
            if used + size <= self._quota:
                return
            self._drop(image_id)
            used -= freed

    def _drop(self, image_id: str) -> None:
        self._index.execute("DELETE FROM images WHERE id = ?", (image_id,))
        self._path(image_id).unlink(missing_ok=True)

    def _touch(self, image_id: str, used: float) -> None:
        now = self._clock()
        if now - used > USE_RESOLUTION:
            self._index.execute("UPDATE images SET used = ? WHERE id = ?", (now, image_id))

    def _recover(self) -> None:
        """Remove what a kill left behind: files without a row, rows without a file."""
        with self._transaction():
            indexed = {row[0] for row in self._index.execute("SELECT id FROM images")}
            present = {path.name for path in self._files.iterdir()}
            for image_id in indexed ^ present:
                self._drop(image_id)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Hold the store against other threads and other processes."""
        with self._lock:
            self._index.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._index.execute("ROLLBACK")
                raise
            self._index.execute("COMMIT")


@contextlib.contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise StoreFull("The disk of the server is full; nothing was kept.") from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise StoreFull("The disk of the server is full; nothing was kept.") from error


def _sync_directory(directory: Path) -> None:
    """Make a rename in `directory` survive a power cut, where directories can be opened."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
