"""The routes that compute on a network spec."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import httpx

from app.client.answers import Gradients, Maps
from app.client.call import Call
from app.client.messages import packed
from app.client.routes.common import (
    API,
    MEDIA_TYPES,
    SAFETENSORS,
    Dtype,
    Form,
    Input,
    Layers,
    LossLike,
    Render,
    Return,
    as_content,
    as_gradients,
    as_json,
    as_maps,
)

T = TypeVar("T")


def _computing(
    address: str, x: Any, fields: Mapping[str, Any], read: Callable[[httpx.Response], T], form: Form
) -> Call[T]:
    headers = {"Content-Type": SAFETENSORS, "Accept": MEDIA_TYPES[form]}
    options = {"content": packed(x, fields), "headers": headers}
    return Call("POST", f"{API}{address}", read, options)


def forward(
    x: Input, layers: Layers, *, dtype: Dtype = "float32", returning: Return | None = None
) -> Call[Maps]:
    """Run a network.

    Args:
        x: An upload, an input of the network spec such as `{"sample": "cat"}`, or an array.
        layers: A `Network`, or the layers as the spec writes them; arrays may be NumPy's.
        dtype: What is computed in.
        returning: Which maps come back, the last by default, and in which form. Those that travel
            as uint8 or uint16 come out as the values they stand for, in `dtype`.

    Raises:
        Invalid: The network is illegal for this input; `errors` points at each fault.
        ConvscopeError: As everywhere.
    """
    fields = {"layers": layers, "dtype": dtype, "return": returning}
    return _computing("/forward", x, fields, partial(as_maps, dtype=dtype), "safetensors")


def forward_file(
    x: Input,
    layers: Layers,
    *,
    form: Form = "png",
    dtype: Dtype = "float32",
    returning: Return | None = None,
    render: Render | None = None,
) -> Call[bytes]:
    """Run a network; return the maps as the bytes of a file.

    Args:
        x: As for `forward`.
        layers: As for `forward`.
        form: What kind of file; a PNG shows the maps of one layer, side by side.
        dtype: As for `forward`.
        returning: As for `forward`.
        render: How values become colours.
    """
    fields = {"layers": layers, "dtype": dtype, "return": returning, "render": render}
    return _computing("/forward", x, fields, as_content, form)


def backward(
    x: Input,
    layers: Layers,
    *,
    loss: LossLike | None = None,
    gradients: Sequence[str] = ("input",),
    dtype: Dtype = "float32",
    returning: Return | None = None,
) -> Call[Gradients]:
    """Differentiate a loss.

    Args:
        x: As for `forward`.
        layers: As for `forward`.
        loss: One of `app.engine.losses`, or as the spec writes it; by default the output's sum.
        gradients: Names such as `input`, `layers.0.kernel` and `layers.0.output`.
        dtype: As for `forward`.
        returning: As for `forward`, without layers.
    """
    wanted = {**(returning or {}), "gradients": list(gradients)}
    fields = {"layers": layers, "loss": loss, "dtype": dtype, "return": wanted}
    read = partial(as_gradients, dtype=dtype)
    return _computing("/backward", x, fields, read, "safetensors")


def backward_file(
    x: Input,
    layers: Layers,
    *,
    form: Form = "png",
    loss: LossLike | None = None,
    gradients: Sequence[str] = ("input",),
    dtype: Dtype = "float32",
    returning: Return | None = None,
    render: Render | None = None,
) -> Call[bytes]:
    """Differentiate a loss; return the gradients as the bytes of a file.

    Args:
        x: As for `forward`.
        layers: As for `forward`.
        form: What kind of file; a PNG shows one gradient.
        loss: As for `backward`.
        gradients: As for `backward`.
        dtype: As for `forward`.
        returning: As for `backward`.
        render: How values become colours.
    """
    wanted = {**(returning or {}), "gradients": list(gradients)}
    fields = {
        "layers": layers,
        "loss": loss,
        "dtype": dtype,
        "return": wanted,
        "render": render,
    }
    return _computing("/backward", x, fields, as_content, form)


def shapes(x: Input, layers: Layers, *, dtype: Dtype = "float32") -> Call[dict[str, Any]]:
    """Return what each layer would do, an illegal one in place; nothing is computed.

    Args:
        x: As for `forward`, or `{"shape": [1, 3, 480, 640]}`.
        layers: As for `forward`.
        dtype: As for `forward`.
    """
    return _computing("/shapes", x, {"layers": layers, "dtype": dtype}, as_json, "json")


def explain(
    x: Input,
    layers: Layers,
    at: Mapping[str, Mapping[str, int]],
    *,
    loss: LossLike | None = None,
    dtype: Dtype = "float32",
) -> Call[dict[str, Any]]:
    """Return every term of one number.

    Args:
        x: As for `forward`.
        layers: As for `forward`.
        at: The number, e.g. `{"feature": {"row": 3, "col": 4}}`; or one of `input_gradient`,
            `kernel_gradient`.
        loss: As for `backward`, for gradients.
        dtype: As for `forward`.
    """
    fields = {"layers": layers, "at": at, "loss": loss, "dtype": dtype}
    return _computing("/explain", x, fields, as_json, "json")


def gradcheck(
    x: Input,
    layers: Layers,
    *,
    loss: LossLike | None = None,
    wrt: str = "input",
    indices: Sequence[Sequence[int]] | None = None,
    step: float = 1e-4,
    seed: int = 0,
) -> Call[dict[str, Any]]:
    """Return elements of a gradient beside their finite differences, in float64.

    Args:
        x: As for `forward`.
        layers: As for `forward`.
        loss: As for `backward`.
        wrt: Name of the gradient.
        indices: Which elements; by default some at random.
        step: How far each is moved.
        seed: Of the random choice.
    """
    fields = {
        "layers": layers,
        "loss": loss,
        "wrt": wrt,
        "indices": indices,
        "step": step,
        "seed": seed,
    }
    return _computing("/gradcheck", x, fields, as_json, "json")
