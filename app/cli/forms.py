"""The results of one picture as the contents of files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.client import AsyncClient

Array = NDArray[Any]

# A file of these holds all arrays, one of the others a single one.
WHOLE = ("npz", "safetensors")
# What the leading axes of an array are called, by the number of its axes; the last one runs along
# the line.
AXES: dict[int, tuple[str, ...]] = {
    4: ("n", "channel", "row"),
    3: ("n", "channel"),
    2: ("n",),
}
KERNEL_AXES: dict[int, tuple[str, ...]] = {
    4: ("filter", "channel", "row"),
    3: ("filter", "channel"),
    2: ("output",),
}


@dataclass(frozen=True)
class Work:
    """What is computed of each picture.

    Attributes:
        kind: Feature maps, or gradients.
        layers: The network.
        options: Further arguments of the client's method.
        returning: The spec's `return`, without the choice of arrays.
        arrays: The arrays wanted by their names, with what chooses each one alone.
        render: How pictures are drawn.
    """

    kind: Literal["forward", "backward"]
    layers: Sequence[Any]
    options: Mapping[str, Any]
    returning: Mapping[str, Any]
    arrays: Mapping[str, Any]
    render: Mapping[str, Any] | None

    async def contents(
        self, client: AsyncClient, x: Mapping[str, Any], forms: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the files of one picture by what their names end with.

        Args:
            client: Where it is computed.
            x: The picture as an input.
            forms: Which kinds of files.

        Raises:
            ConvscopeError: The picture or the network is refused, or there is no answer.
        """
        files: dict[str, bytes] = {}
        for form in forms:
            if form == "png":
                for name, chosen in self.arrays.items():
                    content = await self._file(client, x, "png", [chosen], render=self.render)
                    files[self._ending(name, form)] = content
            elif form in WHOLE:
                files[f".{form}"] = await self._file(client, x, form, list(self.arrays.values()))
        if "npy" in forms or "csv" in forms:
            files |= self.number_files(await self._arrays(client, x), forms)
        return files

    def endings(self, forms: Sequence[str]) -> list[str]:
        """Return what the names of a picture's files end with."""
        whole = [f".{form}" for form in forms if form in WHOLE]
        single = [form for form in forms if form not in WHOLE]
        return whole + [self._ending(name, form) for form in single for name in self.arrays]

    def number_files(self, arrays: Mapping[str, Array], forms: Sequence[str]) -> dict[str, bytes]:
        """Return the files of one array each, by what their names end with.

        Args:
            arrays: The arrays by name.
            forms: Which kinds of files; those of several arrays are passed over.
        """
        files: dict[str, bytes] = {}
        for name, array in arrays.items():
            if "npy" in forms:
                files[self._ending(name, "npy")] = as_npy(array)
            if "csv" in forms:
                files[self._ending(name, "csv")] = as_csv(array, self._axes(name))
        return files

    def _axes(self, name: str) -> Mapping[int, Sequence[str]]:
        is_map = self.kind == "forward" or name.endswith(("input", ".output"))
        return AXES if is_map else KERNEL_AXES

    def _ending(self, name: str, form: str) -> str:
        return f".{form}" if len(self.arrays) == 1 else f".{name}.{form}"

    async def _file(
        self,
        client: AsyncClient,
        x: Mapping[str, Any],
        form: Any,
        chosen: list[Any],
        **drawing: Any,
    ) -> bytes:
        if self.kind == "forward":
            returning: Any = {**self.returning, "layers": chosen}
            return await client.forward_file(
                x, self.layers, form=form, returning=returning, **self.options, **drawing
            )
        returning = self.returning
        return await client.backward_file(
            x,
            self.layers,
            form=form,
            gradients=chosen,
            returning=returning,
            **self.options,
            **drawing,
        )

    async def _arrays(self, client: AsyncClient, x: Mapping[str, Any]) -> dict[str, Array]:
        chosen = list(self.arrays.values())
        if self.kind == "forward":
            returning: Any = {**self.returning, "layers": chosen}
            maps = await client.forward(x, self.layers, returning=returning, **self.options)
            return {f"layers.{index}": array for index, array in maps.items()}
        returning = self.returning
        return dict(
            await client.backward(
                x, self.layers, gradients=chosen, returning=returning, **self.options
            )
        )


def as_npy(array: Array) -> bytes:
    """Return an array as a .npy file."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def as_csv(array: Array, axes: Mapping[int, Sequence[str]] = AXES) -> bytes:
    """Return an array as a table: a line for each row of a map, its indices first.

    Numbers have as many digits as it takes to read the same number again.

    Args:
        array: 1 to 4 axes.
        axes: What the leading axes are called, by the number of axes.
    """
    names = axes.get(array.ndim, ())
    columns = array.shape[-1] if array.ndim else 1
    lines = [",".join((*names, *map(str, range(columns))))]
    rows = array.reshape(-1, columns)
    indices = np.ndindex(array.shape[:-1])
    for index, row in zip(indices, rows, strict=True):
        lines.append(",".join((*map(str, index), *row.astype(str).tolist())))
    return ("\n".join(lines) + "\n").encode()
