"""One process that decodes pictures, seen from both of its ends.

The two ends talk in bytes and JSON, never in pickles, and pixels travel in a sealed file in memory:
a decoder that a hostile picture has taken over can answer wrongly or not at all, and nothing more.
Memory files, their seals and a limit on what a process allocates are Linux's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import mmap
import multiprocessing
import os
import resource
import signal
import socket
import struct
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import imaging
from app.imaging import BrokenPicture, NotAPicture, Picture, PictureLimits, PictureTooLarge

# A process that has imported what decoding needs: forking from it takes 20 ms, not 400, is safe
# beside threads, and shares no memory with the server of requests.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])

_ERRORS = {kind.__name__: kind for kind in (BrokenPicture, NotAPicture, PictureTooLarge)}
_UNCHANGEABLE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
# Whom the kernel ends first when memory is short, of −1000 to 1000.
_FIRST_TO_GO = "1000"
_LONGEST_ANSWER = 65_536


class DecoderDied(Exception):
    """The process crashed, or was ended because it took too long; the message is a sentence."""


class Decoder:
    """The server's end.

    Args:
        limits: how large a picture may be.
        memory_bytes: what the process may allocate beyond what it starts with.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, limits: PictureLimits, memory_bytes: int) -> None:
        self._connection, theirs = _context.Pipe()
        with theirs:
            self._process = _context.Process(
                target=_serve, args=(theirs, limits, memory_bytes), daemon=True
            )
            self._process.start()

    def is_alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.is_alive()

    def kill(self) -> None:
        """End the process at once."""
        self._connection.close()
        self._process.kill()
        self._process.join()

    def read(
        self, content: bytes, seconds: float
    ) -> Picture | BrokenPicture | NotAPicture | PictureTooLarge:
        """Return the picture in `content`, or what is wrong with it.

        Raises:
            DecoderDied: the process is gone.
        """
        try:
            _bound(self._connection, seconds)
            self._connection.send_bytes(content)
            if not self._connection.poll(seconds):
                raise DecoderDied(f"its decoder took longer than {seconds:g} s.")
            told = json.loads(self._connection.recv_bytes(_LONGEST_ANSWER))
            if "error" in told:
                return _ERRORS[told.pop("error")](**told)
            pixels = _received(self._connection, tuple(told.pop("shape")))
            conversions = tuple(told.pop("conversions"))
            return Picture(pixels, conversions=conversions, **told)
        except DecoderDied:
            self.kill()
            raise
        except BlockingIOError as error:
            self.kill()
            raise DecoderDied(f"its decoder took longer than {seconds:g} s.") from error
        except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
            self.kill()
            raise DecoderDied("its decoder crashed.") from error


def _bound(connection: Connection, seconds: float) -> None:
    """Let no read or write of a connection wait longer: one that stands still may have no reader.

    What it then raises is BlockingIOError.
    """
    whole, part = divmod(round(seconds * 1e6), 1_000_000)
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            same.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", whole, part))


def _received(connection: Connection, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the pixels at the end of the memory that the process has written them to.

    Raises:
        OSError: it can still be changed.
        ValueError: it is too small for them.
    """
    descriptor = recv_handle(connection)
    try:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _UNCHANGEABLE)
        size = os.fstat(descriptor).st_size
        memory = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    pixels = math.prod(shape)
    return np.frombuffer(memory, np.uint8, pixels, size - pixels).reshape(shape)


def _serve(connection: Connection, limits: PictureLimits, memory_bytes: int) -> None:
    """Decode one picture after another: the process's own end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends its decoders itself
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data_pages = int(Path("/proc/self/statm").read_text().split()[5])
    most = data_pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    with contextlib.suppress(EOFError, ConnectionError):  # the server is gone
        while True:
            _answer(connection, connection.recv_bytes(), limits)


def _answer(connection: Connection, content: bytes, limits: PictureLimits) -> None:
    try:
        picture = imaging.decode(content, limits)
    except imaging.PictureError as error:
        connection.send_bytes(json.dumps({"error": type(error).__name__, **vars(error)}).encode())
        return
    told = {
        "shape": picture.shape,
        "mode": picture.mode,
        "format": picture.format,
        "conversions": picture.conversions,
    }
    descriptor = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb") as memory:
        picture.write(memory)
        memory.flush()
        connection.send_bytes(json.dumps(told).encode())
        send_handle(connection, descriptor, os.getppid())
