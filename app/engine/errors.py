"""The engine's errors: one small family that says what was wrong and what would be legal."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Path = tuple[str | int, ...]

# A name of the API keeps its letters: no padding_mode becomes a Padding_mode, no x an X.
_API_NAME = re.compile(r"[a-z]+[_0-9]\w*|[b-z]\b")


def as_sentence(text: str) -> str:
    """Return `text` with a capital at its beginning and a full stop at its end."""
    begun = f"The {text}" if _API_NAME.match(text) else text[:1].upper() + text[1:]
    return begun if begun.endswith(".") else f"{begun}."


@dataclass(frozen=True, slots=True)
class Misfit:
    """A kernel or window that spans more than its padded input has, along one axis.

    Attributes:
        what: "kernel" or "window".
        axis: The axis, "rows" or "cols"; of a signal "length".
        size: Cells of the kernel or window.
        dilation: Steps from one of them to the next.
        span: Cells of the input from the first to the last of them.
        padded: Cells of the input with its padding.
        legal_span: The largest span that is legal; more than `padded` where it may overhang.
    """

    what: str
    axis: str
    size: int
    dilation: int
    span: int
    padded: int
    legal_span: int


class EngineError(ValueError):
    """A request that the engine cannot carry out.

    Attributes:
        message: One sentence with the offending numbers and the legal range; its capital and its
            full stop need not be given.
        path: Where the fault stands in the caller's arguments or network spec, outermost first.
        legal: The legal range alone.
        misfit: The numbers of the message, where a kernel or window spans too much.
    """

    def __init__(
        self, message: str, path: Path = (), legal: str = "", misfit: Misfit | None = None
    ) -> None:
        self.message = as_sentence(message)
        super().__init__(self.message)
        self.path = path
        self.legal = legal
        self.misfit = misfit

    def __reduce__(self) -> tuple[type[Self], tuple[str, Path, str, Misfit | None]]:
        return type(self), (self.message, self.path, self.legal, self.misfit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, path={self.path!r})"

    def under(self, *prefix: str | int) -> Self:
        """Return the same error with `prefix` before its path, e.g. `under("layers", 2)`."""
        return self.at((*prefix, *self.path))

    def at(self, path: Path) -> Self:
        """Return the same error, told of another place."""
        return type(self)(self.message, path, self.legal, self.misfit)


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
