"""Answering: one computation in a slot, its result in the form that was asked for, timed."""

import time
from collections.abc import Callable

from fastapi import Request
from starlette.responses import Response

from app.imaging import Rendering
from app.service import memory
from app.service.errors import ClientGone
from app.service.memory import Writing
from app.service.slots import Slots
from app.service.specs import Returning
from app.web.admission import CLIENT_CLOSED_REQUEST, has_left
from app.web.negotiation import JSON, NPZ, PNG

# Text that numbers are written as, twice while it is put together: sign, digits, exponent, comma.
JSON_BYTES = {"uint8": 8.0, "uint16": 12.0}
LONGEST_JSON = 48.0


def writing(
    media_type: str, returning: Returning, drawing: Rendering, *, summed: bool = False
) -> Writing:
    """Return how an answer of this form is written, for the memory that it takes.

    Args:
        media_type: The form.
        returning: What goes back.
        drawing: How a picture of it is drawn.
        summed: Whether the channels go back as their sum.
    """
    if media_type == PNG:
        plain = drawing.clip == 100 and not drawing.overlay and not drawing.legend
        return memory.drawn(returning, plain=plain, summed=summed)
    if media_type == JSON:
        return Writing(returning, 0, JSON_BYTES.get(returning.dtype or "", LONGEST_JSON))
    return Writing(returning, 2 if media_type == NPZ else 1)


class Timing:
    """Milliseconds per stage, for the Server-Timing header."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._stages: list[str] = []

    def mark(self, stage: str) -> None:
        """End a stage: everything since the last mark belongs to it."""
        now = time.perf_counter()
        self._stages.append(f"{stage};dur={(now - self._last) * 1e3:.3f}")
        self._last = now

    def header(self) -> str:
        """Return the value of Server-Timing."""
        return ", ".join(self._stages)


async def answer_in_slot(
    request: Request,
    media_type: str,
    timing: Timing,
    compute: Callable[[Callable[[str], None]], bytes],
) -> Response:
    """Return what `compute` returns as a response; it runs in a slot, not on the event loop.

    Args:
        request: The request; when its client leaves, the computation stops.
        media_type: What `compute` makes.
        timing: The request's stages so far.
        compute: Takes a function that ends a stage by its name.
    """
    slots: Slots = request.app.state.slots

    def job() -> bytes:
        if has_left(request.scope):
            raise ClientGone("The client has left.")
        timing.mark("queue")
        return compute(timing.mark)

    async def gone() -> None:
        # The body has been read, so nothing but the end of the connection can still come.
        while (await request.receive())["type"] != "http.disconnect":
            pass

    try:
        content = await slots.run(job, gone)
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return answered(content, media_type, timing)


def answered(content: bytes, media_type: str, timing: Timing) -> Response:
    """Return the content as a response that tells how long each stage took."""
    return Response(
        content,
        media_type=media_type,
        headers={"Server-Timing": timing.header(), "Cache-Control": "no-store", "Vary": "Accept"},
    )
