"""When to ask again, and how long to wait first."""

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

# The connection never stood, or broke before the answer was whole. A slow answer is none of them:
# asked again, the server would only have more to do.
DROPPED = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
LATER = (429, 503)


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How patient a client is; every request of the API may be repeated.

    Attributes:
        times: How often to ask again after the first time.
        backoff: Seconds before the second time; doubled from then on. `Retry-After` goes first.
        longest: Most seconds to wait; a server that wants more is not waited for.
    """

    times: int = 3
    backoff: float = 0.25
    longest: float = 30.0

    def pause(self, asked: int, found: httpx.Response | httpx.RequestError) -> float | None:
        """Return the seconds to wait before asking again; None if that is of no use.

        Args:
            asked: How often it has been asked already.
            found: What came of it.
        """
        if asked > self.times:
            return None
        told = None
        if isinstance(found, httpx.Response):
            if found.status_code not in LATER:
                return None
            told = _retry_after(found)
        elif not isinstance(found, DROPPED):
            return None
        # Clients that were turned away together must not come back together.
        backoff = self.backoff * 2 ** (asked - 1) * random.uniform(0.5, 1)  # noqa: S311
        pause = backoff if told is None else told
        return pause if pause <= self.longest else None


def _retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds that Retry-After tells, as a number or as a date."""
    told = answer.headers.get("retry-after", "")
    if told.isdecimal():
        return float(told)
    try:
        return max(parsedate_to_datetime(told).timestamp() - time.time(), 0)
    except ValueError:
        return None
