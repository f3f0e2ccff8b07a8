"""What can go wrong: no answer, an answer that is none, or a problem that the server tells.

```
ConvscopeError
├── NoAnswer              nothing came back
│   └── TimedOut          … in time
├── Unintelligible        something else than this API answered
└── Problem               the server answered application/problem+json (RFC 9457)
    ├── Malformed         400
    ├── Unauthorized      401
    ├── Forbidden         403
    ├── NotFound          404
    ├── NotAcceptable     406
    ├── Conflict          409
    ├── TooLarge          413
    ├── UnsupportedType   415
    ├── Invalid           422
    ├── OverQuota         429
    ├── ServerFailed      500
    ├── Overloaded        503
    └── StoreFull         507
```
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ConvscopeError(Exception):
    """Whatever this client raises; its text is one sentence for a person."""


class NoAnswer(ConvscopeError):
    """No server answers at this address, or it dropped the connection."""


class TimedOut(NoAnswer):
    """The server did not answer in time."""


class Unintelligible(ConvscopeError):
    """What answers at this address is not the API."""


class Problem(ConvscopeError):
    """The server told a problem; the class says which, `Problem` itself where none is made for it.

    Attributes:
        status: HTTP status.
        title: What the status is called.
        detail: One sentence with the offending numbers and what would be legal.
        errors: Each fault with its JSON pointer into the request.
        request_id: Where the server's log tells more.
        members: Further members, such as `limit` and `actual`.
    """

    statuses: ClassVar[dict[int, type["Problem"]]] = {}

    def __init_subclass__(cls, *, status: int) -> None:
        super().__init_subclass__()
        Problem.statuses[status] = cls

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        self._told = dict(told)
        members = dict(told)
        self.status = status
        self.title: str = members.pop("title", "")
        self.detail: str = members.pop("detail", "") or f"The server answered {status}."
        self.errors: list[dict[str, str]] = members.pop("errors", [])
        self.request_id: str = members.pop("request_id", "")
        self.members = members
        super().__init__(self.detail)

    @classmethod
    def of(cls, status: int, told: Mapping[str, Any]) -> "Problem":
        """Return the problem as the class of its status."""
        return cls.statuses.get(status, cls)(status, told)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled by their text alone, which is not what this one is made of; a pool
        # of processes whose worker raised it would wait for ever.
        return type(self), (self.status, self._told)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status}, {self.detail!r})"


class Malformed(Problem, status=400):
    """The request could not be read."""


class Unauthorized(Problem, status=401):
    """The server wants a token."""


class Forbidden(Problem, status=403):
    """The server does not answer to this name, or not to this page."""


class NotFound(Problem, status=404):
    """There is no such picture, sample or address; an upload may have expired."""


class NotAcceptable(Problem, status=406):
    """The answer cannot be made in the form asked for."""


class Conflict(Problem, status=409):
    """It cannot be had or changed as things stand: a job still runs, or computes on it."""


class TooLarge(Problem, status=413):
    """The body has more bytes than the server takes."""


class UnsupportedType(Problem, status=415):
    """The content is no picture, or the body of no type that is read here."""


class Invalid(Problem, status=422):
    """The request is illegal or beyond a limit; `errors` points at each fault."""


class OverQuota(Problem, status=429):
    """This client has asked for too much; later it may ask again."""


class ServerFailed(Problem, status=500):
    """The server failed in a way it did not foresee."""


class Overloaded(Problem, status=503):
    """Too much is running, or it took too long; the same request may succeed later."""


class StoreFull(Problem, status=507):
    """The server has no room for the upload."""
