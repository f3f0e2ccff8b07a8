"""Long lists of numbers: read and written in pieces, and the same as at once."""

import json
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from pydantic_core import PydanticCustomError

from app.service.answers import Answer
from app.web import strict_json
from app.web.arrays import ArrayContext, read_array
from app.web.wire import as_json


def longest_turn(work: Callable[[], object]) -> float:
    """Return the seconds for which `work` let no other thread go on."""
    ended, longest = threading.Event(), 0.0

    def watch() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not ended.is_set():
            time.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    ended.set()
    watcher.join()
    return longest


def test_long_list_is_read_and_written_in_turns_with_other_threads() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    text = b"[%s]" % b",".join([b"1.5"] * 1_000_000)
    array = np.ones(1_000_000)

    def read() -> None:
        read_array(strict_json.parse(text, 8), ArrayContext(), (1,))

    def write() -> None:
        as_json(Answer({}, {"x": array}, {"x": {}}))

    try:
        at_once = min(longest_turn(lambda: json.loads(text)) for _ in range(3))
        for work in (read, write):
            assert min(longest_turn(work) for _ in range(3)) < at_once / 3
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("shape", [(40_000,), (3, 20_000), (20_000, 3), (2, 3, 5_000, 1)])
def test_long_list_is_the_array_that_it_shows(shape: tuple[int, ...]) -> None:
    shown = np.arange(np.prod(shape)).reshape(shape) - 7.5
    read = read_array(shown.tolist(), ArrayContext(np.dtype(np.float64)), (len(shape),))
    np.testing.assert_array_equal(read, shown)
    holder: dict[str, object] = {}
    text = as_json(Answer({"held": holder}, {"x": shown}, {"x": holder}))
    assert json.loads(text)["held"]["data"] == shown.tolist()
    row = [1] * 40_000
    row[30_000] = True
    with pytest.raises(PydanticCustomError, match="boolean") as told:
        read_array(row, ArrayContext(), (1,))
    assert (told.value.context or {})["path"] == (30_000,)
