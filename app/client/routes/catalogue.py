"""The routes that tell of the server itself."""

from typing import Any

import httpx
import numpy as np

from app.client.answers import Kernel
from app.client.call import Call
from app.client.routes.common import API, as_json


def kernels() -> Call[dict[str, Kernel]]:
    """Return the named kernels."""

    def read(answer: httpx.Response) -> dict[str, Kernel]:
        listed = answer.json()["kernels"]
        return {one["name"]: Kernel(**{**one, "matrix": np.array(one["matrix"])}) for one in listed}

    return Call("GET", f"{API}/kernels", read)


def limits() -> Call[dict[str, float]]:
    """Return every limit in force, by name."""
    return Call("GET", f"{API}/limits", as_json)


def openapi() -> Call[dict[str, Any]]:
    """Return the API's description."""
    return Call("GET", f"{API}/openapi.json", as_json)


def alive() -> Call[bool]:
    """Return whether the server's process is alive."""
    return Call("GET", "/livez", lambda answer: answer.json()["status"] == "alive")


def ready() -> Call[bool]:
    """Return whether the server takes new work; one that is about to stop does not."""
    return Call("GET", "/readyz", lambda answer: answer.status_code == 200, expected=(503,))


def metrics() -> Call[str]:
    """Return the server's counters, in the text format of Prometheus."""
    return Call("GET", "/metrics", lambda answer: answer.text)
