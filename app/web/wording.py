"""Faults of a request in the words of its fields: what a place takes, and what stands there.

Pydantic's own messages speak of its types. Here each fault is told from the field's description
in the API's schema, so that what a client reads in OpenAPI and what it is told are one.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from app.web.arrays import LARGEST, kind_of
from app.web.problems import pointer

PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
NO_OBJECT = ("model_type", "model_attributes_type")
NO_TYPE = ("union_tag_invalid", "union_tag_not_found")

Schema = Mapping[str, Any]
Location = Sequence[str | int]


def located(model: type[BaseModel], error: ErrorDetails, body: object) -> dict[str, str]:
    """Return pydantic's error as a JSON pointer into the body and a sentence.

    Args:
        model: What the body was validated against.
        error: The error.
        body: The body.
    """
    place = _place(model, error["loc"])
    return {"pointer": pointer(_path(error, body)), "detail": _sentence(error, place)}


def _path(error: ErrorDetails, body: Any) -> list[str | int]:
    path: list[str | int] = []
    at = body
    # Pydantic's location also names branches of unions; only what the body holds is a place.
    for part in error["loc"]:
        inside = (isinstance(at, dict) and part in at) or (
            isinstance(at, list) and isinstance(part, int) and part < len(at)
        )
        if inside:
            at = at[part]
            path.append(part)
    kind, last = error["type"], error["loc"][-1] if error["loc"] else ""
    if kind == "missing":
        path.append(last)
    elif kind == "extra_forbidden" and not PLAIN_NAME.match(str(last)):
        path = path[:-1]
    elif kind in NO_TYPE:
        path.append("type")
    return [*path, *error.get("ctx", {}).get("path", ())]


def _sentence(error: ErrorDetails, place: "_Place") -> str:
    """Return what is wrong and what would be legal; only numbers are quoted."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value":
        return error["msg"]
    if kind == "missing":
        return f"This field is required: {place.expected}."
    if kind == "extra_forbidden":
        return f"There is no such field here; legal are {', '.join(place.above)}."
    if kind in NO_TYPE:
        return f"The type is missing or unknown; legal are {', '.join(place.types)}."
    value: Any = error["input"]
    for part in context.get("path", ()):
        value = value[part]
    found = context.get("found") or _found(kind, value)
    expected = place.object_expected if kind in NO_OBJECT else place.expected
    here = "this entry" if place.is_entry or context.get("path") else "this"
    return f"Expected {expected}, but {here} is {found}."


def _found(kind: str, value: object) -> str:
    """Return what stands there: a number itself, the kind of anything else."""
    if kind == "literal_error" and isinstance(value, str):
        return "none of them"
    if kind == "string_too_long":
        return "a longer one"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= LARGEST else "an integer far beyond that"
    if isinstance(value, float):
        return f"the decimal number {value!r}" if math.isfinite(value) else "no finite number"
    if isinstance(value, list):
        return {0: "an empty list", 1: "a list of 1 entry"}.get(
            len(value), f"a list of {len(value)} entries"
        )
    return kind_of(value)


@dataclass(frozen=True)
class _Place:
    """A place in a request, as the schema describes it.

    Attributes:
        schemas: What may stand there, references followed.
        described: The same in words; nothing for an object whose fields say enough.
        above: The fields of the object it stands in.
        is_entry: Whether it is an entry of the list that is described.
    """

    schemas: tuple[Schema, ...]
    described: str = ""
    above: tuple[str, ...] = ()
    is_entry: bool = False

    @property
    def expected(self) -> str:
        """Return what may stand there, in words."""
        return self.described or self.object_expected

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields of the object that may stand there."""
        found = [name for one in self.schemas for name in one.get("properties", ())]
        return tuple(dict.fromkeys(found))

    @property
    def types(self) -> tuple[str, ...]:
        """Return the types among which the object's field `type` chooses."""
        return tuple(name for one in self.schemas for name in one.get("mapping", ()))

    @property
    def object_expected(self) -> str:
        """Return which object may stand there, in words."""
        if self.types:
            return "an object with the field type and the fields of that type"
        return f"an object with the fields {', '.join(self.fields)}"


def _place(model: type[BaseModel], location: Location) -> _Place:
    """Return what the schema says of a place that pydantic names."""
    definitions, root = _schema(model)
    here = _Place(tuple(_alternatives(root, definitions)))
    for part in location:
        here = _step(here, part, definitions)
    return here


@cache
def _schema(model: type[BaseModel]) -> tuple[Schema, Schema]:
    schema = model.model_json_schema()
    return schema.get("$defs", {}), schema


def _step(here: _Place, part: str | int, definitions: Schema) -> _Place:
    """Return the place one step further in; a branch of a union is no step."""
    for one in here.schemas:
        if part in one.get("mapping", ()):
            return _Place(tuple(_alternatives({"$ref": one["mapping"][part]}, definitions)))
    key = "items" if isinstance(part, int) else "properties"
    inside = [one[key] for one in here.schemas if key in one]
    if key == "properties":
        inside = [one[part] for one in inside if part in one]
    if not inside:
        # A branch's name, or a field that the API does not know.
        return _Place(here.schemas, here.described, here.fields)
    schemas = tuple(found for one in inside for found in _alternatives(one, definitions))
    described = next((one["description"] for one in (*inside, *schemas) if _describes(one)), "")
    own = " or ".join(dict.fromkeys(filter(None, map(_in_words, schemas))))
    if key == "items" and not described:
        return _Place(schemas, here.described, is_entry=True)
    return _Place(schemas, described or own)


def _describes(schema: Schema) -> bool:
    # A model's description is a sentence of documentation; a field's can follow "Expected".
    return "description" in schema and schema.get("type") != "object"


def _alternatives(schema: Schema, definitions: Schema) -> list[Schema]:
    """Return what a schema lets stand there, references followed and unions opened."""
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "discriminator" in schema:
        return [schema["discriminator"]]
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return [found for one in branches for found in _alternatives(one, definitions)]
    return [schema]


def _in_words(schema: Schema) -> str:
    """Return what a schema lets stand there in words; nothing for null and for what has parts."""
    words = [schema["const"]] if "const" in schema else schema.get("enum")
    if words:
        return f"one of {', '.join(words)}"
    kind = schema.get("type", "")
    if kind in ("integer", "number"):
        what = {"integer": "an integer", "number": "a finite number"}[kind]
        return what + _range_in_words(schema)
    most = schema.get("maxLength")
    kinds = {"boolean": "true or false", "string": f"a string of at most {most} characters"}
    return kinds.get(kind, "")


def _range_in_words(schema: Schema) -> str:
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']:g} and at most {int(schema['maximum'])}"
    if "minimum" not in schema:
        return ""
    if schema["maximum"] == LARGEST:
        return f" ≥ {schema['minimum']}"
    return f" from {schema['minimum']} to {schema['maximum']}"
