"""What OpenAPI says of the routes that read their bodies themselves."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.web import answer_schemas, job_schemas, schemas
from app.web.negotiation import JSON, NPZ, PNG, SAFETENSORS
from app.web.problems import documented

REFERENCE = "#/components/schemas/{model}"
BINARY = {"schema": {"type": "string", "format": "binary"}}

BODIES: tuple[type[BaseModel], ...] = (
    schemas.ForwardBody,
    schemas.BackwardBody,
    schemas.ExplainBody,
    schemas.GradcheckBody,
    schemas.ShapesBody,
    *job_schemas.BODIES,
)
ANSWERS: tuple[type[BaseModel], ...] = (
    answer_schemas.ForwardAnswer,
    answer_schemas.BackwardAnswer,
    answer_schemas.ExplainAnswer,
    answer_schemas.GradcheckAnswer,
    answer_schemas.ShapesAnswer,
    *job_schemas.ANSWERS,
)

EDGES = {"type": "conv2d", "kernel": {"preset": "sobel_x"}, "padding": "same"}
STACK = [
    {
        "type": "conv2d",
        "kernel": {"random": {"filters": 8, "size": [3, 3], "init": "he_normal", "seed": 0}},
        "padding": "same",
    },
    {"type": "relu"},
    {"type": "max_pool2d", "size": 2},
]
CAMERA = {"sample": "camera", "color": "gray", "max_side": 64}
NOTES = {"array": [1, 2, 3, 4, 5]}
MOVING_SUM = {"type": "conv1d", "kernel": [1, 1, 1], "padding": "same"}


@cache
def components() -> dict[str, Any]:
    """Return the schemas of all bodies and answers, by name."""
    wanted = [(model, "validation") for model in (*BODIES, *ANSWERS)]
    _, described = models_json_schema(wanted, ref_template=REFERENCE)  # type: ignore[arg-type]
    definitions: dict[str, Any] = described["$defs"]
    return definitions


def body(model: type[BaseModel], examples: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the description of a route's request body.

    Args:
        model: What the JSON must be.
        examples: Bodies that run, by what they show.
    """
    told = {name: {"summary": name, "value": value} for name, value in examples.items()}
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    return {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": schema, "examples": told}, SAFETENSORS: BINARY},
        }
    }


def answers(model: type[BaseModel], *other_forms: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of every answer of a computing route.

    Args:
        model: What the JSON is.
        other_forms: Media types besides JSON.
    """
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}
    content |= dict.fromkeys(other_forms, BINARY)
    timing = {"description": "Milliseconds per stage.", "schema": {"type": "string"}}
    done = {"description": "Done.", "content": content, "headers": {"Server-Timing": timing}}
    return {200: done, **documented(404, 406, 413, 415, 422)}


def told(model: str) -> dict[str, Any]:
    """Return the description of an answer that is JSON of this model."""
    return {
        "description": "Done.",
        "content": {JSON: {"schema": {"$ref": REFERENCE.format(model=model)}}},
    }


def job_body() -> dict[str, Any]:
    """Return the description of the body of `POST /jobs`: one of several kinds."""
    described = body(job_schemas.ApplyJob, JOB_EXAMPLES)
    content = described["requestBody"]["content"][JSON]
    apply = content["schema"]
    content["schema"] = {
        "oneOf": [apply],
        "discriminator": {"propertyName": "kind", "mapping": {"apply": apply["$ref"]}},
    }
    return described


def form(fields: Mapping[str, str], examples: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the description of a multipart body: the file `image`, and text fields.

    Args:
        fields: What each text field means, by name.
        examples: The text fields of requests that run, by what they show.
    """
    file = {"type": "string", "format": "binary", "minLength": 1}
    properties: dict[str, Any] = {"image": file}
    properties |= {
        name: {"type": "string", "description": meaning} for name, meaning in fields.items()
    }
    schema = {
        "type": "object",
        "required": ["image", "kernel"],
        "properties": properties,
        "additionalProperties": False,
    }
    told = {name: {"summary": name, "value": dict(value)} for name, value in examples.items()}
    return {
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": schema, "examples": told}},
        }
    }


ARRAY_FORMS = (SAFETENSORS, NPZ, PNG)

FORWARD_EXAMPLES: dict[str, dict[str, Any]] = {
    "Edges of a picture": {"input": CAMERA, "layers": [EDGES]},
    "A stack, every layer as thumbnails": {
        "input": CAMERA,
        "layers": STACK,
        "return": {"layers": "all", "max_side": 16, "dtype": "uint8"},
    },
    "The notes' signal": {"input": NOTES, "layers": [MOVING_SUM]},
}
BACKWARD_EXAMPLES: dict[str, dict[str, Any]] = {
    "The notes' gradients": {
        "input": NOTES,
        "layers": [MOVING_SUM],
        "loss": {"type": "sum"},
        "return": {"gradients": ["input", "layers.0.kernel"]},
    },
    "What one unit looks at": {
        "input": CAMERA,
        "layers": STACK,
        "loss": {
            "type": "sum",
            "select": {"layer": 2, "channels": [0], "rows": [8, 9], "cols": [8, 9]},
        },
    },
}
EXPLAIN_EXAMPLES: dict[str, dict[str, Any]] = {
    "One feature": {"input": NOTES, "layers": [MOVING_SUM], "at": {"feature": {"col": 0}}},
    "One kernel element's gradient": {
        "input": NOTES,
        "layers": [MOVING_SUM],
        "at": {"kernel_gradient": {"col": 1}},
    },
}
GRADCHECK_EXAMPLES: dict[str, dict[str, Any]] = {
    "The notes' check": {
        "input": NOTES,
        "layers": [MOVING_SUM],
        "wrt": "input",
        "indices": [[0, 0, 4]],
        "step": 1,
    },
}
SHAPES_EXAMPLES: dict[str, dict[str, Any]] = {
    "A stack on a shape": {"input": {"shape": [1, 3, 224, 224]}, "layers": STACK},
    "An illegal layer": {"input": {"shape": [5, 5]}, "layers": [{**EDGES, "stride": 0}]},
}
JOB_EXAMPLES: dict[str, dict[str, Any]] = {
    "Edges of two pictures, as numbers and drawn": {
        "kind": "apply",
        "name": "edges",
        "images": [{"sample": "camera"}, {"sample": "cat", "name": "a cat"}],
        "input": {"color": "gray", "max_side": 64},
        "layers": [EDGES, {"type": "relu"}],
        "forms": ["npz", "png"],
    },
}
CONVOLVE_EXAMPLES: dict[str, dict[str, str]] = {
    "Sobel, by its numbers": {"kernel": "[[-1,0,1],[-2,0,2],[-1,0,1]]", "padding": "same"},
    "A named kernel on the gray picture": {"kernel": "emboss", "color": "gray", "legend": "true"},
}
GRADIENT_EXAMPLES: dict[str, dict[str, str]] = {
    "Where the edges' energy comes from": {"kernel": "sobel_x", "loss": "l2", "padding": "same"},
}
