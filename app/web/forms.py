"""Multipart forms for scripts: one picture, and the fields of one layer as text."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from app.engine.errors import EngineError, NetworkError
from app.service.errors import MalformedBody
from app.settings import Settings
from app.web import multipart, strict_json
from app.web.bodies import invalid
from app.web.problems import Problem, pointer
from app.web.wording import PLAIN_NAME

MULTIPART = "multipart/form-data"
MAX_FIELDS = 64
NUMBER_OR_BRACKET = re.compile(r"\s*[-+\d\[{\"]")

# Where each field of the form stands in the network spec.
INPUT_FIELDS = {name: ("input", name) for name in ("color", "range", "max_side")}
CONV_FIELDS = {
    name: ("layers", 0, name)
    for name in (
        "kernel",
        "bias",
        "stride",
        "padding",
        "padding_mode",
        "dilation",
        "groups",
        "flip",
    )
}
RENDER_FIELDS = {
    name: ("render", name)
    for name in ("colormap", "scale", "center", "clip", "columns", "overlay", "legend")
}
CONVOLVE_FIELDS = {"dtype": ("dtype",), **INPUT_FIELDS, **CONV_FIELDS, **RENDER_FIELDS}
GRADIENT_FIELDS = {"loss": ("loss",), **CONVOLVE_FIELDS}

Place = tuple[str | int, ...]


def meanings(places: Mapping[str, Place]) -> dict[str, str]:
    """Return what each field means: which member of the JSON routes it is."""
    return {
        name: f"As {pointer(place)} of POST /forward, in JSON; a word may stand without quotes."
        for name, place in places.items()
    }


async def read_picture_form(request: Request) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of the file `image` and the text fields.

    Raises:
        Problem: 415, not multipart; 400, cut or not of these parts.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MULTIPART:
        raise Problem(415, f"This address reads {MULTIPART}.", accepted=[MULTIPART])
    form = await multipart.read_form(request, max_files=1, max_fields=MAX_FIELDS)
    try:
        return await _parts(form)
    finally:
        await form.close()


async def _parts(form: FormData) -> tuple[bytes, dict[str, str]]:
    image = b""
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "image":
                raise Problem(400, "The file of the form must be the field image.")
            image = await value.read()
        elif name in fields:
            raise Problem(400, "The form holds the same field twice.")
        else:
            fields[name] = value
    if not image:
        raise Problem(400, "The form needs a file in the field image, and it must not be empty.")
    return image, fields


def request_of(
    fields: Mapping[str, str], places: Mapping[str, Place], settings: Settings
) -> dict[str, Any]:
    """Return the text fields as the JSON request that says the same.

    Raises:
        Problem: 422, a field is unknown or its text is no JSON.
    """
    spec: dict[str, Any] = {"input": {}, "layers": [{"type": "conv2d"}]}
    errors = []
    for name, text in fields.items():
        if name not in places:
            known = ", ".join(("image", *places))
            where = pointer((name,)) if PLAIN_NAME.match(name) else ""
            errors.append({"pointer": where, "detail": f"Unknown field; legal are {known}."})
            continue
        try:
            _put(spec, places[name], _value(name, text, settings.json_depth))
        except MalformedBody as error:
            errors.append({"pointer": pointer((name,)), "detail": error.message})
    if errors:
        raise invalid(errors)
    return spec


def _value(name: str, text: str, max_depth: int) -> Any:
    """Return the value of a field: JSON, or a bare word for what JSON would need quotes."""
    if not _is_word(text):
        return strict_json.parse(text.encode(), max_depth, f"field {name}")
    if name == "kernel":
        return {"preset": text}
    return {"type": text} if name == "loss" else text


def _is_word(text: str) -> bool:
    return text not in ("true", "false", "null") and not NUMBER_OR_BRACKET.match(text)


def _put(spec: dict[Any, Any], place: Place, value: Any) -> None:
    at: Any = spec
    for part in place[:-1]:
        at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
    at[place[-1]] = value


@contextmanager
def told_in_form(places: Mapping[str, Place], fields: Mapping[str, str]) -> Iterator[None]:
    """Let errors inside the block point into the form instead of the spec made of it.

    Args:
        places: Where each field stands in the spec.
        fields: The text fields. A word is pointed at as a whole: the object that was made of it
            is nothing that its writer knows.
    """

    def place_in_form(path: Place) -> Place:
        found = _place_in_form(path, places)
        word = any(_is_word(fields.get(str(name), "null")) for name in found[:1])
        return found[:1] if word else found

    try:
        yield
    except Problem as problem:
        if not problem.errors:
            raise
        told = [
            {**error, "pointer": pointer(place_in_form(_path(error["pointer"])))}
            for error in problem.errors
        ]
        raise invalid(told) from None
    except EngineError as error:
        found = error.errors if isinstance(error, NetworkError) else (error,)
        raise NetworkError([one.at(place_in_form(one.path)) for one in found]) from None


def _path(json_pointer: str) -> Place:
    parts = json_pointer.split("/")[1:]
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _place_in_form(path: Place, places: Mapping[str, Place]) -> Place:
    """Return where a path of the spec stands in the form."""
    for name, place in places.items():
        if path[: len(place)] == place:
            return (name, *path[len(place) :])
    return ("image",) if path == ("input",) else path
