"""Bodies in the safetensors format that lie about themselves: refused in words, never a fault."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.service.errors import MalformedBody
from app.web import tensors
from app.web.tensors import DTYPES
from tests.web.api.calling import Api, assert_problem

REQUEST = {"input": {"array": {"tensor": "x"}}, "layers": [{"type": "relu"}]}
MOST_HEADER = 10_000
DEPTH = 20

EXTENT = st.one_of(
    st.integers(-2, 40),
    st.sampled_from([2**31, 2**53, 2**63, 2**64, 10**40, -(2**63)]),
    st.sampled_from([1.0, True, None, "3", [], 1e308]),
)
ENTRY = st.one_of(
    st.fixed_dictionaries(
        {
            "dtype": st.one_of(st.sampled_from([*DTYPES, "BF16", "", "O", "<f4"]), st.none()),
            "shape": st.one_of(st.lists(EXTENT, max_size=5), EXTENT),
            "data_offsets": st.one_of(st.lists(EXTENT, min_size=1, max_size=3), EXTENT),
        },
        optional={"more": st.none()},
    ),
    st.none(),
    st.lists(EXTENT, max_size=2),
)


def written(header: object, data: bytes, shift: int = 0) -> bytes:
    """A body whose header is said to be `shift` bytes longer than it is."""
    text = json.dumps(header).encode()
    return max(len(text) + shift, 0).to_bytes(8, "little") + text + data


def with_request(entries: dict[str, Any]) -> dict[str, Any]:
    return {"__metadata__": {"request": json.dumps(REQUEST)}, **entries}


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["x", "y", "", "../x", "\ud800"]), ENTRY, max_size=3),
    st.binary(max_size=64),
    st.sampled_from([0, 0, 0, 1, -1, 2**40]),
)
def test_tensors_that_lie_are_malformed_or_lie_within_the_body(
    entries: dict[str, Any], data: bytes, shift: int
) -> None:
    try:
        request, named = tensors.read(
            written(with_request(entries), data, shift), MOST_HEADER, DEPTH
        )
    except MalformedBody as error:
        told = error.message
        if not told:
            pytest.fail("refused without a word")
        return
    if shift == 0 and request != REQUEST:
        pytest.fail("another request")
    for array in named.values():
        if array.nbytes > len(data) or array.flags.writeable:
            pytest.fail("more than the body has, or to be changed")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["x", "y"]), ENTRY, min_size=1, max_size=2), st.binary())
def test_tensors_that_lie_are_answered(api: Api, entries: dict[str, Any], data: bytes) -> None:
    answer = api.request(
        "POST",
        "/forward",
        content=written(with_request(entries), data),
        headers={"content-type": "application/x-safetensors"},
    )
    if answer.status_code != 200:
        assert_problem(answer, 422 if answer.status_code == 422 else 400)


@pytest.mark.parametrize("shape", [[0, 2**62, 4], [2**63 - 1, 0], [2**31, 2**53, 0], [2**48, 0]])
def test_tensor_of_no_numbers_and_endless_extents_is_malformed(api: Api, shape: list[int]) -> None:
    entry = {"dtype": "F64", "shape": shape, "data_offsets": [0, 0]}
    headers = {"content-type": "application/x-safetensors"}
    body = written(with_request({"x": entry}), b"")
    assert_problem(api.request("POST", "/forward", content=body, headers=headers), 400)


def spans(*spans: tuple[int, int]) -> dict[str, Any]:
    """Tensors of bytes that begin and end there."""
    return with_request(
        {
            f"t{number}": {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}
            for number, (start, end) in enumerate(spans)
        }
    )


@pytest.mark.parametrize(
    "given",
    [
        [(0, 3), (3, 8)],
        [(3, 8), (0, 3)],
        [(0, 0), (0, 8), (8, 8)],
        [(0, 4), (4, 4), (4, 4), (4, 8)],
        [(0, 8)],
    ],
)
def test_tensors_that_fill_the_body_in_any_order_are_read(given: list[tuple[int, int]]) -> None:
    data = bytes(range(8))
    named = tensors.read(written(spans(*given), data), MOST_HEADER, DEPTH)[1]
    assert [named[f"t{at}"].tobytes() for at in range(len(given))] == [
        data[start:end] for start, end in given
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([(0, 5), (3, 8)], "Tensors 0 and 1 overlap: one ends at byte 5, the other begins at 3."),
        ([(0, 8), (0, 8)], "Tensors 0 and 1 overlap"),
        ([(2, 8), (0, 8)], "Tensors 1 and 0 overlap"),
        ([(0, 8), (4, 4)], "Tensors 0 and 1 overlap"),
        ([(0, 3), (4, 8)], "Tensor 1 begins at byte 4, but the bytes from 3 on belong to no"),
        ([(1, 8)], "Tensor 0 begins at byte 1"),
        ([(0, 7)], "The tensors end at byte 7 of 8; the format allows no bytes after them."),
        ([], "The tensors end at byte 0 of 8"),
    ],
)
def test_bytes_of_two_tensors_or_of_none_are_malformed(
    given: list[tuple[int, int]], said: str
) -> None:
    with pytest.raises(MalformedBody) as caught:
        tensors.read(written(spans(*given), bytes(8)), MOST_HEADER, DEPTH)
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize("cut", range(0, 160, 7))
def test_tensors_cut_anywhere_are_malformed(cut: int) -> None:
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    body = written(with_request({"x": entry}), bytes(24))
    assert tensors.read(body, MOST_HEADER, DEPTH)[1]["x"].shape == (2, 3)
    with pytest.raises(MalformedBody):
        tensors.read(body[: len(body) - 1 - cut], MOST_HEADER, DEPTH)
