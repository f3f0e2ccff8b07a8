"""Jobs on disk: rows beside those of the uploads, a folder of results each.

A job that has been taken on keeps its pictures from being evicted until it has ended, and room for
all that its results may come to.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.service.database import full_disk_told
from app.service.errors import NotFound, OverQuota
from app.service.jobs.job import GONE, ID, Item, Job, Order, Source
from app.service.store import SECONDS_PER_DAY, ImageStore

# The rate is that of so many pictures that ended last.
LATE = 32

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    asked TEXT UNIQUE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    served REAL NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    media_type TEXT NOT NULL,
    request BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS items (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    image TEXT,
    sample TEXT,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease REAL,
    begun REAL,
    ended REAL,
    files TEXT NOT NULL DEFAULT '{}',
    fault TEXT,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_waiting ON items (job, number) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS items_running ON items (job) WHERE state = 'running';
CREATE INDEX IF NOT EXISTS items_failed ON items (job, number) WHERE state = 'failed';
CREATE INDEX IF NOT EXISTS items_ended ON items (job, ended) WHERE ended IS NOT NULL;
"""
_JOB = """
SELECT id, kind, name, state, created, started, ended, total, done, failed, bytes, version,
    (SELECT count(*) FROM items WHERE job = jobs.id AND items.state = 'running') FROM jobs
"""
_ITEM = "SELECT number, name, image, sample, state, files, fault FROM items WHERE job = ?"


class JobStore:
    """The jobs of one store; several processes may share it.

    Args:
        images: where the pictures are; results stand in a folder beside them.
        directory: the store's own.
        most: how many jobs are kept.
        quota: most bytes of all results together, those to come included.
        days: days a job is kept after its end.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        images: ImageStore,
        directory: Path,
        *,
        most: int,
        quota: int,
        days: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._images = images
        self._base = images.index
        self._results = directory / "results"
        self._most = most
        self._quota = quota
        self._seconds = days * SECONDS_PER_DAY
        self._clock = clock
        self._results.mkdir(parents=True, exist_ok=True)
        self._base.extend(_SCHEMA)
        self.expire()

    def add(self, order: Order, reserved: int) -> Job:
        """Take a job on, and its pictures with it; the same key again is the same job.

        Args:
            order: what is asked for.
            reserved: most bytes that its results can have.

        Raises:
            NotFound: a picture is not there.
            OverQuota: there are as many jobs, or as many bytes of results, as may be.
        """
        job_id, now = secrets.token_hex(16), self._clock()
        with full_disk_told(), self._base.transaction():
            known = self._base.execute("SELECT id FROM jobs WHERE asked = ?", (order.key,))
            if row := known.fetchone():
                job_id = row[0]
            else:
                self._refuse_beyond_quota(reserved)
                self._images.pin({one.image for one in order.sources if one.image}, job_id)
                self._base.execute(
                    "INSERT INTO jobs (id, asked, kind, name, state, created, served, total,"
                    " reserved, media_type, request)"
                    " VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?, ?)",
                    (
                        job_id,
                        order.key or None,
                        order.kind,
                        order.name,
                        now,
                        now,
                        len(order.sources),
                        reserved,
                        order.media_type,
                        order.request,
                    ),
                )
                self._base.execute_many(
                    "INSERT INTO items (job, number, name, image, sample) VALUES (?, ?, ?, ?, ?)",
                    [
                        (job_id, number, one.name, one.image, one.sample)
                        for number, one in enumerate(order.sources)
                    ],
                )
        return self.get(job_id)

    def _refuse_beyond_quota(self, reserved: int) -> None:
        query = "SELECT count(*), coalesce(sum(iif(ended IS NULL, reserved, bytes)), 0) FROM jobs"
        count, used = self._base.execute(query).fetchone()
        if count >= self._most:
            raise OverQuota(
                f"There are {count} jobs, which is the limit; delete one that has ended.",
                limit=self._most,
                actual=count + 1,
            )
        if used + reserved > self._quota:
            raise OverQuota(
                f"The results may take {reserved} bytes, and those of other jobs {used}; the "
                f"limit is {self._quota} for all. Delete jobs that have ended, or keep less: fewer "
                "layers or channels, a smaller max_side, one form.",
                limit=self._quota,
                actual=used + reserved,
            )

    def get(self, job_id: str) -> Job:
        """Return how far a job is.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self._base.rows(f"{_JOB} WHERE id = ?", (job_id,)) if ID.match(job_id) else []
        if not rows:
            raise NotFound(GONE)
        return self._job(rows[0])

    def find(self, key: str) -> Job | None:
        """Return the job that was asked for with this key; "" is none."""
        rows = self._base.rows(f"{_JOB} WHERE asked = ?", (key,))
        return self._job(rows[0]) if rows else None

    def all(self) -> list[Job]:
        """Return every job, the latest first."""
        return [self._job(row) for row in self._base.rows(f"{_JOB} ORDER BY created DESC, id")]

    def request(self, job_id: str) -> tuple[bytes, str]:
        """Return the body that asked for a job, and its media type.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self._base.rows("SELECT request, media_type FROM jobs WHERE id = ?", (job_id,))
        if not rows:
            raise NotFound(GONE)
        return rows[0][0], rows[0][1]

    def items(self, job_id: str, state: str | None = None, most: int = -1) -> list[Item]:
        """Return the pictures of a job in their order, at most so many, perhaps of one state."""
        query = f"{_ITEM} AND state = coalesce(?, state) ORDER BY number LIMIT ?"
        return [_item(row) for row in self._base.rows(query, (job_id, state, most))]

    def path(self, job_id: str, number: int, ending: str) -> Path:
        """Return where a file of a picture's results is, or will be."""
        return self._results / job_id / f"{number}{ending}"

    def usage(self) -> tuple[int, int, int]:
        """Return how many jobs have not ended, their pictures to do, and the bytes of results."""
        query = "SELECT total - done - failed, bytes, ended IS NULL FROM jobs"
        rows = self._base.rows(query)
        left = [row[0] for row in rows if row[2]]
        return len(left), sum(left), sum(row[1] for row in rows)

    def cancel(self, job_id: str) -> Job:
        """Stop a job where it is; what it has done stays. One that has ended stays as it is.

        Raises:
            NotFound: there is none of this id.
        """
        self.get(job_id)
        with self._base.transaction():
            query = """
                UPDATE jobs SET state = 'cancelled', ended = ?, version = version + 1
                WHERE id = ? AND ended IS NULL"""
            if self._base.execute(query, (self._clock(), job_id)).rowcount:
                self._let_go(job_id)
        return self.get(job_id)

    def remove(self, job_id: str) -> None:
        """Forget a job, and delete its results.

        Raises:
            NotFound: there is none of this id.
        """
        self.get(job_id)
        with self._base.transaction():
            self._let_go(job_id)
            self._base.execute("DELETE FROM items WHERE job = ?", (job_id,))
            self._base.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        shutil.rmtree(self._results / job_id, ignore_errors=True)

    def expire(self) -> int:
        """Forget the jobs that ended long ago; return how many that were."""
        query = "SELECT id FROM jobs WHERE ended < ?"
        old = self._base.rows(query, (self._clock() - self._seconds,))
        for (job_id,) in old:
            with contextlib.suppress(NotFound):  # another process was quicker
                self.remove(job_id)
        # What a kill has left in the middle of a removal; folders are made in transactions only.
        with self._base.transaction():
            known = {row[0] for row in self._base.execute("SELECT id FROM jobs")}
            for folder in self._results.iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        return len(old)

    def _let_go(self, job_id: str) -> None:
        """Take the pictures of a job back from whoever computes them."""
        self._base.execute(
            "UPDATE items SET state = 'waiting', owner = NULL WHERE job = ? AND state = 'running'",
            (job_id,),
        )
        self._images.unpin(job_id)

    def _job(self, row: Any) -> Job:
        names = "id kind name state created started ended total done failed bytes version running"
        told = dict(zip(names.split(), row, strict=True))
        query = """
            SELECT count(*), min(begun) FROM (
                SELECT begun FROM items WHERE job = ? AND ended IS NOT NULL
                ORDER BY ended DESC LIMIT ?)"""
        count, begun = self._base.rows(query, (told["id"], LATE))[0]
        until = told["ended"] or self._clock()
        return Job(**told, rate=count / (until - begun) if count and until > begun else None)


def _item(row: Any) -> Item:
    number, name, image, sample, state, files, fault = row
    return Item(
        number=number,
        source=Source(name=name, image=image, sample=sample),
        state=state,
        files=json.loads(files),
        fault=fault,
    )
