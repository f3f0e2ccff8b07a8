"""Questions of the page with the numbers that the API has for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from tests.snippets.cases import PLAIN, TARGETS, Spec, losses
from tests.snippets.writing import question

# The scripts compute in double precision, the page in single.
WITHIN = 2e-5
# One for all: to make one takes longer than most answers.
CONNECTION = httpx.Client(timeout=60)


@dataclass(frozen=True)
class Asked:
    """A question, and what a script that answers it saves, by file."""

    name: str
    question: dict[str, Any]
    numbers: dict[str, Any]


def ask(server: str, route: str, body: Spec) -> Spec:
    answer = CONNECTION.post(f"{server}/api/v1{route}", json=body)
    assert answer.status_code == 200, answer.text
    told: Spec = answer.json()
    return told


def forward(server: str, name: str, spec: Spec) -> tuple[Asked, Spec]:
    """Ask for the last map; what the server told of the layers comes along."""
    told = ask(server, "/forward", spec)
    maps = np.array(told["layers"][-1]["data"])[0]
    channel = len(maps) - 1
    # As the page has it, whatever is asked.
    kernel_layer = 0 if "kernel" in spec["layers"][0] else -1
    api = f"{server}/api/v1"
    whole = question(spec, told, channel=channel, kernel_layer=kernel_layer, api=api)
    return Asked(name, whole, {"found": maps if maps.ndim == 1 else maps[channel]}), told


def backward(server: str, name: str, spec: Spec, told: Spec, loss: Spec, at: int = -1) -> Asked:
    """Ask for the gradient at the input or at a layer's maps, and of the first kernel if any."""
    has_kernel = "kernel" in spec["layers"][0]
    gradient = "input" if at < 0 else f"layers.{at}.output"
    names = [gradient, "layers.0.kernel"][: 1 + has_kernel]
    body = {**spec, "loss": loss, "return": {"gradients": names}}
    grads = [one["data"] for one in ask(server, "/backward", body)["gradients"]]
    numbers = {"found": grads[0][0][0], **({"found-kernel": grads[1]} if has_kernel else {})}
    kernel_layer = 0 if has_kernel else -1
    api = f"{server}/api/v1"
    whole = question(spec, told, loss=loss, kernel_layer=kernel_layer, gradient_at=at, api=api)
    return Asked(f"{name}, {loss}", whole, numbers)


def both_ways(server: str, networks: dict[str, tuple[Spec, list[Spec]]] = PLAIN) -> Iterator[Asked]:
    """Ask for every network's last map and for a gradient of one loss; then of `TARGETS`."""
    for place, (name, (source, layers)) in enumerate(networks.items()):
        spec = {"input": source, "layers": layers}
        maps, told = forward(server, name, spec)
        shape = told["layers"][0]["output_shape"]
        loss = losses(*shape[2:])[place % 3] if len(shape) == 4 else {"type": "l2"}
        yield maps
        yield backward(server, name, spec, told, loss)
        if len(layers) > 1 and len(shape) == 4:
            yield backward(server, name, spec, told, {"type": "l2"}, at=0)
    for name, (source, layers, target) in TARGETS.items():
        spec = {"input": source, "layers": layers}
        _, told = forward(server, name, spec)
        yield backward(server, name, spec, told, {"type": "mse", **target})


def agree(found: Any, expected: Any) -> None:
    """Assert that a script's numbers are those of the API."""
    wanted = np.asarray(expected, float)
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=WITHIN, atol=WITHIN * np.abs(wanted).max())
