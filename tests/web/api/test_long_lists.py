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
from app.web.bodies import MAX_ERRORS
from app.web.input_schemas import LONGEST_LIST
from app.web.schemas import ForwardBody
from app.web.strict_json import MOST_MEMBERS
from app.web.wire import as_json
from tests.web.api.calling import Api, assert_problem


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


def test_endless_layers_are_refused_without_looking_at_any(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*_: object, **__: object) -> None:
        pytest.fail("looked at")

    asked = {"input": {"array": [1]}, "layers": [{}] * 33}
    told = assert_problem(api.post("/forward", asked), 422, "/layers")
    assert told["detail"].startswith("The network has 33 layers; this server's limit is 32.")
    monkeypatch.setattr(ForwardBody, "model_validate", looked)
    many = b'{"input": {"array": [1]}, "layers": [%s{}]}' % (b"{}," * 200_000)
    assert "200001 layers" in assert_problem(api.post_text("/forward", many), 422)["detail"]


def test_list_of_objects_or_sides_has_an_end(api: Api) -> None:
    for count, said in ((LONGEST_LIST, "of 1 to 4 integers"), (LONGEST_LIST + 1, "at most 100000")):
        asked = {"input": {"shape": [1] * count}, "layers": []}
        assert said in assert_problem(api.post("/shapes", asked), 422)["detail"]


def test_object_has_so_many_members_and_the_first_faults_are_told(api: Api) -> None:
    text = b'{"input": {"array": [1]}, "layers": [], %s}'
    unknown = [b'"x%d": 1' % number for number in range(MOST_MEMBERS - 1)]
    told = assert_problem(api.post_text("/forward", text % b", ".join(unknown[:-1])), 422)
    assert len(told["errors"]) == MAX_ERRORS
    assert told["detail"].endswith(f"And {MOST_MEMBERS - 3} more.")
    told = assert_problem(api.post_text("/forward", text % b", ".join(unknown)), 400)
    assert f"more than {MOST_MEMBERS} members" in told["detail"]
