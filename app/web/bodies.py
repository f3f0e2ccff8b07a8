"""Request bodies: read, parsed strictly, and validated with every fault pointed at."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from app.service.budget import refuse_too_many_layers
from app.service.slots import Slots
from app.settings import Settings
from app.web import strict_json, tensors
from app.web.arrays import ArrayContext
from app.web.negotiation import JSON, SAFETENSORS
from app.web.problems import Problem, in_place
from app.web.wording import located

Model = TypeVar("Model", bound=BaseModel)

# Parsing less than this takes less time than handing it to another thread and back, and no more
# than a few milliseconds of the event loop's, whatever stands in it.
SMALL_BODY = 8 * 1024
MAX_ERRORS = 50


async def read_body(request: Request, model: type[Model], dtype: str | None = None) -> Model:
    """Return the validated body of a request.

    Args:
        request: The request; its body is JSON, or safetensors with the JSON in its metadata.
        model: What the JSON must be.
        dtype: Number format to read arrays in; by default the one that the body asks for.

    Raises:
        Problem: 413 too large, 415 not a type that is read here, 422 not legal.
        MalformedBody: It cannot be parsed.
        Overloaded: Too many large bodies wait to be parsed.
    """
    settings: Settings = request.app.state.settings
    media = media_type(request)
    if media not in (JSON, SAFETENSORS):
        raise Problem(
            415,
            f"This address reads {JSON} and {SAFETENSORS}, said in Content-Type.",
            accepted=[JSON, SAFETENSORS],
        )
    body = await request.body()
    limit = settings.json_bytes if media == JSON else settings.upload_bytes
    if len(body) > limit:
        raise Problem(
            413,
            f"The body has {len(body)} bytes; the limit for {media} is {limit}.",
            limit=limit,
            actual=len(body),
        )

    def parse() -> Model:
        return parsed(body, media, model, settings, dtype)

    reading: Slots = request.app.state.reading
    return parse() if len(body) <= SMALL_BODY else await reading.run(parse)


def parsed(
    body: bytes, media: str, model: type[Model], settings: Settings, dtype: str | None = None
) -> Model:
    """Return a body as a model.

    Args:
        body: The body.
        media: Its type, JSON or safetensors.
        model: What the JSON must be.
        settings: The limits of its nesting.
        dtype: As for `read_body`.

    Raises:
        Problem: 422, it is not legal.
        EngineError: It describes more layers than there may be.
        MalformedBody: It cannot be parsed.
    """
    named: Mapping[str, NDArray[Any]] = {}
    if media == JSON:
        value = strict_json.parse(body, settings.json_depth)
    else:
        value, named = tensors.read(body, settings.json_bytes, settings.json_depth)
    layers = value.get("layers") if isinstance(value, dict) else None
    if isinstance(layers, list):
        # Looking at a million of them one by one would keep everybody else waiting for minutes.
        refuse_too_many_layers(len(layers), settings)
    return validated(model, value, named, dtype)


def media_type(request: Request) -> str:
    """Return the type that a request says its body has, JSON where it says none."""
    return request.headers.get("content-type", JSON).partition(";")[0].strip().lower()


def validated(
    model: type[Model],
    value: Any,
    named: Mapping[str, NDArray[Any]],
    dtype: str | None = None,
) -> Model:
    """Return the JSON value as a model.

    Raises:
        Problem: 422 with a JSON pointer to each fault.
    """
    asked = value.get("dtype") if isinstance(value, dict) else None
    number = dtype or ("float64" if asked == "float64" else "float32")
    try:
        return model.model_validate(value, context=ArrayContext(np.dtype(number), named))
    except ValidationError as error:
        first = error.errors(include_url=False)[:MAX_ERRORS]
        raise invalid([located(model, one, value) for one in first], error.error_count()) from None


def invalid(errors: Sequence[Mapping[str, Any]], count: int = 0) -> Problem:
    """Return the 422 that tells these errors, of which there may be more than are told."""
    first, others = errors[0], max(count, len(errors)) - 1
    more = f" And {others} more." if others else ""
    return Problem(422, f"{in_place(first)}{more}", errors=errors[:MAX_ERRORS])
