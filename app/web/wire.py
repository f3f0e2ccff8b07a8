"""One answer in every form of the contract: JSON, safetensors, npz."""

import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from app.service.answers import Answer, as_npz
from app.web.negotiation import JSON, NPZ, SAFETENSORS

Array = NDArray[Any]

# JSON text is made in pieces, so that other threads get their turn at the interpreter.
PIECE = 1 << 15

SAFETENSORS_NAMES = {"float32": "F32", "float64": "F64", "uint8": "U8", "uint16": "U16"}


def as_json(answer: Answer) -> bytes:
    """Return the envelope with each array as nested lists; non-finite numbers are null."""
    mark = secrets.token_hex(16)
    for name, holder in answer.holders.items():
        holder["data"] = f"{mark}{name}{mark}"
    text = to_json(answer.envelope, inf_nan_mode="null")
    pieces: list[bytes] = []
    for name, holder in answer.holders.items():
        del holder["data"]
        before, _, text = text.partition(f'"{mark}{name}{mark}"'.encode())
        pieces.append(before)
        pieces += _json_pieces(answer.arrays[name])
    pieces.append(text)
    return b"".join(pieces)


def _json_pieces(array: Array) -> Iterator[bytes]:
    if array.size <= PIECE:
        yield to_json(array.tolist(), inf_nan_mode="null")
        return
    parts = array if array.ndim > 1 else np.split(array, range(PIECE, array.size, PIECE))
    yield b"["
    for index, part in enumerate(parts):
        if index:
            yield b","
        if array.ndim > 1:
            yield from _json_pieces(part)
        else:
            yield to_json(part.tolist(), inf_nan_mode="null")[1:-1]
    yield b"]"


def as_safetensors(answer: Answer) -> bytes:
    """Return the arrays in the safetensors format, the envelope under metadata key `response`."""
    header: dict[str, Any] = {
        "__metadata__": {"response": to_json(answer.envelope, inf_nan_mode="null").decode()}
    }
    buffers = []
    end = 0
    for name, array in answer.arrays.items():
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": SAFETENSORS_NAMES[array.dtype.name],
            "shape": array.shape,
            "data_offsets": (start, end),
        }
        buffers.append(np.ascontiguousarray(array).reshape(-1).data)
    text = to_json(header)
    # Readers map the arrays in place, so they begin at a multiple of eight.
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *buffers])


NUMBER_WRITERS = {JSON: as_json, SAFETENSORS: as_safetensors, NPZ: as_npz}
