"""One computation to compare: layers and a loss in the API's own words, with real numbers."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Spec = Mapping[str, Any]
Numbers = dict[str, Array]


class Refused(Exception):
    """The computation is illegal, said by whoever was asked to do it."""


@dataclass(frozen=True)
class Case:
    """A network spec, its input and its loss, as `POST /backward` would be sent them.

    Attributes:
        op: The row of the table it counts in.
        name: What tells it apart from the others of its op.
        layers: Layer specs with the API's field names; arrays are float64.
        x: Input, float64, with its batch axis.
        loss: Loss spec; `"upstream"` without values gets random ones in the output's shape.
    """

    op: str
    name: str
    layers: Sequence[Spec]
    x: Array
    loss: Spec = field(default_factory=lambda: {"type": "upstream"})

    def in_dtype(self, dtype: str) -> "Case":
        """Return the case with every array rounded to `dtype`."""
        return replace(
            self,
            x=self.x.astype(dtype),
            layers=[rounded(layer, dtype) for layer in self.layers],
            loss=rounded(self.loss, dtype),
        )

    def with_upstream(self, output_shape: Sequence[int]) -> "Case":
        """Return the case with values for a loss that is given by its gradient alone."""
        if self.loss["type"] != "upstream" or "values" in self.loss:
            return self
        values = random_for(self.name, "upstream").normal(size=tuple(output_shape))
        return replace(self, loss={**self.loss, "values": values.astype(self.x.dtype)})

    @property
    def gradients(self) -> list[str]:
        """Return the name of every gradient there is: input, outputs and parameters."""
        names = ["input"]
        for index, layer in enumerate(self.layers):
            names += [f"layers.{index}.{key}" for key in parameters_of(layer)]
            names.append(f"layers.{index}.output")
        return names


PARAMETERS = ("kernel", "weight", "bias", "mean", "variance")


def parameters_of(layer: Spec) -> list[str]:
    """Return the names of a layer's arrays that are given."""
    return [key for key in PARAMETERS if layer.get(key) is not None]


def rounded(spec: Spec, dtype: str) -> dict[str, Any]:
    """Return a spec with its arrays in `dtype`; classes stay integers."""
    return {
        key: value.astype(dtype) if getattr(value, "dtype", None) == np.float64 else value
        for key, value in spec.items()
    }


def random_for(*words: object) -> np.random.Generator:
    """Return a generator whose seed follows from the words alone, the same on every machine."""
    return np.random.default_rng(zlib.crc32(" ".join(map(str, words)).encode()))


def sample(cases: Iterable[Case], count: int) -> list[Case]:
    """Return `count` of the cases, or all where there are fewer, drawn the same way each time."""
    every = list(cases)
    if len(every) <= count:
        return every
    chosen = random_for("sample", count).choice(len(every), count, replace=False)
    return [every[index] for index in sorted(chosen)]
