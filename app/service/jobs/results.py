"""The results of a job as one archive, made while it is sent."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from app.service.errors import NotFound
from app.service.jobs.job import Item, Job
from app.service.jobs.store import JobStore

PIECE = 1 << 18


class _Outlet:
    """Takes the bytes of an archive and gives them away; it cannot go back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """There is nothing behind this to flush to."""

    def taken(self) -> bytes:
        content = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return content


def archive(jobs: JobStore, job: Job, told: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield a zip of all files of a job and of `manifest.json`; only a piece of it is in memory.

    Args:
        jobs: where the files are.
        job: one that has ended.
        told: what the manifest says of the job.

    Raises:
        NotFound: the job has been removed meanwhile.
    """
    items = jobs.items(job.id)
    if len(items) < job.total:
        raise _removed()
    moment = datetime.fromtimestamp(job.ended or job.created, UTC).timetuple()[:6]
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w") as made:  # type: ignore[call-overload]
        entry = zipfile.ZipInfo("manifest.json", moment)
        entry.compress_type = zipfile.ZIP_DEFLATED
        made.writestr(entry, _manifest(told, items))
        for item in items:
            for ending in item.files:
                entry = zipfile.ZipInfo(f"{item.source.name}{ending}", moment)
                # Numbers hardly become smaller, and pictures are compressed already.
                path = jobs.path(job.id, item.number, ending)
                yield from _copied(path, made, entry, outlet)
    yield outlet.taken()


def _copied(
    path: Path, made: zipfile.ZipFile, entry: zipfile.ZipInfo, outlet: _Outlet
) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise _removed() from None
    with file:
        entry.file_size = os.fstat(file.fileno()).st_size  # beyond 2 GiB the headers are others
        yield from _written(file, made, entry, outlet)


def _written(
    file: IO[bytes], made: zipfile.ZipFile, entry: zipfile.ZipInfo, outlet: _Outlet
) -> Iterator[bytes]:
    with made.open(entry, "w") as member:
        while piece := file.read(PIECE):
            member.write(piece)
            if outlet.size >= PIECE:
                yield outlet.taken()


def _removed() -> NotFound:
    return NotFound("The job was removed while its results were sent.")


def _manifest(told: Mapping[str, Any], items: Sequence[Item]) -> str:
    pictures = [
        {
            "name": item.source.name,
            "image": item.source.image,
            "sample": item.source.sample,
            "state": item.state,
            "files": {f"{item.source.name}{ending}": size for ending, size in item.files.items()},
            "fault": item.fault,
        }
        for item in items
    ]
    return json.dumps({**told, "pictures": pictures}, indent=1)
