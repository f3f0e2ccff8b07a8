"""The one SQLite database beside the files of a store, shared by threads and by processes."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.service.errors import StoreFull

BUSY_SECONDS = 10
FULL = "The disk of the server is full; nothing was kept."


class Database:
    """One connection, held by one thread at a time; a commit survives a kill and a power cut.

    Args:
        path: its file; made when absent.
        schema: statements that make what is missing.

    Raises:
        OSError: the file is no database, or cannot be written to.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS
        )
        weakref.finalize(self, self._connection.close)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(schema)
        except sqlite3.DatabaseError as error:
            raise OSError(errno.EIO, f"{path.name}: {error}") from error

    def extend(self, schema: str) -> None:
        """Make the tables of `schema` where they are missing."""
        with self.lock:
            self._connection.executescript(schema)

    def execute(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; the caller holds the lock, or a transaction."""
        return self._connection.execute(query, values)

    def execute_many(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement with each row of values, within a transaction."""
        self._connection.executemany(query, rows)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return what a query finds."""
        with self.lock:
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the database against other threads and other processes.

        Raises:
            StoreFull: the disk has no room for what changes.
        """
        with self.lock, full_disk_told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


@contextlib.contextmanager
def full_disk_told() -> Iterator[None]:
    """Turn what a full disk raises into StoreFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise StoreFull(FULL) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise StoreFull(FULL) from error


def write_synced(path: Path, content: bytes) -> None:
    """Write a file that survives a power cut once its name does; on failure there is none."""
    try:
        with open(path, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def sync_directory(directory: Path) -> None:
    """Make a rename in `directory` survive a power cut, where directories can be opened."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
