"""Multipart bodies that are whole; Starlette takes one that was cut for a shorter one."""

from __future__ import annotations

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData

from app.web.problems import Problem

UTF_8 = b"utf-8"


async def read_form(request: Request, *, max_files: int, max_fields: int) -> FormData:
    """Return the parts of a multipart body, which the caller closes.

    Args:
        request: the request.
        max_files: most parts with a file name.
        max_fields: most parts without one.

    Raises:
        Problem: 400, the body is not multipart/form-data, is said to be in an encoding other than
            UTF-8, or ends before its closing boundary.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Problem(
            400, "A multipart body must be of type multipart/form-data and name its boundary."
        )
    # Starlette decodes names by whatever codec of Python's a client names, some of which fail.
    if options.get(b"charset", UTF_8).lower() != UTF_8:
        raise Problem(400, "A multipart body is read as UTF-8; leave out the charset.")
    body = await request.body()
    if b"--" + boundary + b"--" not in body[-len(boundary) - 1024 :]:
        raise Problem(400, "The multipart body ends before its closing boundary: it was cut.")
    return await request.form(max_files=max_files, max_fields=max_fields)
