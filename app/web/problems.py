"""Every error of every route as `application/problem+json` (RFC 9457): the one place of statuses.

Routes never catch: the engine, the imaging and the service raise their own errors, and this
module alone knows which status each of them is.
"""

from __future__ import annotations

import http
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Scope

from app.engine.errors import EngineError, NetworkError, as_sentence
from app.imaging.errors import NotAPicture, PictureError, PictureTooLarge
from app.service.errors import (
    ClientGone,
    InUse,
    LimitExceeded,
    MalformedBody,
    NotFound,
    Overloaded,
    OverQuota,
    ServiceError,
    StoreFull,
    TooMuchWork,
)

MEDIA_TYPE = "application/problem+json"
LONGEST_INSTANCE = 200

_DETAILS = {
    400: "The request could not be read as HTTP with a body of the declared type.",
    404: "There is nothing at this address.",
    405: "This address does not answer to that method; the Allow header lists those it does.",
    500: "The server failed in a way it did not foresee; its log has the request_id.",
}


# Where the framework's own sentence says too little.
_REPHRASED = {
    "There was an error parsing the body": _DETAILS[400],
    "Invalid multipart data.": "The multipart body is not what its type and boundary announce.",
}


class Problem(Exception):
    """A problem that the web layer itself finds.

    Args:
        status: the HTTP status.
        detail: sentences with the offending numbers and what would be legal.
        errors: what is wrong where, each with `pointer` (RFC 6901) and `detail`.
        headers: headers of the answer.
        reason: why, in one word, for those who run the server; the status' phrase when absent.
        members: further members of the problem, such as `limit` and `actual`.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        reason: str = "",
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.reason = reason or http.HTTPStatus(status).phrase.replace(" ", "")
        self.members = members


def pointer(path: Sequence[str | int]) -> str:
    """Write a path into the request as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def fault(error: EngineError, *prefix: str | int) -> dict[str, Any]:
    """Return what is wrong and where, with its numbers for those who word it anew."""
    told: dict[str, Any] = {"pointer": pointer((*prefix, *error.path)), "detail": error.message}
    return told if error.misfit is None else told | {"misfit": asdict(error.misfit)}


def in_place(error: Mapping[str, Any]) -> str:
    """Return what is wrong and where, in words; the body itself needs no place."""
    return f"At {error['pointer']}: {error['detail']}" if error["pointer"] else error["detail"]


def problem_response(scope: Scope, problem: Problem) -> Response:
    """Build the answer that tells `problem`, for the request of `scope`."""
    scope["state"]["refused"] = problem.reason
    path = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": _reference(path),
        "request_id": scope["state"]["request_id"],
        **problem.members,
    }
    if problem.errors:
        body["errors"] = problem.errors
    # ASCII escapes survive every client, and a lone surrogate too.
    return Response(
        json.dumps(body, allow_nan=False),
        status_code=problem.status,
        headers={"Cache-Control": "no-store", **problem.headers},
        media_type=MEDIA_TYPE,
    )


def _reference(path: bytes) -> str:
    """Return the start of a path as a URI reference, whatever stands in it."""
    legal = quote(path, safe="/%:@!$&'()*+,;=")
    escaped = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", legal)
    return re.sub(r"%.?\Z", "", escaped[:LONGEST_INSTANCE])


def _from_engine(error: EngineError) -> Problem:
    found = error.errors if isinstance(error, NetworkError) else (error,)
    return Problem(422, error.message, errors=[fault(one) for one in found])


def _from_picture(error: PictureError) -> Problem:
    if isinstance(error, NotAPicture):
        return Problem(415, error.message, accepted=list(error.accepted))
    if isinstance(error, PictureTooLarge):
        return Problem(422, error.message, limit=error.limit, actual=error.actual)
    return Problem(422, error.message)


def from_service(error: ServiceError) -> Problem:
    """Return the problem that tells what a use case ran into."""
    return _because_of(error, _from_service(error))


def _from_service(error: ServiceError) -> Problem:
    if isinstance(error, Overloaded):
        retry = {"Retry-After": str(error.retry_after)}
        return Problem(503, error.message, headers=retry)
    if isinstance(error, OverQuota):
        retry = {"Retry-After": str(error.retry_after)}
        return Problem(429, error.message, headers=retry, limit=error.limit, actual=error.actual)
    if isinstance(error, LimitExceeded):
        where = {"pointer": pointer(error.path), "detail": error.message}
        return Problem(422, error.message, errors=[where], limit=error.limit, actual=error.actual)
    if isinstance(error, TooMuchWork):
        return Problem(422, error.message, estimated=error.estimated, limit=error.limit)
    # Nobody reads the answer to a client that has left; its status is for the log.
    statuses = {NotFound: 404, InUse: 409, StoreFull: 507, MalformedBody: 400, ClientGone: 503}
    return Problem(statuses[type(error)], error.message)


def _allowed(request: Request, first: str) -> str:
    """Return all methods of an address; the framework tells those of the first route alone.

    Args:
        request: A request with another method.
        first: What the framework tells.
    """
    methods = set(first.split(", "))
    for template, operations in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.scope["path"]):
            methods |= {method.upper() for method in operations}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def _from_framework(error: HTTPException) -> Problem:
    phrase = http.HTTPStatus(error.status_code).phrase
    if error.detail == phrase:
        told = _DETAILS.get(error.status_code, f"{phrase}.")
    else:
        told = as_sentence(_REPHRASED.get(error.detail, error.detail))
    return Problem(error.status_code, told, headers=error.headers)


def _from_validation(error: RequestValidationError) -> Problem:
    errors = []
    for one in error.errors():
        place, *path = one["loc"]
        # A pointer points into the body; a query or path parameter has its place for a root.
        where = path if place == "body" else [place, *path]
        errors.append({"pointer": pointer(where), "detail": as_sentence(one["msg"])})
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return Problem(400, "The body is not valid JSON.", errors=errors)
    first = errors[0]
    return Problem(422, in_place(first), errors=errors)


def _because_of(error: Exception, problem: Problem) -> Problem:
    problem.reason = type(error).__name__
    return problem


def unforeseen() -> Problem:
    """Return the problem of a failure that nobody foresaw; it tells nothing of the failure."""
    return Problem(500, _DETAILS[500])


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare, for OpenAPI, problems that a route can answer besides those of every route."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": http.HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in sorted({400, 401, 403, 500, 503, *statuses})
    }


def install(app: FastAPI) -> None:
    """Make `app` answer each error, its framework's own included, as a problem."""

    @app.exception_handler(Problem)
    async def from_problem(request: Request, error: Problem) -> Response:
        return problem_response(request.scope, error)

    @app.exception_handler(EngineError)
    async def from_engine(request: Request, error: EngineError) -> Response:
        return problem_response(request.scope, _because_of(error, _from_engine(error)))

    @app.exception_handler(PictureError)
    async def from_picture(request: Request, error: PictureError) -> Response:
        return problem_response(request.scope, _because_of(error, _from_picture(error)))

    @app.exception_handler(ServiceError)
    async def from_use_case(request: Request, error: ServiceError) -> Response:
        return problem_response(request.scope, from_service(error))

    @app.exception_handler(HTTPException)
    async def from_framework(request: Request, error: HTTPException) -> Response:
        problem = _from_framework(error)
        if "Allow" in problem.headers:
            problem.headers["Allow"] = _allowed(request, problem.headers["Allow"])
        return problem_response(request.scope, problem)

    @app.exception_handler(ClientDisconnect)
    async def from_leaving(request: Request, error: ClientDisconnect) -> Response:
        # Nobody reads this; without it the log would call it a failure of the server.
        return problem_response(request.scope, Problem(400, "The client left while sending."))

    @app.exception_handler(RequestValidationError)
    async def from_validation(request: Request, error: RequestValidationError) -> Response:
        return problem_response(request.scope, _from_validation(error))
