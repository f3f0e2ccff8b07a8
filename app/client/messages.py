"""Requests as bytes, and the bytes of answers: JSON and the arrays beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

Array = NDArray[Any]


def packed(x: Any, layers: Any, fields: Mapping[str, Any]) -> bytes:
    """Return a request whose arrays travel as tensors.

    Args:
        x: An input of the network spec, or an array.
        layers: The layers of the network spec.
        fields: Further members; `returning` stands for `return`.
    """
    tensors: dict[str, Array] = {}
    asked = {"return" if name == "returning" else name: one for name, one in fields.items()}
    source = x if isinstance(x, Mapping) else {"array": np.asarray(x)}
    spec = _detached({"input": source, "layers": list(layers), **asked}, tensors)
    return bytes(save(tensors, metadata={"request": json.dumps(spec)}))


def unpacked(answer: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the envelope and the arrays of an answer in the safetensors format."""
    size = int.from_bytes(answer[:8], "little")
    envelope = json.loads(json.loads(answer[8 : 8 + size])["__metadata__"]["response"])
    return envelope, dict(load(answer))


def _detached(value: Any, tensors: dict[str, Array]) -> Any:
    """Return the value with each NumPy array moved to `tensors` and named in its place."""
    if isinstance(value, np.ndarray):
        name = f"tensor.{len(tensors)}"
        tensors[name] = np.ascontiguousarray(value)
        return {"tensor": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _detached(one, tensors) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_detached(one, tensors) for one in value]
    return value


def content_of(picture: str | Path | bytes) -> bytes:
    """Return the bytes of a picture given as such or as the path of a file."""
    return picture if isinstance(picture, bytes) else Path(picture).read_bytes()


def as_text(value: Any) -> str:
    """Return a form field: words as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(np.asarray(value).tolist())
