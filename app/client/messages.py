"""Requests as bytes, and the bytes of answers: JSON and the arrays beside it."""

import json
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from app.client.answers import Image
from app.client.network import Network, written

Array = NDArray[Any]
Bytes = bytes | bytearray | memoryview
Picture = str | Path | Bytes | IO[bytes] | Array


def packed(x: Any, fields: Mapping[str, Any]) -> bytes:
    """Return a request whose arrays travel as tensors.

    Args:
        x: An input of the network spec, an upload, or an array; None for none.
        fields: Further members; those that are None are left out.
    """
    tensors: dict[str, Array] = {}
    given = {name: value for name, value in fields.items() if value is not None}
    spec = _detached({"input": as_source(x), **given}, tensors)
    return bytes(save(tensors, metadata={"request": json.dumps(spec)}))


def as_source(x: Any) -> Any:
    """Return what is computed on as an input of the network spec."""
    if isinstance(x, Image):
        return x.as_input()
    return x if isinstance(x, Mapping) else {"array": np.asarray(x)}


def unpacked(answer: bytes, dtype: str = "float32") -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the envelope and the arrays of an answer in the safetensors format.

    Arrays that travelled as codes of 8 or 16 bits come back as the values they stand for, in the
    format that was computed in: no other keeps them within half a step of the codes.

    Args:
        answer: The answer.
        dtype: What was computed in, float32 or float64; the answer does not repeat it.
    """
    size = int.from_bytes(answer[:8], "little")
    envelope = json.loads(json.loads(answer[8 : 8 + size])["__metadata__"]["response"])
    arrays = dict(load(answer))
    for index, layer in enumerate(envelope.get("layers", ())):
        _decode(f"layers.{index}", layer, arrays, dtype)
    for gradient in envelope.get("gradients", ()):
        _decode(gradient["name"], gradient, arrays, dtype)
    return envelope, arrays


def _decode(name: str, told: Mapping[str, Any], arrays: dict[str, Array], dtype: str) -> None:
    """Replace the codes of an array by offset + scale · code, one of each a map."""
    if name in arrays and "scale" in told:
        codes, count = arrays[name], len(told["scale"])
        maps = codes.reshape(count, codes.size // max(count, 1))
        scale, offset = (np.array(told[one], np.float64)[:, None] for one in ("scale", "offset"))
        arrays[name] = (offset + scale * maps).astype(dtype).reshape(codes.shape)


def spec(layers: Any, *, x: Any = None, **members: Any) -> dict[str, Any]:
    """Return a network spec as JSON can write it: what `convscope` and `curl --json @file` read.

    Args:
        layers: A `Network`, or layers as the spec writes them.
        x: An upload, a mapping such as `{"sample": "cat"}`, or an array; None for no input.
        **members: Further ones, such as `loss`, `dtype` and `render`.
    """
    source = {} if x is None else {"input": as_source(x)}
    told: dict[str, Any] = plain({**source, "layers": layers, **members})
    return told


def plain(value: Any) -> Any:
    """Return the engine's values and NumPy's as JSON can write them, arrays as nested lists."""
    return _detached(value, None)


def _detached(value: Any, tensors: dict[str, Array] | None) -> Any:
    """Return the value with each NumPy array moved to `tensors` and named in its place."""
    value = value.as_input() if isinstance(value, Image) else written(value)
    if isinstance(value, np.ndarray) and tensors is not None:
        name = f"tensor.{len(tensors)}"
        tensors[name] = _portable(value)
        return {"tensor": name}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _detached(one, tensors) for key, one in value.items()}
    if isinstance(value, list | tuple | Network):
        return [_detached(one, tensors) for one in value]
    return value


def _portable(array: Array) -> Array:
    """Return an array as one that the format has a name for."""
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Arrays are of real numbers, but this one is of {array.dtype}.")
    if array.dtype.kind == "b" or array.dtype.itemsize > 8:
        array = array.astype(np.uint8 if array.dtype.kind == "b" else np.float64)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return native.copy() if array.ndim == 0 else np.ascontiguousarray(native)


def content_of(picture: Picture) -> bytes:
    """Return the bytes of a picture: given as such, as a path, as an open file or as pixels.

    Raises:
        OSError: The file cannot be read.
        TypeError: The array is not uint8 of shape (H, W) or (H, W, 3).
    """
    if isinstance(picture, Bytes):
        return bytes(picture)
    if isinstance(picture, np.ndarray):
        return _png(picture)
    if isinstance(picture, str | Path):
        return Path(picture).read_bytes()
    return picture.read()


def _png(pixels: Array) -> bytes:
    """Return pixels as a PNG file; its format is simple enough to need no library.

    Source: W3C, Portable Network Graphics (PNG) Specification, third edition, sections 5 and 7.
    """
    gray = pixels.ndim == 2
    if pixels.dtype != np.uint8 or not (gray or pixels.shape[2:] == (3,)) or not pixels.size:
        raise TypeError(
            f"Pixels are uint8 of shape (H, W) or (H, W, 3), but these are {pixels.dtype} of "
            f"shape {pixels.shape}; other arrays need no upload: give them as the input."
        )
    rows, cols = pixels.shape[:2]
    lines = np.zeros((rows, 1 + math.prod(pixels.shape[1:])), np.uint8)  # filter type 0 first
    lines[:, 1:] = pixels.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", cols, rows, 8, 0 if gray else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def as_text(value: Any) -> str:
    """Return a form field: words as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(plain(value))
