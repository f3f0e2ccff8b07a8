"""What can go wrong in a use case, apart from the engine's and the pictures' own errors.

The web layer turns each into one status; nothing here knows of HTTP.
"""

from __future__ import annotations


class ServiceError(Exception):
    """A use case could not be carried out; `message` is one sentence for the person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MalformedBody(ServiceError):
    """The body of a request cannot be read at all."""


class NotFound(ServiceError):
    """What was named does not exist, or no longer."""


class InUse(ServiceError):
    """What was named cannot be changed now; later it can."""


class OverQuota(ServiceError):
    """There is no room for more of this kind until something else ends or is deleted.

    Attributes:
        limit: the number in force.
        actual: what there would be.
        retry_after: seconds after which it may be worth asking again.
    """

    def __init__(self, message: str, *, limit: int, actual: int, retry_after: int = 30) -> None:
        super().__init__(message)
        self.limit = limit
        self.actual = actual
        self.retry_after = retry_after


class StoreFull(ServiceError):
    """The disk, or the quota of the store, has no room."""


class Overloaded(ServiceError):
    """Too much is running or waiting; the same request may succeed later."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Overloaded):
    """As many wait as may."""


class DeadlinePassed(Overloaded):
    """The work was not done in its time, waiting included."""


class LimitExceeded(ServiceError):
    """A legal request asks for more than a limit allows; nothing of it was done.

    Attributes:
        limit: the number in force.
        actual: what the request asks for, estimated where it can't be known.
    """

    def __init__(
        self,
        message: str,
        *,
        limit: int | float,
        actual: int | float,
        path: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.actual = actual
        self.path = path


class TooMuchWork(ServiceError):
    """Legal, but dearer than one request may be; nothing of it was done.

    Attributes:
        estimated: what the request would need.
        limit: what one request may need, in the same unit.
    """

    def __init__(self, message: str, *, estimated: int, limit: int) -> None:
        super().__init__(message)
        self.estimated = estimated
        self.limit = limit


class ClientGone(ServiceError):
    """Nobody waits for the answer any more."""
