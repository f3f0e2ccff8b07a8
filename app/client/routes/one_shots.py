"""The routes of one picture and one convolution; the server keeps nothing of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack

import httpx
from numpy.typing import ArrayLike

from app.client.answers import Array, Color, Range
from app.client.call import Call
from app.client.messages import Picture, as_text, content_of
from app.client.routes.common import (
    API,
    MEDIA_TYPES,
    Dtype,
    Form,
    LossLike,
    Render,
    as_content,
    as_gradients,
    as_maps,
)

T = TypeVar("T")


class OneShotFields(TypedDict, total=False):
    """Fields of `convolve` and `gradient` beside the picture and the kernel."""

    color: Color
    range: Range
    max_side: int
    dtype: Dtype
    bias: Sequence[float]
    stride: int | Sequence[int]
    padding: Any
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"]
    dilation: int | Sequence[int]
    groups: int
    flip: bool


def _one_shot(
    address: str,
    picture: Picture,
    fields: Mapping[str, Any],
    read: Callable[[httpx.Response], T],
    form: Form,
) -> Call[T]:
    options = {
        "files": {"image": ("image", content_of(picture))},
        "data": {name: as_text(value) for name, value in fields.items() if value is not None},
        "headers": {"Accept": MEDIA_TYPES[form]},
    }
    return Call("POST", f"{API}{address}", read, options)


def convolve(
    picture: Picture, kernel: ArrayLike | str, **fields: Unpack[OneShotFields]
) -> Call[Array]:
    """Return a picture convolved with one kernel, shape (1, O, H, W); the server keeps nothing.

    Args:
        picture: As for `upload`.
        kernel: Numbers, or the name of a kernel.
        **fields: How the picture is read, and the convolution's own fields.
    """
    given = {"kernel": as_text(kernel), **fields}
    return _one_shot("/convolve", picture, given, lambda one: as_maps(one).output, "safetensors")


def convolve_file(
    picture: Picture,
    kernel: ArrayLike | str,
    *,
    form: Form = "png",
    render: Render | None = None,
    **fields: Unpack[OneShotFields],
) -> Call[bytes]:
    """Return a picture convolved with one kernel as the bytes of a file.

    Args:
        picture: As for `upload`.
        kernel: As for `convolve`.
        form: What kind of file.
        render: How values become colours.
        **fields: As for `convolve`.
    """
    given = {"kernel": as_text(kernel), **fields, **(render or {})}
    return _one_shot("/convolve", picture, given, as_content, form)


def gradient(
    picture: Picture,
    kernel: ArrayLike | str,
    *,
    loss: LossLike | None = None,
    **fields: Unpack[OneShotFields],
) -> Call[Array]:
    """Return the gradient of a loss of the convolved picture, shape (1, C, H, W).

    Args:
        picture: As for `upload`.
        kernel: As for `convolve`.
        loss: As for `backward`.
        **fields: As for `convolve`.
    """
    given = {"kernel": as_text(kernel), "loss": loss, **fields}
    return _one_shot(
        "/gradient", picture, given, lambda one: as_gradients(one)["input"], "safetensors"
    )


def gradient_file(
    picture: Picture,
    kernel: ArrayLike | str,
    *,
    form: Form = "png",
    loss: LossLike | None = None,
    render: Render | None = None,
    **fields: Unpack[OneShotFields],
) -> Call[bytes]:
    """Return the gradient of a loss of the convolved picture as the bytes of a file.

    Args:
        picture: As for `upload`.
        kernel: As for `convolve`.
        form: What kind of file; a PNG shows the channels' sum.
        loss: As for `backward`.
        render: How values become colours.
        **fields: As for `convolve`.
    """
    given = {"kernel": as_text(kernel), "loss": loss, **fields, **(render or {})}
    return _one_shot("/gradient", picture, given, as_content, form)
