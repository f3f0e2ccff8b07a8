"""What the routes share: the words of a request, and how answers are read."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import httpx
from numpy.typing import ArrayLike

from app.client.answers import Gradients, Image, Job, Maps
from app.client.messages import unpacked
from app.client.network import LayerLike
from app.engine.losses import Loss

Input = Image | Mapping[str, Any] | ArrayLike
Layers = Sequence[LayerLike]
LossLike = Loss | Mapping[str, Any]
Dtype = Literal["float32", "float64"]
Form = Literal["json", "safetensors", "npz", "png"]

API = "/api/v1"
SAFETENSORS = "application/x-safetensors"
MEDIA_TYPES: Mapping[Form, str] = {
    "json": "application/json",
    "safetensors": SAFETENSORS,
    "npz": "application/x-npz",
    "png": "image/png",
}


class Return(TypedDict, total=False):
    """Which arrays come back, and in which form: `return` of the API."""

    layers: Literal["last", "all"] | Sequence[int]
    channels: Literal["all"] | Sequence[int]
    data: bool
    max_side: int
    dtype: Literal["float32", "float64", "uint8", "uint16"]


class Render(TypedDict, total=False):
    """How values become a picture: `render` of the API."""

    colormap: str
    scale: Literal["map", "layer"]
    center: float | Literal["auto"] | None
    clip: float
    columns: int
    overlay: float
    legend: bool


def as_json(answer: httpx.Response) -> Any:
    """Return the JSON of an answer."""
    return answer.json()


def as_content(answer: httpx.Response) -> bytes:
    """Return the bytes of an answer."""
    return answer.content


def as_nothing(answer: httpx.Response) -> None:
    """Return nothing: the answer has no content."""
    del answer


def as_job(answer: httpx.Response) -> Job:
    """Return the job that an answer tells of."""
    return Job.of(answer.json())


def as_maps(answer: httpx.Response, dtype: Dtype = "float32") -> Maps:
    """Return the maps of an answer to what was computed in `dtype`."""
    envelope, arrays = unpacked(answer.content, dtype)
    return Maps(envelope, {int(name.split(".")[1]): one for name, one in arrays.items()})


def as_gradients(answer: httpx.Response, dtype: Dtype = "float32") -> Gradients:
    """Return the gradients of an answer to what was computed in `dtype`."""
    envelope, arrays = unpacked(answer.content, dtype)
    names = [one["name"] for one in envelope["gradients"]]
    return Gradients(
        envelope["loss"], envelope, {name: arrays[name] for name in names if name in arrays}
    )
