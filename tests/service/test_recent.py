"""What is kept in memory: the values used last, within their budget."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.service.recent import Recent

Array = NDArray[Any]


def test_drops_the_least_recently_used_within_its_budget() -> None:
    cache = Recent[Array](300)
    for key in "abc":
        cache.put(key, np.zeros(100, np.uint8))
    cache.get("a")
    cache.put("d", np.zeros(100, np.uint8))
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]


def test_keeps_nothing_larger_than_its_budget() -> None:
    cache = Recent[Array](300)
    cache.put("a", np.zeros(100, np.uint8))
    cache.put("large", np.zeros(301, np.uint8))
    assert cache.get("large") is None
    assert cache.get("a") is not None


def test_forgets_all_keys_of_a_kind_at_once() -> None:
    cache = Recent[Array](300)
    keys = [("a",), ("a", "gray"), ("b",)]
    for key in keys:
        cache.put(key, np.zeros(100, np.uint8))
    cache.drop(lambda key: isinstance(key, tuple) and key[0] == "a")
    assert [cache.get(key) is None for key in keys] == [True, True, False]
    cache.put("c", np.zeros(200, np.uint8))
    assert cache.get(("b",)) is not None


def test_keeps_no_more_values_than_it_may_however_small() -> None:
    cache = Recent[Array](300, most=2)
    for key in "abc":
        cache.put(key, np.zeros(1, np.uint8))
    assert [cache.get(key) is not None for key in "abc"] == [False, True, True]


def test_value_put_again_under_its_key_takes_its_room_once() -> None:
    cache = Recent[Array](300)
    for _ in range(3):
        cache.put("a", np.zeros(200, np.uint8))
    cache.put("b", np.zeros(100, np.uint8))
    assert cache.get("a") is not None
    assert cache.get("b") is not None
