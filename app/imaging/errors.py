"""Why bytes could not be read as a picture."""

from __future__ import annotations

from collections.abc import Sequence


class PictureError(ValueError):
    """Bytes that cannot become a picture; `message` is one sentence for the person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotAPicture(PictureError):
    """The content is of no accepted type, whatever its name says.

    Attributes:
        accepted: names of the types that are.
    """

    def __init__(self, message: str, accepted: Sequence[str]) -> None:
        super().__init__(message)
        self.accepted = tuple(accepted)


class BrokenPicture(PictureError):
    """The content begins like a picture but is truncated, corrupt or of an unusual layout."""


class PictureTooLarge(PictureError):
    """The header announces more pixels than a limit allows; nothing was decoded.

    Attributes:
        limit: the number in force.
        actual: what the header announces.
    """

    def __init__(self, message: str, *, limit: int, actual: int) -> None:
        super().__init__(message)
        self.limit = limit
        self.actual = actual
