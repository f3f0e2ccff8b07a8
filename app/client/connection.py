"""The connection to one server, with a method for each of its routes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
from numpy.typing import ArrayLike

from app.client.answers import Array, ConvscopeError, Gradients, Maps
from app.client.messages import as_text, content_of, packed, unpacked

Layers = Sequence[Mapping[str, Any]]
Input = Mapping[str, Any] | ArrayLike

SAFETENSORS = "application/x-safetensors"


class Convscope:
    """One server.

    Args:
        base_url: Where it is, without `/api/v1`.
        token: The server's token, if it wants one.
        timeout: Seconds to wait for an answer.
        transport: Another way to reach the server, for tests.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=f"{base_url.rstrip('/')}/api/v1",
            headers=headers,
            timeout=timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def upload(self, picture: str | Path | bytes) -> dict[str, Any]:
        """Upload a picture and return it as an input: `{"image": id}`.

        Args:
            picture: Path of the file, or its bytes.
        """
        content = content_of(picture)
        return {"image": self._json("POST", "/images", content=content)["id"]}

    def delete(self, picture: Mapping[str, Any]) -> None:
        """Forget an uploaded picture, given as `upload` returned it."""
        self._send("DELETE", f"/images/{picture['image']}")

    def samples(self) -> Any:
        """Return the built-in inputs, a list."""
        return self._json("GET", "/samples")["samples"]

    def kernels(self) -> dict[str, Array]:
        """Return the named kernels."""
        listed = self._json("GET", "/kernels")["kernels"]
        return {one["name"]: np.array(one["matrix"]) for one in listed}

    def limits(self) -> dict[str, float]:
        """Return every limit in force."""
        limits: dict[str, float] = self._json("GET", "/limits")
        return limits

    def forward(self, x: Input, layers: Layers, **fields: Any) -> Maps:
        """Run a network.

        Args:
            x: An input of the network spec, e.g. `{"sample": "cat"}`, or an array.
            layers: The layers of the network spec; any array in them may be a NumPy array.
            **fields: Further members of the request: `dtype`, `returning` (for `return`).

        Returns:
            The maps of the layers that `return` asks for, the last by default.

        Raises:
            ConvscopeError: The server refused.
        """
        envelope, arrays = self._compute("/forward", x, layers, fields)
        return Maps(envelope, {int(name.split(".")[1]): one for name, one in arrays.items()})

    def backward(
        self,
        x: Input,
        layers: Layers,
        loss: Mapping[str, Any] | None = None,
        gradients: Sequence[str] = ("input",),
        **fields: Any,
    ) -> Gradients:
        """Differentiate a loss.

        Args:
            x: As for `forward`.
            layers: As for `forward`.
            loss: A loss of the API; by default the sum of the output.
            gradients: Names such as `input` and `layers.0.kernel`.
            **fields: As for `forward`.

        Raises:
            ConvscopeError: The server refused.
        """
        returning = {**fields.pop("returning", {}), "gradients": list(gradients)}
        asked = {**fields, "loss": loss or {"type": "sum"}, "returning": returning}
        envelope, arrays = self._compute("/backward", x, layers, asked)
        in_order = {one["name"]: arrays[one["name"]] for one in envelope["gradients"]}
        return Gradients(envelope["loss"], envelope, in_order)

    def shapes(self, x: Input | None, layers: Layers, **fields: Any) -> dict[str, Any]:
        """Return what each layer would do; nothing is computed. `x` may be `{"shape": […]}`."""
        return self._told("/shapes", x, layers, fields)

    def explain(self, x: Input, layers: Layers, at: Mapping[str, Any], **fields: Any) -> Any:
        """Return every term of one number, e.g. `at={"feature": {"row": 3, "col": 4}}`."""
        return self._told("/explain", x, layers, {"at": at, **fields})

    def gradcheck(self, x: Input, layers: Layers, **fields: Any) -> dict[str, Any]:
        """Return elements of a gradient beside their finite differences."""
        return self._told("/gradcheck", x, layers, fields)

    def convolve(
        self, picture: str | Path | bytes, kernel: ArrayLike | str, **fields: Any
    ) -> Array:
        """Return a picture convolved with one kernel, shape (1, C, H, W).

        Args:
            picture: Path of the file, or its bytes.
            kernel: An array, or the name of a kernel.
            **fields: Further fields of the form: `padding="same"`, `stride=2`, `color="gray"`, …
        """
        return self._one_shot("/convolve", picture, kernel, fields)["layers.0"]

    def gradient(
        self, picture: str | Path | bytes, kernel: ArrayLike | str, **fields: Any
    ) -> Array:
        """Return the gradient of a loss of the convolved picture, shape (1, C, H, W).

        Args:
            picture: As for `convolve`.
            kernel: As for `convolve`.
            **fields: As for `convolve`, and `loss`.
        """
        return self._one_shot("/gradient", picture, kernel, fields)["input"]

    def _one_shot(
        self, route: str, picture: str | Path | bytes, kernel: ArrayLike | str, fields: Any
    ) -> dict[str, Array]:
        content = content_of(picture)
        form = {name: as_text(value) for name, value in {"kernel": kernel, **fields}.items()}
        files, headers = {"image": ("image", content)}, {"Accept": SAFETENSORS}
        return unpacked(self._send("POST", route, files=files, data=form, headers=headers).content)[
            1
        ]

    def _compute(
        self, route: str, x: Input, layers: Layers, fields: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Array]]:
        content = packed(x, layers, fields)
        headers = {"Content-Type": SAFETENSORS, "Accept": SAFETENSORS}
        return unpacked(self._send("POST", route, content=content, headers=headers).content)

    def _told(
        self, route: str, x: Input | None, layers: Layers, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        headers = {"Content-Type": SAFETENSORS}
        content = packed(x, layers, fields)
        told: dict[str, Any] = self._json("POST", route, content=content, headers=headers)
        return told

    def _json(self, method: str, route: str, **options: Any) -> Any:
        return self._send(method, route, **options).json()

    def _send(self, method: str, route: str, **options: Any) -> httpx.Response:
        answer = self._http.request(method, route, **options)
        if answer.is_success:
            return answer
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        told = answer.json() if is_problem else {"detail": answer.reason_phrase}
        raise ConvscopeError(answer.status_code, told)
