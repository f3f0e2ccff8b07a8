"""What the REST API answers in JSON, with the application running in this process."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from app.engine.errors import ShapeError
from app.engine.layers import Layer
from app.engine.network import as_batch
from app.main import create_app
from app.settings import Settings
from tests.conformance.case import Array, Case, Numbers, Refused
from tests.conformance.engine_subject import layer_of


class RestSubject:
    """The API as an outside suite sees it: JSON in, JSON out."""

    def __enter__(self) -> Self:
        """Start the application."""
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self._runner.run(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _start(self) -> None:
        store = self._stack.enter_context(tempfile.TemporaryDirectory())
        app = create_app(Settings(store_dir=Path(store)))
        await self._stack.enter_async_context(app.router.lifespan_context(app))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1"
        )
        self._client = await self._stack.enter_async_context(client)

    def answer(self, case: Case) -> Numbers:
        """Return every number of a case, in its own dtype.

        Raises:
            Refused: The API says 422.
        """
        spec = {
            "input": {"array": bare(case).tolist()},
            "layers": [as_json(layer) for layer in case.layers],
            "dtype": str(case.x.dtype),
        }
        forward = self._post("/forward", {**spec, "return": {"layers": "all"}})
        returning = {"gradients": case.gradients}
        backward = self._post(
            "/backward", {**spec, "loss": as_json(case.loss), "return": returning}
        )
        numbers = {f"layers.{layer['index']}": layer["data"] for layer in forward["layers"]}
        for gradient in backward["gradients"]:
            numbers[f"gradient of {gradient['name']}"] = gradient["data"]
        numbers["loss"] = backward["loss"]
        return {name: np.array(values, case.x.dtype) for name, values in numbers.items()}

    def _post(self, route: str, body: dict[str, Any]) -> Any:
        response = self._runner.run(self._client.post(route, json=body))
        if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise Refused(response.json()["detail"])
        response.raise_for_status()
        return response.json()


def travels(case: Case) -> bool:
    """Return whether the case can be put to the API in JSON without becoming another one.

    An empty array has no shape in JSON; JSON has no NaN; a matrix that no layer claims would be a
    picture; kernels have a largest size; the classes of a picture's pixels are one class for all.
    """
    x, target = case.x, np.asarray(case.loss.get("target", 0))
    if x.size == 0 or x.nbytes > 2**18 or not np.isfinite(x).all():
        return False
    if target.ndim > 1 and target.dtype.kind == "i":
        return False
    kernels = [layer.get("kernel", 0) for layer in case.layers]
    if max(max(np.shape(kernel)[2:], default=1) for kernel in kernels) > Settings().kernel_side:
        return False
    return as_batch(x, [layer_of(layer) for layer in case.layers]).shape == x.shape


def bare(case: Case) -> Array:
    """Return the input without the leading axes of 1 that the API adds by itself."""
    layers = [layer_of(layer) for layer in case.layers]
    x = case.x
    while x.ndim > 1 and x.shape[0] == 1 and _read_as(x[0], layers) == case.x.shape:
        x = x[0]
    return x


def _read_as(x: Array, layers: list[Layer]) -> tuple[int, ...] | None:
    try:
        return as_batch(x, layers).shape
    except ShapeError:
        return None


def as_json(value: Any) -> Any:
    """Return a spec as JSON would have it; what is None is left out."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items() if item is not None}
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value
