"""One request and what comes of it, however it is carried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
from safetensors import SafetensorError

from app.client.errors import ConvscopeError, NoAnswer, Problem, TimedOut, Unintelligible
from app.client.retries import Retries

T = TypeVar("T")


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

    def pause(
        self, retries: Retries, found: httpx.Response | httpx.TransportError, asked: int
    ) -> float | None:
        """Return the seconds to wait before asking again; None if the answer is final.

        Args:
            retries: How patient the client is.
            found: What came of it.
            asked: How often it was asked.
        """
        if isinstance(found, httpx.Response) and found.status_code in self.expected:
            return None
        return retries.pause(asked, found)

    def result(self, found: httpx.Response | httpx.TransportError, asked: int) -> T:
        """Return what the answer says.

        Args:
            found: The answer, or why there is none.
            asked: How often it was asked.

        Raises:
            ConvscopeError: There is no answer, or it tells a problem.
        """
        if isinstance(found, httpx.TransportError):
            raise _no_answer(found) from found
        # What is gone at the second time of asking, the first time has deleted.
        deleted = self.method == "DELETE" and asked > 1 and found.status_code == 404
        if not (found.is_success or deleted or found.status_code in self.expected):
            raise _problem(found)
        try:
            return self.read(found)
        except (ValueError, LookupError, TypeError, SafetensorError) as error:
            address = f"{found.url.scheme}://{found.url.netloc.decode()}"
            raise Unintelligible(f"What answers at {address} is not Convscope.") from error


def _no_answer(error: httpx.TransportError) -> ConvscopeError:
    url = error.request.url
    server = f"{url.scheme}://{url.netloc.decode()}"
    if isinstance(error, httpx.UnsupportedProtocol):
        return NoAnswer(f"{server} is no address; it begins with http:// or https://.")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NoAnswer(f"No server answers at {server}.")
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"{server} did not answer in time.")
    return NoAnswer(f"{server} dropped the connection.")


def _problem(answer: httpx.Response) -> Problem:
    told: Any = {}
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        told = answer.json()
    return Problem.of(answer.status_code, told)
