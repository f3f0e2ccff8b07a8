"""Static files held in memory, each compressed once: a page asks for a hundred of them at once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# A path that names the content never means another one.
FOR_GOOD = "private, max-age=31536000, immutable"
# Below this, what names the coding costs more than it saves.
LEAST_BYTES = 500
TEXT = ("text/", "image/svg", "application/json")


def version_of(directory: Path) -> str:
    """Digest of every file in `directory`, so that a change of one changes the paths of all.

    Modules import one another by relative paths; one version for all keeps them together.
    """
    digest = hashlib.sha256()
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(directory).as_posix().encode() + b"\0")
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class Asset(NamedTuple):
    """A file as it is, compressed where that pays, and its headers."""

    plain: bytes
    packed: bytes | None
    headers: dict[str, str]


class StaticAssets:
    """Answers for the files of a directory at paths that begin with its version.

    A name is looked up among those of the files, so that no path leads out of the directory.

    Args:
        directory: Where the files are.
        version: What the paths begin with.
    """

    def __init__(self, directory: Path, version: str) -> None:
        self.directory = directory
        self.version = version
        self._names = frozenset(
            file.relative_to(directory).as_posix()
            for file in directory.rglob("*")
            if file.is_file()
        )
        self._held: dict[str, Asset] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self._answer(scope)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        """Return the answer to a request.

        Raises:
            HTTPException: 405 for other methods than GET; 404 for another version than this
                server's, and for a name that is none.
        """
        if scope["method"] != "GET":
            raise HTTPException(405, headers={"Allow": "GET"})
        path = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        version, _, name = path.partition("/")
        if version != self.version or name not in self._names:
            raise HTTPException(404)
        asked = Headers(scope=scope)
        if name not in self._held:
            # The largest takes 80 ms to compress.
            self._held[name] = await anyio.to_thread.run_sync(self._read, name)
        plain, packed, fixed = self._held[name]
        if fixed["ETag"] in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=fixed)
        if packed is not None and "gzip" in asked.get("accept-encoding", ""):
            content, coded = packed, {"Content-Encoding": "gzip"}
        else:
            content, coded = plain, {}
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(content, headers=fixed | coded, media_type=kind)

    def _read(self, name: str) -> Asset:
        plain = (self.directory / name).read_bytes()
        kind = mimetypes.guess_type(name)[0] or ""
        pays = len(plain) >= LEAST_BYTES and kind.startswith(TEXT)
        headers = {
            "ETag": f'"{self.version}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"',
            "Cache-Control": FOR_GOOD,
            "Vary": "Accept-Encoding",
        }
        return Asset(plain, gzip.compress(plain, 9, mtime=0) if pays else None, headers)
