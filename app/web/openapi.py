"""The API's description: FastAPI's, with the problems that are really answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.web import describing
from app.web.problems import documented

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, by RFC 9457.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {
            "type": "string",
            "description": "One sentence with the offending numbers and what would be legal.",
        },
        "instance": {"type": "string", "format": "uri-reference"},
        "request_id": {"type": "string", "description": "Also in the header X-Request-ID."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer (RFC 6901) into the body; "
                        "below /query or /path for what stands in the address.",
                    },
                    "detail": {"type": "string"},
                    "misfit": {"$ref": "#/components/schemas/MisfitAnswer"},
                },
            },
        },
        "limit": {"type": "number", "description": "The limit in force."},
        "actual": {"type": "number", "description": "What the request asks for."},
        "estimated": {"type": "number", "description": "What the work would need."},
        "accepted": {"type": "array", "items": {"type": "string"}},
        "available": {"type": "array", "items": {"type": "string"}},
    },
}


def install(app: FastAPI) -> None:
    """Make `app` describe its errors as the problems they are."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            _tell_problems(description)
            app.openapi_schema = description
        return app.openapi_schema

    # FastAPI documents this very assignment as the way to extend its description.
    app.openapi = describe  # type: ignore[method-assign]


def _tell_problems(description: dict[str, Any]) -> None:
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    schemas.update(describing.components())
    for operation in _operations(description):
        responses = operation["responses"]
        # FastAPI's own 422 is never sent: a problem is.
        if "application/json" in responses.get("422", {}).get("content", {}):
            del responses["422"]
            responses.update({str(key): value for key, value in documented(422).items()})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in description["paths"].values():
        yield from (operation for operation in path.values() if "responses" in operation)
