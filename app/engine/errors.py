"""The engine's errors: one small family that says what was wrong and what would be legal."""

from collections.abc import Sequence
from typing import Self

Path = tuple[str | int, ...]


class EngineError(ValueError):
    """A request that the engine cannot carry out.

    Attributes:
        message: One sentence with the offending numbers and the legal range.
        path: Where the fault stands in the caller's arguments or network spec, outermost first.
        legal: The legal range alone.
    """

    def __init__(self, message: str, path: Path = (), legal: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.legal = legal

    def __reduce__(self) -> tuple[type[Self], tuple[str, Path, str]]:
        return type(self), (self.message, self.path, self.legal)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, path={self.path!r})"

    def under(self, *prefix: str | int) -> Self:
        """Return the same error with `prefix` before its path, e.g. `under("layers", 2)`."""
        return type(self)(self.message, (*prefix, *self.path), self.legal)


class ParameterError(EngineError):
    """A parameter outside its legal range, whatever the input."""


class ShapeError(EngineError):
    """Shapes or dtypes that do not fit together."""


class NetworkError(EngineError):
    """Every problem of a network at once.

    Attributes:
        errors: The problems, each with its path from the network's root.
    """

    def __init__(self, errors: Sequence[EngineError]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(error.message for error in self.errors))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[EngineError, ...]]]:  # type: ignore[override]
        return type(self), (self.errors,)

    def under(self, *prefix: str | int) -> Self:
        """Return the same error with `prefix` before the path of each problem."""
        return type(self)([error.under(*prefix) for error in self.errors])
