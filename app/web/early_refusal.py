"""Turning computations away at the socket while the queue is full.

Ten times as much as can be computed is a thousand requests a second. Each takes 1.5 ms of the event
loop before the application has it and its refusal is sent, and whoever asks when the rush is over
waits behind all of them. Whether there is a place is known before any of that: a request that has
arrived whole is answered with bytes, and the connection stays as it is.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from app.service.errors import QueueFull
from app.service.slots import Slots
from app.web.admission import COMPUTING
from app.web.headers import every_answer
from app.web.lifecycle import account
from app.web.metrics import Metrics
from app.web.problems import from_service, problem_response

# Any other request goes the long way: one in pieces, one that wants something of the connection.
_START = re.compile(rb"POST (/api/v1/[a-z]+) HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,9}) *(?=\r\n)", re.IGNORECASE)
_PECULIAR = re.compile(rb"\r\n(transfer-encoding:|expect:|connection: *close)", re.IGNORECASE)


class EarlyRefusal:
    """Answers computations that find no place.

    Args:
        slots: where they would run.
        metrics: where answers are counted.
    """

    def __init__(self, slots: Slots, metrics: Metrics) -> None:
        self._slots = slots
        self._metrics = metrics

    def __call__(self, received: bytes) -> bytes | None:
        """Return the answer to the one whole request that was received, or None to go on with it.

        Args:
            received: What came on a connection at rest.
        """
        try:
            self._slots.refuse_when_full()
        except QueueFull as full:
            if (path := _whole_computation(received)) is not None:
                return self._refusal(path, full)
        return None

    def _refusal(self, path: str, full: QueueFull) -> bytes:
        began, request_id = time.perf_counter(), secrets.token_hex(8)
        state = {"request_id": request_id, "route": path}
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "state": state}
        answer = problem_response(scope, from_service(full))
        lines = [f"{name}: {value}" for name, value in every_answer(request_id).items()]
        lines += [f"{name.decode()}: {value.decode()}" for name, value in answer.raw_headers]
        head = "\r\n".join(("HTTP/1.1 503 Service Unavailable", *lines, "", ""))
        account(self._metrics, scope, answer.status_code, time.perf_counter() - began)
        return head.encode("latin-1") + bytes(answer.body)


def _whole_computation(received: bytes) -> str | None:
    """Return the path of a computation that was received whole, and with nothing behind it."""
    start = _START.match(received)
    if start is None or (path := start[1].decode()) not in COMPUTING:
        return None
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = _LENGTH.findall(head + b"\r\n")
    if len(lengths) != 1 or int(lengths[0]) != len(body) or _PECULIAR.search(head):
        return None
    return path
