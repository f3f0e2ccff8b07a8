"""One request and what comes of it, however it is carried."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
from safetensors import SafetensorError

from app.client.errors import ConvscopeError, NoAnswer, Problem, TimedOut, Unintelligible
from app.client.retries import Retries

T = TypeVar("T")

# An answer, or why there is none that could be read.
Found = httpx.Response | httpx.RequestError


@dataclass(frozen=True, eq=False)
class Call(Generic[T]):
    """One request, which may be sent any number of times.

    Attributes:
        method: Of HTTP.
        address: Path below the server's address.
        read: Reads the answer.
        options: What httpx sends along.
        expected: Statuses besides 2xx that `read` reads.
    """

    method: str
    address: str
    read: Callable[[httpx.Response], T]
    options: Mapping[str, Any] = field(default_factory=dict)
    expected: tuple[int, ...] = ()

    def pause(self, retries: Retries, found: Found, asked: int) -> float | None:
        """Return the seconds to wait before asking again; None if the answer is final.

        Args:
            retries: How patient the client is.
            found: What came of it.
            asked: How often it was asked.
        """
        if isinstance(found, httpx.Response) and found.status_code in self.expected:
            return None
        return retries.pause(asked, found)

    def result(self, found: Found, asked: int) -> T:
        """Return what the answer says.

        Args:
            found: The answer, or why there is none.
            asked: How often it was asked.

        Raises:
            ConvscopeError: There is no answer, or it tells a problem.
        """
        if not isinstance(found, httpx.Response):
            raise _no_answer(found) from found
        # What is gone at the second time of asking, the first time has deleted.
        deleted = self.method == "DELETE" and asked > 1 and found.status_code == 404
        if not (found.is_success or deleted or found.status_code in self.expected):
            raise _problem(found)
        try:
            return self.read(found)
        except (ValueError, LookupError, TypeError, SafetensorError) as error:
            raise _unintelligible(found.url) from error


def _server(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _unintelligible(url: httpx.URL) -> Unintelligible:
    return Unintelligible(f"What answers at {_server(url)} is not Convscope.")


def _no_answer(error: httpx.RequestError) -> ConvscopeError:
    server = _server(error.request.url)
    if isinstance(error, httpx.DecodingError):
        return _unintelligible(error.request.url)
    if isinstance(error, httpx.LocalProtocolError):  # whose own words would show the token
        return NoAnswer(f"HTTP cannot carry this request to {server}; look at the token.")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NoAnswer(f"No server answers at {server}.")
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"{server} did not answer in time.")
    return NoAnswer(f"{server} dropped the connection.")


def _problem(answer: httpx.Response) -> Problem:
    told: Any = {}
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        with contextlib.suppress(ValueError):
            told = answer.json()
    return Problem.of(answer.status_code, told if isinstance(told, Mapping) else {})
