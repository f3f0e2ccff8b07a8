"""Reading a request in the safetensors format: no pickle, every size checked before use."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.service.errors import MalformedBody
from app.web import strict_json

Array = NDArray[Any]

MAX_TENSORS = 1000
MOST_NUMBERS = 2**48
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}


def read(body: bytes, max_header: int, max_depth: int) -> tuple[Any, dict[str, Array]]:
    """Return the request and the tensors of a safetensors body.

    Args:
        body: The body; the tensors are read-only views of it.
        max_header: Longest legal header, in bytes.
        max_depth: As for every JSON.

    Raises:
        MalformedBody: The body is not in the format, or carries no request.

    Source: the format's specification, https://huggingface.co/docs/safetensors.
    """
    size = int.from_bytes(body[:8], "little")
    if len(body) < 8 or size > len(body) - 8:
        raise MalformedBody(
            f"The safetensors header is said to take {size} bytes, but the body has "
            f"{max(len(body) - 8, 0)} after its first 8."
        )
    if size > max_header:
        raise MalformedBody(
            f"The safetensors header takes {size} bytes; at most {max_header} are legal."
        )
    header = strict_json.parse(body[8 : 8 + size], max_depth)
    if not isinstance(header, dict):
        raise MalformedBody("The safetensors header is not a JSON object.")
    metadata = header.pop("__metadata__", None)
    request = metadata.get("request") if isinstance(metadata, dict) else None
    if not isinstance(request, str):
        raise MalformedBody("The safetensors metadata has no string under the key request.")
    if len(header) > MAX_TENSORS:
        raise MalformedBody(
            f"The body carries {len(header)} tensors; at most {MAX_TENSORS} are legal."
        )
    content = memoryview(body)[8 + size :]
    tensors = {
        name: _tensor(entry, content, number) for number, (name, entry) in enumerate(header.items())
    }
    _refuse_gaps([entry["data_offsets"] for entry in header.values()], len(content))
    return strict_json.parse(request.encode(), max_depth), tensors


def _tensor(entry: Any, content: memoryview, number: int) -> Array:
    """Return the tensor that a header entry describes; `number` names it in a problem."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise MalformedBody(
            f"Tensor {number} of the header needs exactly dtype, shape and data_offsets."
        )
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise MalformedBody(f"Tensor {number} has an unknown dtype; legal are {', '.join(DTYPES)}.")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2:
        raise MalformedBody(
            f"Tensor {number}: shape and data_offsets are lists of integers of at least 0."
        )
    if math.prod(max(extent, 1) for extent in shape) >= MOST_NUMBERS:
        # Without a single number as well: no array is addressed so.
        raise MalformedBody(f"Tensor {number}: the extents of its shape are too large.")
    start, end = offsets
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if not start <= end <= len(content) or end - start != needed:
        raise MalformedBody(
            f"Tensor {number} needs {needed} bytes by its shape, but its data_offsets are "
            f"[{start}, {end}) of {len(content)} bytes."
        )
    return np.frombuffer(content[start:end], dtype).reshape(shape)


def _refuse_gaps(spans: list[list[int]], size: int) -> None:
    """Refuse tensors that share bytes, and bytes of no tensor.

    Args:
        spans: Where each tensor begins and ends, in bytes after the header.
        size: How many bytes there are.
    """
    numbered = sorted(enumerate(spans), key=lambda one: one[1])
    reached, before = 0, -1
    for number, (start, end) in numbered:
        if start < reached:
            raise MalformedBody(
                f"Tensors {before} and {number} overlap: one ends at byte {reached}, the other "
                f"begins at {start}."
            )
        if start > reached:
            raise MalformedBody(
                f"Tensor {number} begins at byte {start}, but the bytes from {reached} on belong "
                "to no tensor; the format allows no holes."
            )
        reached, before = end, number
    if reached < size:
        raise MalformedBody(
            f"The tensors end at byte {reached} of {size}; the format allows no bytes after them."
        )


def _sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= 8
        and all(type(entry) is int and 0 <= entry < 2**63 for entry in value)
    )
