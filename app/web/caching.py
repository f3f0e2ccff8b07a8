"""Content that its address determines: ETag and If-None-Match."""

from __future__ import annotations

import hashlib

from fastapi import Request
from starlette.responses import Response

# The content never changes under its address, but it may be deleted: ask each time.
REVALIDATE = "private, no-cache"


def tag(*parts: object) -> str:
    """Return the ETag of what `parts` determine."""
    joined = "\0".join(str(part) for part in parts).encode()
    return f'"{hashlib.sha256(joined).hexdigest()[:32]}"'


def not_modified(request: Request, etag: str) -> Response | None:
    """Return the answer 304 if the client has the content of `etag`, else None."""
    given = request.headers.get("if-none-match", "")
    known = {part.strip().removeprefix("W/") for part in given.split(",")}
    if etag not in known and "*" not in known:
        return None
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": REVALIDATE})


def cached(response: Response, etag: str) -> Response:
    """Mark `response` as the content of `etag`."""
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = REVALIDATE
    return response
