"""Uploads on disk, each under the SHA-256 of its bytes; an SQLite index says what each is.

A file is written aside, synced and renamed into place inside the transaction that indexes it. A
kill leaves at most a file without a row or a row without a file, and the next start removes both.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from app.imaging import Picture
from app.service.database import Database, full_disk_told, sync_directory, write_synced
from app.service.errors import InUse, NotFound, StoreFull
from app.service.records import ImageRecord, identify

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
CREATE TABLE IF NOT EXISTS pins (
    image TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (image, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pins_by_holder ON pins (holder);
"""
_ALIVE = " FROM images WHERE id = ? AND (used >= ? OR id IN (SELECT image FROM pins))"
GONE = "There is no picture of this id; it may have expired."


class ImageStore:
    """A content-addressed store with a quota and a time to live; what is pinned stays.

    Args:
        directory: where it lives; made when absent.
        quota: most bytes of all uploads together.
        days: days an upload is kept after its last use.
        clock: seconds since the epoch.

    Attributes:
        index: the database that says what there is.
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
        for folder in (self._files, self._arriving):
            folder.mkdir(parents=True, exist_ok=True)
        self.index = Database(directory / "index.sqlite3", _SCHEMA)
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
            raise StoreFull(f"The upload has {len(content)} bytes; the store holds {self._quota}.")
        with full_disk_told():
            arrived = self._arriving / f"{record.id}.{os.getpid()}.{threading.get_ident()}"
            write_synced(arrived, content)
            try:
                with self.index.transaction():
                    return record, self._admit(record, arrived)
            except StoreFull:
                self._remove_unindexed(record.id)
                raise
            finally:
                arrived.unlink(missing_ok=True)

    def get(self, image_id: str) -> ImageRecord:
        """Return the record of an upload, which counts as a use.

        Raises:
            NotFound: there is none of this id.
        """
        with self.index.lock:
            row = None
            if ID.match(image_id):
                query = "SELECT record, used" + _ALIVE
                alive = self._clock() - self._seconds
                row = self.index.execute(query, (image_id, alive)).fetchone()
            if row is None:
                raise NotFound(GONE)
            # Where the disk is full, what is there can still be read.
            with contextlib.suppress(StoreFull), full_disk_told():
                self._touch(image_id, row[1])
        return _record(row[0])

    def sizes(self, image_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Return (rows, cols) of uploads by id, without those that are not there; no use."""
        alive = self._clock() - self._seconds
        query = "SELECT record" + _ALIVE
        found = (self.index.rows(query, (one, alive)) for one in dict.fromkeys(image_ids))
        records = [_record(rows[0][0]) for rows in found if rows]
        return {record.id: (record.height, record.width) for record in records}

    def pin(self, image_ids: Iterable[str], holder: str) -> None:
        """Keep uploads until `holder` unpins them; within a transaction of the index.

        Raises:
            NotFound: one of them is not there.
        """
        for image_id in image_ids:
            query = "INSERT OR IGNORE INTO pins SELECT id, ? FROM images WHERE id = ?"
            pinned = self.index.execute(query, (holder, image_id)).rowcount
            held = "SELECT 1 FROM pins WHERE image = ? AND holder = ?"
            if not pinned and not self.index.execute(held, (image_id, holder)).fetchone():
                raise NotFound(GONE)

    def unpin(self, holder: str) -> None:
        """Let go of what `holder` has pinned, as used just now; within a transaction."""
        query = "UPDATE images SET used = ? WHERE id IN (SELECT image FROM pins WHERE holder = ?)"
        self.index.execute(query, (self._clock(), holder))
        self.index.execute("DELETE FROM pins WHERE holder = ?", (holder,))

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
            raise NotFound(GONE) from error

    def delete(self, image_id: str) -> None:
        """Forget an upload.

        Raises:
            NotFound: there is none of this id.
            InUse: a job has pinned it.
            StoreFull: the disk has no room to write down that it is gone.
        """
        self.get(image_id)
        with self.index.transaction():
            if self.index.execute("SELECT 1 FROM pins WHERE image = ?", (image_id,)).fetchone():
                raise InUse("A job computes on this picture; it stays until the job has ended.")
            self._drop(image_id)

    def expire(self) -> int:
        """Drop what has not been used for the time to live; return how many that were."""
        with self.index.transaction():
            query = "SELECT id FROM images WHERE used < ? AND id NOT IN (SELECT image FROM pins)"
            stale = self.index.execute(query, (self._clock() - self._seconds,)).fetchall()
            for (image_id,) in stale:
                self._drop(image_id)
        for path in self._arriving.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ORPHAN_SECONDS:
                    path.unlink()
        return len(stale)

    def usage(self) -> tuple[int, int]:
        """Return how many uploads there are and their bytes together."""
        query = "SELECT count(*), coalesce(sum(bytes), 0) FROM images"
        ((count, size),) = self.index.rows(query)
        return int(count), int(size)

    def _path(self, image_id: str) -> Path:
        return self._files / image_id

    def _admit(self, record: ImageRecord, arrived: Path) -> bool:
        """Move a written file into place and index it; return whether it is new."""
        known = self.index.execute("SELECT used FROM images WHERE id = ?", (record.id,)).fetchone()
        if known is not None:
            self._touch(record.id, known[0])
            return False
        self._make_room(record.bytes)
        arrived.rename(self._path(record.id))
        sync_directory(self._files)
        self.index.execute(
            "INSERT INTO images (id, bytes, used, record) VALUES (?, ?, ?, ?)",
            (record.id, record.bytes, self._clock(), json.dumps(dataclasses.asdict(record))),
        )
        return True

    def _make_room(self, size: int) -> None:
        """Drop the uploads longest unused until `size` more bytes fit under the quota.

        Raises:
            StoreFull: jobs have pinned the rest.
        """
        (used,) = self.index.execute("SELECT coalesce(sum(bytes), 0) FROM images").fetchone()
        query = "SELECT id, bytes FROM images WHERE id NOT IN (SELECT image FROM pins)"
        leaving = []
        for image_id, freed in self.index.execute(query + " ORDER BY used").fetchall():
            if used + size <= self._quota:
                break
            leaving.append(image_id)
            used -= freed
        if used + size > self._quota:
            raise StoreFull(
                f"The store holds {self._quota} bytes in all, and jobs compute on pictures of "
                f"{used}; there is room again when they have ended."
            )
        for image_id in leaving:
            self._drop(image_id)

    def _drop(self, image_id: str) -> None:
        self.index.execute("DELETE FROM images WHERE id = ?", (image_id,))
        self._path(image_id).unlink(missing_ok=True)

    def _remove_unindexed(self, image_id: str) -> None:
        """Remove the file of an upload that was moved into place but could not be indexed."""
        with self.index.transaction():
            query = "SELECT 1 FROM images WHERE id = ?"
            if not self.index.execute(query, (image_id,)).fetchone():
                self._path(image_id).unlink(missing_ok=True)

    def _touch(self, image_id: str, used: float) -> None:
        now = self._clock()
        if now - used > USE_RESOLUTION:
            self.index.execute("UPDATE images SET used = ? WHERE id = ?", (now, image_id))

    def _recover(self) -> None:
        """Remove what a kill left behind: files without a row, rows without a file."""
        with self.index.transaction():
            indexed = {row[0] for row in self.index.execute("SELECT id FROM images")}
            present = {path.name for path in self._files.iterdir()}
            for image_id in indexed ^ present:
                self._drop(image_id)


def _record(told: str) -> ImageRecord:
    members = json.loads(told)
    return ImageRecord(**{**members, "conversions": tuple(members["conversions"])})
