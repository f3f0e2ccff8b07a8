"""What a folder of results already holds, for --resume."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.cli.files import not_written

LOG = ".convscope-finished.jsonl"


def digest(value: bytes | Mapping[str, Any]) -> str:
    """Return the SHA-256 of bytes, or of a JSON value."""
    if not isinstance(value, bytes):
        value = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(value).hexdigest()


class Finished:
    """The log of a folder of results: one line for each finished picture, the last one counts.

    A line is written only after the files that it tells of are in place. What a kill leaves of a
    line is passed over.

    Args:
        folder: Where the results are.
        request: Digest of everything that was asked of each picture.
    """

    def __init__(self, folder: Path, request: str) -> None:
        self._folder = folder
        self._request = request
        self._path = folder / LOG
        self._entries: dict[str, Any] = {}
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            self._entries[entry["name"]] = entry
        except (ValueError, LookupError, TypeError):
            return

    def holds(self, name: str, content: str) -> bool:
        """Return whether the results of a picture are there and of this content and request.

        Args:
            name: What the results are called.
            content: Digest of the picture's file.
        """
        entry = self._entries.get(name, {})
        if (entry.get("content"), entry.get("request")) != (content, self._request):
            return False
        files: dict[str, int] = entry["files"]
        paths = {self._folder / file: size for file, size in files.items()}
        return all(path.is_file() and path.stat().st_size == size for path, size in paths.items())

    def add(self, name: str, content: str, files: Sequence[Path]) -> None:
        """Note that the results of a picture are in place.

        Raises:
            CommandError: The log cannot be written.
        """
        sizes = {file.relative_to(self._folder).as_posix(): file.stat().st_size for file in files}
        entry = {"name": name, "content": content, "request": self._request, "files": sizes}
        try:
            with open(self._path, "ab") as log:
                # A line that a kill cut off must not swallow this one.
                log.write(b"\n" + json.dumps(entry).encode())
        except OSError as error:
            raise not_written(self._path, error) from error
