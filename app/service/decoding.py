"""Pictures of strangers are decoded by processes of their own: what a file breaks there is theirs.

A decoder is C code that reads hostile bytes. When one crashes, runs for ever or swells, its process
dies; the request gets a sentence, the next one a fresh process, and nobody else notices. Elsewhere
than on Linux, where Convscope serves its own user, pictures are decoded by the server itself.
"""

from __future__ import annotations

import contextlib
import queue
import sys

from app import imaging
from app.imaging import BrokenPicture, Picture, PictureError, PictureLimits
from app.service.errors import Overloaded, QueueFull

ISOLATED = sys.platform == "linux"
if ISOLATED:
    from app.service.decoder import Decoder, DecoderDied


class Decoding:
    """A few processes that decode, each one picture at a time.

    They start when they are needed, and end with this object or with the process that owns it.

    Args:
        processes: how many at most.
        limits: how large a picture may be.
        memory_bytes: what one may allocate.
        seconds: time for one picture, and for waiting until a process is free.
    """

    def __init__(
        self, processes: int, limits: PictureLimits, memory_bytes: int, seconds: float
    ) -> None:
        self._limits = limits
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        # Those that have rested least come first; None stands for one that is not started.
        self._free: queue.LifoQueue[Decoder | None] = queue.LifoQueue()
        for _ in range(processes):
            self._free.put(None)

    def start(self) -> None:
        """Start one process, which the first picture would wait for otherwise."""
        if not ISOLATED:
            return
        decoder = self._free.get()
        self._free.put(decoder or self._fresh())

    def read(self, content: bytes) -> Picture:
        """Decode a picture; blocks.

        Args:
            content: the file's bytes.

        Raises:
            PictureError: it is no picture, or too large, or broken, or breaks its decoder.
            Overloaded: no process became free in time, or none can be started.
        """
        if not ISOLATED:
            return imaging.read(content, self._limits)
        try:
            decoder = self._free.get(timeout=self._seconds)
        except queue.Empty:
            raise QueueFull("Every decoder is busy.") from None
        try:
            if decoder is not None and not decoder.is_alive():
                decoder.kill()
                decoder = None
            decoder = decoder or self._fresh()
            answer = decoder.read(content, self._seconds)
        except DecoderDied as death:
            decoder = None
            raise BrokenPicture(f"The picture cannot be decoded: {death}") from death
        finally:
            self._free.put(decoder)
        if isinstance(answer, PictureError):
            raise answer
        return answer

    def _fresh(self) -> Decoder:
        try:
            return Decoder(self._limits, self._memory_bytes)
        except OSError as error:
            raise Overloaded("The machine has no room for another process.") from error

    def close(self) -> None:
        """End the processes that rest."""
        with contextlib.suppress(queue.Empty):
            while True:
                if decoder := self._free.get_nowait():
                    decoder.kill()
