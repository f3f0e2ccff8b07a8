"""Writes to a connection, as the event loop hands them to its socket."""

import asyncio
import contextlib
import dataclasses
import socket
import sys
from collections.abc import Callable

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.settings import Settings
from app.web import serving
from app.web.connection import guarded
from app.web.transport import MOST_COPIED, Together
from app.web.watching import Watch
from tests.web.shell.asking import Shell


class Socket(asyncio.Transport):
    """Notes what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.seen.append(bytes(data))

    def close(self) -> None:
        self.seen.append("closed")

    def abort(self) -> None:
        self.seen.append("aborted")


def seen_after(*turns: Callable[[Together], None]) -> list[bytes | str]:
    """What reaches the socket of what each turn of the event loop does with the connection."""

    async def run() -> list[bytes | str]:
        below = Socket()
        together = Together(below, asyncio.get_running_loop())
        for turn in turns:
            turn(together)
            await asyncio.sleep(0)
        return below.seen

    return asyncio.run(run())


def writes(*parts: bytes) -> Callable[[Together], None]:
    """A turn that writes these."""

    def turn(together: Together) -> None:
        for part in parts:
            together.write(part)

    return turn


def test_what_is_written_in_one_turn_is_sent_at_once() -> None:
    assert seen_after(writes(b"head", b"body")) == [b"headbody"]
    assert seen_after(writes(b"head"), writes(b"body")) == [b"head", b"body"]
    assert seen_after(writes(b"")) == []


def test_the_end_of_an_answer_sends_it_without_waiting_for_the_turn_to_end() -> None:
    assert seen_after(writes(b"head", b"body", b"", b"next")) == [b"headbody", b"next"]


@pytest.mark.parametrize(("length", "sent"), [(MOST_COPIED - 4, 1), (MOST_COPIED - 3, 2)])
def test_long_bodies_are_not_copied(length: int, sent: int) -> None:
    seen = seen_after(writes(b"head", bytes(length)))
    assert len(seen) == sent
    assert b"".join(part for part in seen if isinstance(part, bytes)) == b"head" + bytes(length)


def test_closing_sends_what_is_left_and_aborting_does_not() -> None:
    def closes(together: Together) -> None:
        writes(b"last")(together)
        together.close()

    def aborts(together: Together) -> None:
        writes(b"last")(together)
        together.abort()

    assert seen_after(closes) == [b"last", "closed"]
    assert seen_after(aborts) == ["aborted"]


@pytest.mark.parametrize(("told", "rests"), [(0.1, 1), (1.0, 1), (1.2, 2), (30.0, 30)])
def test_connection_may_rest_at_least_as_long_as_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, told: float, rests: int
) -> None:
    seen: list[int] = []

    def run(server: serving.DrainingServer, sockets: object) -> None:
        seen.append(server.config.timeout_keep_alive)

    monkeypatch.setattr(serving.DrainingServer, "run", run)
    monkeypatch.setattr(serving, "write_logs", lambda _: None)
    monkeypatch.setattr(sys, "setswitchinterval", lambda _: None)
    serving.serve(shell.app, dataclasses.replace(shell.app.state.settings, idle_seconds=told))
    assert seen == [rests]


class Line(Socket):
    """A connection that always keeps the same for later."""

    def __init__(self, below: socket.socket) -> None:
        super().__init__()
        self._below = below

    def get_write_buffer_size(self) -> int:
        return 100_000

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._below if name == "socket" else default


def test_reader_that_is_always_as_far_behind_is_cut_only_once_it_stops(shell: Shell) -> None:
    kind = guarded(Settings(stall_seconds=5, header_seconds=1000))
    config = uvicorn.Config(shell.app, http=kind, lifespan="off")
    loop, clock = asyncio.new_event_loop(), [0.0]
    loop.time = lambda: clock[0]  # type: ignore[method-assign]
    with contextlib.closing(loop), socket.socket() as below:
        line = Line(below)
        connection = kind(config, ServerState(), {}, loop)
        connection.connection_made(line)
        connection.flow.pause_writing()
        for _ in range(10):  # of each answer it takes as much as the next one brings
            clock[0] += 4
            connection.transport.write(bytes(50_000))
            connection.transport.write(b"")
            connection.look()
        assert "aborted" not in line.seen
        for _ in range(2):
            clock[0] += 4
            connection.look()
        assert line.seen[-1] == "aborted"


class Reader:
    """A connection with so much to read, and slow since then."""

    def __init__(self, unread: int, slow_since: float) -> None:
        self._unread = unread
        self.slow_since = slow_since
        self.dropped = False

    def look(self) -> None:
        pass

    def unread(self) -> int:
        return self._unread

    def drop(self) -> None:
        self.dropped = True


@pytest.mark.parametrize(
    ("most", "dropped"), [(60, []), (59, [2]), (40, [2]), (39, [2, 0]), (9, [2, 0, 1])]
)
def test_those_that_read_slowest_for_longest_go_when_answers_take_too_much(
    most: int, dropped: list[int]
) -> None:
    readers = [Reader(30, 2.0), Reader(10, 3.0), Reader(20, 1.0), Reader(0, 0.0)]

    async def run() -> None:
        watch = Watch(Settings(answers_bytes=most, header_seconds=0.01))
        for reader in readers:
            watch.add(reader, asyncio.get_running_loop())
        await asyncio.sleep(0.02)

    asyncio.run(run())
    assert {at for at, reader in enumerate(readers) if reader.dropped} == set(dropped)
