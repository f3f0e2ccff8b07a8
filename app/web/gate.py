"""Who may ask: the Host a request names, the page it comes from, the token it carries.

The lab often runs on someone's own machine without a password, where any web page they visit can
send requests to it. A foreign page shows itself by `Sec-Fetch-Site` or `Origin`, which scripts on
a page cannot forge; a rebound DNS name shows itself in `Host`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.problems import Problem, problem_response

ANYONE = ("/livez", "/readyz")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine alone."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def split_host(value: str) -> tuple[str, str]:
    """Split a Host header into name and port; the name is "" where the header makes no sense."""
    try:
        parts = urlsplit(f"//{value}")
        port = "" if parts.port is None else str(parts.port)
    except ValueError:
        return "", ""
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return "", ""
    return (parts.hostname or "").rstrip("."), port


class Gate:
    """Middleware that turns away foreign hosts, foreign pages and requests without the token.

    Args:
        app: what it guards.
        hosts: names answered to besides loopback; `*` for any.
        any_address: whether every IP address is answered to. A rebound name is never one.
        token: the secret every request must carry; "" for none.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Sequence[str], any_address: bool, token: str
    ) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.any_address = any_address
        self.token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, if it may be."""
        if scope["type"] == "http" and (problem := self.judge(scope)) is not None:
            await problem_response(scope, problem)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def judge(self, scope: Scope) -> Problem | None:
        """Return why the request of `scope` is refused, or None."""
        headers = Headers(scope=scope)
        if not self._knows(split_host(headers.get("host", ""))[0]):
            return Problem(
                400,
                "This server does not answer to the host the request names; it answers to "
                "localhost and to what CONVSCOPE_ALLOWED_HOSTS lists.",
            )
        if _is_foreign(headers, scope["method"]):
            return Problem(
                403, "The request comes from a page of another site; only this one's may ask."
            )
        if self.token and scope["path"] not in ANYONE and not self._carries_token(headers):
            return Problem(
                401,
                "This server wants its token, as a Bearer token or as the password of Basic.",
                headers={"WWW-Authenticate": 'Basic realm="Convscope", charset="UTF-8"'},
            )
        return None

    def _knows(self, host: str) -> bool:
        if "*" in self.hosts or host in self.hosts or is_loopback(host):
            return True
        return self.any_address and _address(host) is not None

    def _carries_token(self, headers: Headers) -> bool:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        given = credentials.strip().encode("latin-1")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given, self.token)


def _is_foreign(headers: Headers, method: str) -> bool:
    """Tell whether a page of another origin sent the request."""
    if method not in SAFE_METHODS and headers.get("sec-fetch-site", "none") not in (
        "same-origin",
        "none",
    ):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    # By name and port alone: behind a proxy that ends TLS the schemes differ.
    try:
        ours, theirs = split_host(headers["host"]), urlsplit(origin)
        default = {"http": "80", "https": "443"}.get(theirs.scheme, "")
        port = default if theirs.port is None else str(theirs.port)
    except ValueError:
        return True
    return (theirs.hostname, port) != (ours[0], ours[1] or default)
