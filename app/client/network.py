"""Networks of the engine's layers: checked without a server, written as the spec says them."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, overload

import numpy as np
from numpy.typing import DTypeLike

from app.engine.errors import EngineError, NetworkError, ParameterError
from app.engine.inspection import raise_problems
from app.engine.kernels import PresetKernel, RandomKernel, RandomWeight
from app.engine.layers import LAYER_TYPES, Layer
from app.engine.layers.base import Problems
from app.engine.losses import CrossEntropy, Loss
from app.engine.network import LayerReport, as_batch, inspect
from app.engine.selection import Select

LayerLike = Layer | Mapping[str, Any]


class Network(Sequence[Layer]):
    """Layers in order: those of `app.engine.layers`, or the same as the network spec writes them.

    ```python
    edges = Network(Conv2d(PresetKernel("sobel_x"), padding="same"), Relu(), MaxPool2d(2))
    ```

    Args:
        *layers: The layers.

    Raises:
        NetworkError: A layer of the spec has an unknown type or unknown fields.
        TypeError: What is given is no layer.
    """

    def __init__(self, *layers: LayerLike) -> None:
        self._layers = tuple(_read_all(layers))

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> "Network": ...
    def __getitem__(self, index: int | slice) -> "Layer | Network":
        found = self._layers[index]
        return found if isinstance(found, Layer) else Network(*found)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self._layers))})"

    def faults(self) -> list[EngineError]:
        """Return what is illegal whatever the input, with paths ("layers", index, field)."""
        found = Problems()
        for index, layer in enumerate(self._layers):
            try:
                layer.check()
            except EngineError as error:
                found.add(error.under("layers", index))
        return found.errors

    def inspect(
        self, shape: tuple[int, ...], *, dtype: DTypeLike = np.float32
    ) -> list[LayerReport]:
        """Return a report per layer; computes nothing, and tells of an illegal layer in place.

        Args:
            shape: Shape of the input, 1 to 4 axes, as an array of the spec may have.
            dtype: float32 or float64, for the memory.

        Raises:
            ShapeError: The first layer that cares cannot read that many axes.
        """
        # One number seen from everywhere has any shape and needs no memory.
        x = as_batch(np.broadcast_to(np.float32(0), shape), self._layers)
        return inspect(self._layers, x.shape, dtype)

    def check(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output's shape for an input of this shape.

        Raises:
            NetworkError: Every illegal field at once, in the server's own sentences.
        """
        reports = self.inspect(shape)
        raise_problems(reports)
        output = reports[-1].output_shape if reports else shape
        return output if output is not None else ()


def written(value: Any) -> Any:
    """Return the engine's dataclasses as the spec writes them; anything else as it is."""
    if isinstance(value, Layer | Loss):
        given = {field.name: getattr(value, field.name) for field in _given(value)}
        if isinstance(value, CrossEntropy):
            given["target"] = np.asarray(value.target).tolist()
        return {"type": value.type, **given}
    if isinstance(value, PresetKernel):
        return {"preset": value.name}
    if isinstance(value, RandomKernel | RandomWeight):
        return {"random": dataclasses.asdict(value)}
    if isinstance(value, Select):
        return {field.name: getattr(value, field.name) for field in _given(value)}
    return value


def _given(value: Any) -> list["dataclasses.Field[Any]"]:
    """Return the fields that are not as they would be anyway."""
    return [
        field
        for field in dataclasses.fields(value)
        if getattr(value, field.name) is not field.default
    ]


def _read_all(layers: Iterable[LayerLike]) -> list[Layer]:
    read, errors = [], []
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer | Mapping):
            raise TypeError(
                f"Layer {index} is to be one of app.engine.layers, such as Relu(), or a mapping, "
                f"such as {{'type': 'relu'}}; this is {layer!r}."
            )
        try:
            read.append(layer if isinstance(layer, Layer) else _read(layer))
        except ParameterError as error:
            errors.append(error.under("layers", index))
    if errors:
        raise NetworkError(errors)
    return read


def _read(told: Mapping[str, Any]) -> Layer:
    """Return a layer of the spec as the engine's."""
    fields = dict(told)
    found = LAYER_TYPES.get(fields.pop("type", ""))
    if found is None:
        legal = ", ".join(LAYER_TYPES)
        raise ParameterError(
            f"The type is missing or unknown; legal are {legal}.", ("type",), legal
        )
    known = dataclasses.fields(cast("type[Any]", found))
    names = [field.name for field in known]
    for name in fields:
        if name not in names:
            raise _no_field((name,), ("type", *names))
    for field in known:
        if field.default is dataclasses.MISSING and field.name not in fields:
            raise ParameterError(f"{found.type} needs the field {field.name}.", (field.name,))
    return found(**{name: _read_value(name, value) for name, value in fields.items()})


def _no_field(path: tuple[str, ...], names: Sequence[str]) -> ParameterError:
    legal = ", ".join(names)
    return ParameterError(f"There is no such field here; legal are {legal}.", path, legal)


def _read_value(name: str, value: Any) -> Any:
    """Return a kernel or a weight that the spec names or describes as the engine's."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"preset"}:
        return PresetKernel(value["preset"])
    kind = RandomWeight if name == "weight" else RandomKernel
    described = value.get("random")
    if set(value) == {"random"} and isinstance(described, Mapping):
        # The spec lets the size of a drawn kernel be left out.
        given = {"size": 3, **described} if kind is RandomKernel else dict(described)
        legal = [field.name for field in dataclasses.fields(kind)]
        for one in given:
            if one not in legal:
                raise _no_field((name, "random", one), legal)
        if {"filters", "features"} & set(given):
            return kind(**given)
    raise ParameterError(
        f'{name} is neither numbers, nor {{"preset": name}}, nor {{"random": {{…}}}}.',
        (name,),
        "numbers, a preset or a random kernel",
    )
