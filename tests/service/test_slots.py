"""Compute slots: bounded, with a deadline, stopped when nobody waits."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from app.engine import interrupt
from app.service import slots as slots_module
from app.service.errors import ClientGone, Overloaded, QueueFull
from app.service.slots import Slots
from tests.loops import LoopThread


@pytest.fixture
def make() -> Iterator[Callable[..., Slots]]:
    made = []

    def build(
        count: int = 1,
        queue_length: int = 1,
        deadline_seconds: float = 5.0,
        queue_seconds: float = 5.0,
    ) -> Slots:
        made.append(Slots(count, queue_length, deadline_seconds, queue_seconds))
        return made[-1]

    yield build
    for slots in made:
        slots.close()


class Spinner:
    """A computation that goes on until it is let go or interrupted."""

    def __init__(self) -> None:
        self.started, self.released = threading.Event(), threading.Event()
        self.interrupted = False

    def __call__(self) -> str:
        self.started.set()
        while not self.released.is_set():
            try:
                interrupt.check()
            except BaseException:
                self.interrupted = True
                raise
            time.sleep(0.002)
        return "done"


def run(main: Coroutine[Any, Any, None]) -> None:
    loop = LoopThread()
    try:
        loop.run(main)
    finally:
        loop.close()


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 2
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


async def never() -> None:
    await asyncio.sleep(3600)


def test_result_and_errors_of_the_computation_pass_through(make: Callable[..., Slots]) -> None:
    def fail() -> None:
        raise LookupError("lost")

    async def main() -> None:
        slots = make()
        assert await slots.run(lambda: 42) == 42
        with pytest.raises(LookupError, match="lost"):
            await slots.run(fail)
        assert slots.taken == 0

    run(main())


def test_computation_beyond_the_queue_is_refused_at_once(make: Callable[..., Slots]) -> None:
    async def main() -> None:
        slots, first = make(count=1, queue_length=1), Spinner()
        running = asyncio.create_task(slots.run(first, never))
        waiting = asyncio.create_task(slots.run(lambda: "second", never))
        await until(lambda: slots.taken == 2)
        with pytest.raises(Overloaded, match="as many wait, 1") as refused:
            await slots.run(lambda: "third")
        assert refused.value.retry_after >= 1
        first.released.set()
        assert (await running, await waiting) == ("done", "second")
        assert slots.taken == 0

    run(main())


def test_deadline_stops_the_computation_and_frees_the_slot(make: Callable[..., Slots]) -> None:
    async def main() -> None:
        slots, spinner = make(deadline_seconds=0.1), Spinner()
        with pytest.raises(Overloaded, match=r"0\.1 s"):
            await slots.run(spinner, never)
        await until(lambda: slots.taken == 0)
        assert spinner.interrupted
        assert await slots.run(lambda: "next") == "next"

    run(main())


def test_waiting_counts_toward_the_deadline(make: Callable[..., Slots]) -> None:
    async def main() -> None:
        slots, ran = make(deadline_seconds=0.15), list[int]()
        deaf = asyncio.create_task(slots.run(lambda: time.sleep(0.4), never))
        await until(lambda: slots.taken == 1)
        with pytest.raises(Overloaded):
            await slots.run(lambda: ran.append(1), never)
        with pytest.raises(Overloaded):
            await deaf
        await until(lambda: slots.taken == 0)
        assert not ran

    run(main())


def test_nobody_waits_for_a_slot_beyond_the_limit_and_who_computes_goes_on(
    make: Callable[..., Slots],
) -> None:
    async def main() -> None:
        slots, first, ran = make(queue_seconds=0.15), Spinner(), list[int]()
        running = asyncio.create_task(slots.run(first, never))
        await until(lambda: slots.taken == 1)
        asked = time.monotonic()
        with pytest.raises(QueueFull, match=r"0\.15 s for a slot"):
            await slots.run(lambda: ran.append(1), never)
        assert 0.15 <= time.monotonic() - asked < 2
        assert slots.taken == 1
        first.released.set()
        assert await running == "done"
        assert await slots.run(lambda: "next") == "next"
        assert not ran

    run(main())


def test_computation_stops_within_a_quarter_second_when_the_client_leaves(
    make: Callable[..., Slots],
) -> None:
    async def main() -> None:
        slots, spinner, left = make(), Spinner(), asyncio.Event()
        running = asyncio.create_task(slots.run(spinner, left.wait))
        await until(spinner.started.is_set)
        await asyncio.sleep(0.1)
        gone = time.monotonic()
        left.set()
        with pytest.raises(ClientGone):
            await running
        await until(lambda: slots.taken == 0)
        assert time.monotonic() - gone < 0.25
        assert spinner.interrupted

    run(main())


def test_cancelled_request_stops_its_computation(make: Callable[..., Slots]) -> None:
    async def main() -> None:
        slots, spinner = make(), Spinner()
        running = asyncio.create_task(slots.run(spinner, never))
        await until(spinner.started.is_set)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(lambda: slots.taken == 0)
        assert spinner.interrupted

    run(main())


class Stopped(Exception):
    """Raised by the check of a computation that shall end."""


class Behind:
    """A computation behind the requests, in a thread of its own."""

    def __init__(self, slots: Slots) -> None:
        self.ticks = 0
        self.stopped = self.ended = False
        self._slots = slots
        self._thread = threading.Thread(target=self._compute)
        self._thread.start()

    def _compute(self) -> None:
        with contextlib.suppress(Stopped), self._slots.behind(self._check):
            while True:
                interrupt.check()
                self.ticks += 1
                time.sleep(0.001)
        self.ended = True

    def _check(self) -> None:
        if self.stopped:
            raise Stopped

    def moves(self) -> bool:
        before = self.ticks
        time.sleep(0.15)
        return self.ticks > before

    def stop(self) -> None:
        self.stopped = True
        self._thread.join(5)
        assert self.ended


def test_request_is_not_held_up_by_what_computes_behind_it(make: Callable[..., Slots]) -> None:
    slots = make(count=2)

    async def main() -> None:
        others = [Behind(slots) for _ in range(3)]
        await until(lambda: sum(other.ticks > 0 for other in others) == 2)
        spinner = Spinner()
        request = asyncio.ensure_future(slots.run(spinner))
        await until(spinner.started.is_set)
        await asyncio.sleep(0.05)
        assert not any(other.moves() for other in others), "they pause wherever they stand"
        spinner.released.set()
        assert await request == "done"
        await until(lambda: sum(other.moves() for other in others) == 2)
        for other in others:
            other.stop()
        follower = Behind(slots)
        await until(lambda: follower.ticks > 0)
        follower.stop()

    run(main())


def test_what_computes_behind_requests_rests_between_those_that_follow_each_other(
    make: Callable[..., Slots], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots_module, "REST_SECONDS", 60.0)
    monkeypatch.setattr(slots_module, "LONGEST_RUSH_SECONDS", 2.0)
    slots = make(count=2)

    async def main() -> None:
        other = Behind(slots)
        await until(lambda: other.ticks > 0)
        assert other.moves(), "nobody has asked yet"
        for _ in range(2):
            await slots.run(lambda: None)
            assert not other.moves(), "the next one may follow at once"
        end = time.monotonic() + 10
        while not other.moves():
            assert time.monotonic() < end, "a rush that does not end is not waited for"
        other.stop()

    run(main())


def test_what_waits_behind_requests_can_be_stopped(make: Callable[..., Slots]) -> None:
    slots = make(count=1)

    async def main() -> None:
        spinner = Spinner()
        request = asyncio.ensure_future(slots.run(spinner))
        await until(spinner.started.is_set)
        waiting = Behind(slots)
        waiting.stop()
        assert waiting.ticks == 0
        spinner.released.set()
        await request
        last = Behind(slots)
        await until(lambda: last.ticks > 0)
        last.stop()

    run(main())


def test_place_in_the_queue_is_free_as_soon_as_its_client_has_left(
    make: Callable[..., Slots], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots_module, "PATIENCE_SECONDS", 60.0)
    slots, spinner = make(), Spinner()

    async def gone() -> None:
        pass

    async def main() -> None:
        running = asyncio.create_task(slots.run(spinner))
        await asyncio.to_thread(spinner.started.wait)
        with pytest.raises(ClientGone):
            await asyncio.wait_for(slots.run(lambda: pytest.fail("computed"), gone), 2)
        assert slots.taken == 1
        spinner.released.set()
        assert await running == "done"

    run(main())
