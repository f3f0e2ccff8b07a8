"""What the server answers: maps, gradients, or the problem that it found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class ConvscopeError(Exception):
    """The server answered with a problem.

    Attributes:
        status: HTTP status.
        problem: The problem as the server told it (RFC 9457).
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        super().__init__(f"{status}: {problem.get('detail', 'no detail')}")

    @property
    def errors(self) -> list[dict[str, str]]:
        """Each fault with its JSON pointer into the request."""
        return list(self.problem.get("errors", []))


@dataclass(frozen=True, eq=False)
class Maps:
    """The answer to a forward pass.

    Attributes:
        envelope: Everything told about each layer.
        arrays: Feature maps by layer index.
    """

    envelope: dict[str, Any]
    arrays: dict[int, Array]

    @property
    def layers(self) -> list[dict[str, Any]]:
        """What is told about each layer."""
        layers: list[dict[str, Any]] = self.envelope["layers"]
        return layers

    @property
    def output(self) -> Array:
        """The maps of the last layer that came back."""
        return self.arrays[max(self.arrays)]


@dataclass(frozen=True, eq=False)
class Gradients(Mapping[str, Array]):
    """The answer to a backward pass: gradients by name.

    Attributes:
        loss: Value of the loss; None where it is not finite.
        envelope: Everything told about the gradients.
        arrays: The gradients.
    """

    loss: float | None
    envelope: dict[str, Any]
    arrays: dict[str, Array] = field(repr=False)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)
