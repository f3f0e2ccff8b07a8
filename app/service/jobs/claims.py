"""Who computes which picture of a job: claims that last as long as their leases are renewed."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.service.database import full_disk_told, sync_directory, write_synced
from app.service.jobs.job import Claim, Source
from app.service.store import ImageStore

# A picture that was begun so often and never ended is taken to kill whoever computes it.
MOST_ATTEMPTS = 3
FATAL = f"The server ended {MOST_ATTEMPTS} times while it computed this picture."


class Claims:
    """The pictures that are to be computed; several processes may share them.

    Args:
        images: the store whose database holds the jobs.
        directory: the store's own.
        lease_seconds: how long a claim lasts unless it is renewed.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        images: ImageStore,
        directory: Path,
        *,
        lease_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lease_seconds = lease_seconds
        self._images = images
        self._base = images.index
        self._results = directory / "results"
        self._arriving = directory / "arriving"
        self._clock = clock

    def claim(self, owner: str) -> Claim | None:
        """Return a picture that nobody else computes from now on, or None; jobs take turns.

        Args:
            owner: who will compute it.
        """
        if not self._base.rows("SELECT 1 FROM jobs WHERE ended IS NULL LIMIT 1"):
            return None
        with full_disk_told(), self._base.transaction():
            now = self._clock()
            self._take_back(now)
            query = """
                SELECT id FROM jobs WHERE ended IS NULL AND EXISTS
                    (SELECT 1 FROM items WHERE job = jobs.id AND items.state = 'waiting')
                ORDER BY served, created LIMIT 1"""
            found = self._base.execute(query).fetchone()
            if found is None:
                return None
            (job_id,) = found
            query = """
                SELECT number, name, image, sample FROM items
                WHERE job = ? AND state = 'waiting' ORDER BY number LIMIT 1"""
            number, name, image, sample = self._base.execute(query, (job_id,)).fetchone()
            self._base.execute(
                "UPDATE items SET state = 'running', owner = ?, lease = ?, begun = ?,"
                " attempts = attempts + 1 WHERE job = ? AND number = ?",
                (owner, now + self.lease_seconds, now, job_id, number),
            )
            self._base.execute(
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?), served = ?,"
                " version = version + 1 WHERE id = ?",
                (now, now, job_id),
            )
        return Claim(job_id, number, Source(name=name, image=image, sample=sample), owner)

    def _take_back(self, now: float) -> None:
        """Let others compute what those have claimed who are dead."""
        query = "SELECT job, number, attempts FROM items WHERE state = 'running' AND lease < ?"
        for job_id, number, attempts in self._base.execute(query, (now,)).fetchall():
            if attempts < MOST_ATTEMPTS:
                self._base.execute(
                    "UPDATE items SET state = 'waiting', owner = NULL WHERE job = ? AND number = ?",
                    (job_id, number),
                )
            else:
                self._end(job_id, number, {}, FATAL)

    def renew(self, owner: str, claims: list[Claim]) -> set[Claim]:
        """Renew the leases of claims; return those that still hold."""
        until = self._clock() + self.lease_seconds
        query = (
            "UPDATE items SET lease = ?"
            " WHERE job = ? AND number = ? AND owner = ? AND state = 'running'"
        )
        with self._base.transaction():
            return {
                one
                for one in claims
                if self._base.execute(query, (until, one.job, one.number, owner)).rowcount
            }

    def finish(self, claim: Claim, files: Mapping[str, bytes]) -> bool:
        """Keep the files of a picture that is done; return whether it was still its owner's to do.

        Args:
            claim: the picture.
            files: contents, by what the names end with.

        Raises:
            StoreFull: the disk has no room.
        """
        sizes = {ending: len(content) for ending, content in files.items()}
        folder = self._results / claim.job
        with (
            full_disk_told(),
            self._written(claim, files) as arrived,
            self._base.transaction(),
        ):
            if not self._holds(claim):
                return False
            if not folder.is_dir():
                folder.mkdir()
                sync_directory(self._results)
            for ending, path in arrived.items():
                path.rename(folder / f"{claim.number}{ending}")
            sync_directory(folder)
            self._end(claim.job, claim.number, sizes, None)
        return True

    def fail(self, claim: Claim, fault: str) -> bool:
        """Note why a picture cannot be done; return whether it was still its owner's to do."""
        with full_disk_told(), self._base.transaction():
            if not self._holds(claim):
                return False
            self._end(claim.job, claim.number, {}, fault)
        return True

    def give_back(self, claims: list[Claim]) -> None:
        """Let others compute these pictures, which were not even tried."""
        query = (
            "UPDATE items SET state = 'waiting', owner = NULL, attempts = attempts - 1"
            " WHERE job = ? AND number = ? AND owner = ? AND state = 'running'"
        )
        with self._base.transaction():
            for one in claims:
                self._base.execute(query, (one.job, one.number, one.owner))

    def _holds(self, claim: Claim) -> bool:
        query = (
            "SELECT 1 FROM items WHERE job = ? AND number = ? AND owner = ? AND state = 'running'"
        )
        values = (claim.job, claim.number, claim.owner)
        return self._base.execute(query, values).fetchone() is not None

    def _end(self, job_id: str, number: int, sizes: Mapping[str, int], fault: str | None) -> None:
        """Mark a picture as done or failed, and its job as done when it was the last one."""
        now = self._clock()
        state = "done" if fault is None else "failed"
        self._base.execute(
            "UPDATE items SET state = ?, ended = ?, owner = NULL, files = ?, fault = ?"
            " WHERE job = ? AND number = ?",
            (state, now, json.dumps(sizes), fault, job_id, number),
        )
        self._base.execute(
            "UPDATE jobs SET done = done + ?, failed = failed + ?, bytes = bytes + ?,"
            " version = version + 1 WHERE id = ?",
            (fault is None, fault is not None, sum(sizes.values()), job_id),
        )
        ended = self._base.execute(
            "UPDATE jobs SET state = 'done', ended = ?"
            " WHERE id = ? AND ended IS NULL AND done + failed = total",
            (now, job_id),
        )
        if ended.rowcount:
            self._images.unpin(job_id)

    @contextlib.contextmanager
    def _written(self, claim: Claim, files: Mapping[str, bytes]) -> Iterator[dict[str, Path]]:
        """Write files aside; what is still there afterwards is deleted."""
        arrived: dict[str, Path] = {}
        try:
            for ending, content in files.items():
                path = self._arriving / f"{claim.job}.{claim.number}.{claim.owner}{ending}"
                arrived[ending] = path
                write_synced(path, content)
            yield arrived
        finally:
            for path in arrived.values():
                path.unlink(missing_ok=True)
