"""What a client is told of a fault: one sentence in the field's words, with what is legal."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.api.calling import Api, assert_problem

PICTURE = {"array": [[float(row * 5 + col) for col in range(5)] for row in range(4)]}
SEQUENCE = {"array": [1.0, 2, 3, 4, 5, 6]}
VECTOR = {"array": [[1.0, 2, 3]]}
CONV = {"type": "conv2d", "kernel": [[1, 2], [3, 4]]}

TOLD = {
    "/layers/0/stride": ("2", "Expected an integer ≥ 1, or in 2-D a pair (rows, cols) of "
        "them, but this is a string."),
    "/layers/0/dilation/1": ([1, None], "Expected an integer ≥ 1, or in 2-D a pair (rows, "
        "cols) of them, but this entry is null."),
    "/layers/0/groups": (10**30, "Expected an integer ≥ 1 that divides the channels, but this is "
        "an integer far beyond that."),
    "/layers/0/padding_mode": ("mirror", "Expected one of zeros, reflect, replicate, circular, but "
        "this is none of them."),
    "/layers/0/flip": (1, "Expected true or false, but this is 1."),
    "/layers/0/bias": ([[1, 2], [3, 4]], "Expected null, or a list of numbers, one an output "
        "channel, but this is an array of 2 dimensions."),
    "/layers/0/kernel": ("sobel_x", "Expected nested lists of numbers of 1 to 4 dimensions, "
        '{"preset": name} or {"random": {…}}, but this is a string.'),
    "/layers/0/name": ("x" * 101, "Expected a string of at most 100 characters, but this is a "
        "longer one."),
    "/layers/0/type": (None, "The type is missing or unknown; legal are "),
    "/layers/0": ([1], "Expected an object with the field type and the fields of that type, but "
        "this entry is a list of 1 entry."),
    "/layers": ({}, "Expected a list of layers, each an object, but this is an object."),
    "/return": (3, "Expected an object with the fields channels, data, max_side, dtype, gradients, "
        "but this is 3."),
    "/return/channels": ("some", 'Expected "all", or a list of indices of channels, but this is a '
        "string."),
    "/return/max_side": (1.5, "Expected an integer from 1 to 16384, but this is the decimal number "
        "1.5."),
    "/return/gradients": ([], None),
    "/return/nonsense": (1, "There is no such field here; legal are channels, data, max_side, "
        "dtype, gradients."),
    "/loss/select/rows": ([1, 2, 3], "Expected a pair [from, to) of integers, but this is a list "
        "of 3 entries."),
    "/render/clip": (0, "Expected a finite number above 0 and at most 100, but this is 0."),
    "/render/columns": (1e308, "Expected an integer from 1 to 64, but this is the decimal number "
        "1e+308."),
    "/render/overlay": (2, "Expected a finite number from 0 to 1, but this is 2."),
    "/render/center": ("zero", 'Expected "auto", a finite number, or null, but this is a string.'),
    "/input": ({}, "The input names no source; give one of image, sample, array."),
    "/input/array": (True, "Expected nested lists of numbers of 1 to 4 dimensions, but this is a "
        "boolean."),
    "/dtype": ("float16", "Expected one of float32, float64, but this is none of them."),
}  # fmt: skip


def whole() -> dict[str, Any]:
    """Return a legal request of /backward that holds every place of `TOLD`."""
    return {
        "input": copy.deepcopy(PICTURE),
        "layers": [dict(CONV)],
        "dtype": "float32",
        "return": {},
        "loss": {"type": "sum", "select": {}},
        "render": {},
    }


@pytest.mark.parametrize("pointer", [place for place in TOLD if TOLD[place][1]])
def test_a_fault_is_told_in_the_words_of_its_field(api: Api, pointer: str) -> None:
    value, sentence = TOLD[pointer]
    body: Any = whole()
    at, (*way, last) = body, pointer.split("/")[1:]
    if last.isdigit() and way[-1] == "dilation":
        last = way.pop()
    for part in way:
        at = at[int(part) if part.isdigit() else part]
    at[int(last) if last.isdigit() else last] = value
    errors = assert_problem(api.post("/backward", body), 422, pointer)["errors"]
    assert [one["pointer"] for one in errors] == [pointer]
    assert errors[0]["detail"].startswith(sentence)


def test_the_only_word_that_is_legal_is_named(api: Api) -> None:
    job = {"kind": "train", "images": [{"sample": "cat"}], "layers": []}
    told = assert_problem(api.post("/jobs", job), 422, "/kind")["detail"]
    assert told == "At /kind: Expected one of apply, but this is none of them."


def test_a_missing_field_is_told_with_what_it_takes(api: Api) -> None:
    body = {"input": PICTURE, "layers": [{"type": "max_pool2d"}, {"type": "dense"}]}
    told = {one["pointer"]: one["detail"] for one in api.post("/forward", body).json()["errors"]}
    assert told == {
        "/layers/0/size": "This field is required: an integer ≥ 1, or in 2-D a pair "
        "(rows, cols) of them.",
        "/layers/1/weight": "This field is required: a matrix (O, I) as nested lists of numbers, "
        'or {"random": {…}}.',
    }


def test_a_place_to_explain_is_required_as_one_of_three(api: Api) -> None:
    body: dict[str, Any] = {"input": PICTURE, "layers": [CONV]}
    missing = assert_problem(api.post("/explain", body), 422, "/at")["errors"][0]["detail"]
    assert "one of the fields feature, input_gradient, kernel_gradient" in missing
    none = assert_problem(api.post("/explain", {**body, "at": {}}), 422, "/at")
    assert "no number is named" in none["detail"]


LAYERS: list[tuple[Any, dict[str, Any]]] = [
    (PICTURE, {**CONV, "bias": [1], "stride": 1, "padding": 0, "padding_mode": "zeros"}),
    (PICTURE, {**CONV, "dilation": 1, "groups": 1, "flip": False, "name": "a"}),
    (PICTURE, {"type": "conv2d", "kernel": {"random": {
        "filters": 2, "size": 2, "init": "normal", "seed": 0}}}),
    (PICTURE, {"type": "conv2d", "kernel": {"preset": "sobel_x"}}),
    (SEQUENCE, {"type": "conv1d", "kernel": [1, 2], "stride": 1, "padding": 0, "dilation": 1}),
    (PICTURE, {**CONV, "type": "conv_transpose2d", "stride": 1, "padding": 0, "dilation": 1,
        "output_padding": 0, "groups": 1}),
    (SEQUENCE, {"type": "conv_transpose1d", "kernel": [1, 2], "output_padding": 0}),
    (PICTURE, {"type": "max_pool2d", "size": 2, "stride": 1, "padding": 0, "dilation": 1,
        "ceil_mode": False}),
    (SEQUENCE, {"type": "avg_pool1d", "size": 2, "stride": 1, "padding": 0,
        "count_include_pad": True}),
    (PICTURE, {"type": "leaky_relu", "slope": 0.1}),
    (PICTURE, {"type": "prelu", "weight": [0.1]}),
    (PICTURE, {"type": "batch_norm", "mean": [0.0], "variance": [1.0], "weight": [1.0],
        "bias": [0.0], "eps": 1e-5}),
    (VECTOR, {"type": "dense", "weight": [[1, 2, 3]], "bias": [1]}),
    (VECTOR, {"type": "dense", "weight": {"random": {
        "features": 2, "init": "normal", "seed": 0}}}),
    (PICTURE, {"type": "softmax", "axis": 1}),
]  # fmt: skip
SELECT = {"layer": 0, "channels": [0], "rows": [0, 1], "cols": [0, 1]}
BODIES: list[tuple[str, dict[str, Any]]] = [
    *(("/forward", {"input": taken, "layers": [layer]}) for taken, layer in LAYERS),
    ("/forward", {"input": {"sample": "camera", "color": "gray", "range": "unit", "max_side": 8},
        "layers": [], "dtype": "float32", "return": {"layers": "last", "channels": "all",
        "data": True, "max_side": 3, "dtype": "float32"}}),
    ("/forward", {"input": PICTURE, "layers": [CONV], "render": {"colormap": "gray",
        "scale": "map", "center": "auto", "clip": 100, "columns": 2, "overlay": 0,
        "legend": False}}),
    ("/backward", {"input": PICTURE, "layers": [CONV], "return": {"gradients": ["input"]},
        "loss": {"type": "sum", "select": SELECT}}),
    ("/backward", {"input": {"sample": "camera", "color": "gray", "max_side": 8}, "layers": [],
        "loss": {"type": "mse",
            "target": {"sample": "camera", "color": "gray", "max_side": 8}}}),
    ("/backward", {"input": VECTOR, "layers": [{"type": "dense", "weight": [[1, 2, 3]]}],
        "loss": {"type": "cross_entropy", "target": [0]}}),
    ("/backward", {"input": PICTURE, "layers": [],
        "loss": {"type": "upstream", "values": PICTURE["array"]}}),
    ("/explain", {"input": PICTURE, "layers": [CONV],
        "at": {"feature": {"layer": 0, "n": 0, "channel": 0, "row": 0, "col": 0}}}),
    ("/explain", {"input": PICTURE, "layers": [CONV], "at": {"kernel_gradient": {"filter": 0}}}),
    ("/gradcheck", {"input": PICTURE, "layers": [CONV], "wrt": "input",
        "indices": [[0, 0, 0, 0]], "step": 1e-4, "seed": 0}),
    ("/shapes", {"input": {"shape": [1, 1, 5, 5]}, "layers": [CONV]}),
]  # fmt: skip
WRONG = [
    None, True, "abc", "", [], [1], [1, 2, 3], [[1, 2], [3, 4]], [1, "a"], [None], {}, {"a": 1},
    0, -1, [-1, 2], 1.5, 2**31 - 1, 10**30, float("nan"), [[1], [2, 3]], {"tensor": "x"},
]  # fmt: skip
PYDANTIC = re.compile(
    r"Input should|valid (tuple|dict|int|list)|[Tt]uple|instance of|Value should|Model\b|Fields\b|"
    r"dictionary|validation|np\.|padding is \(|dilation is \(|index \(|None\b|True|False|: \.|"
    r"fields \.| (\d+) to \2\b| (\d+) or \3\b"
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every object's member, however deep."""
    members = value.items() if isinstance(value, dict) else ()
    entries = (
        enumerate(value) if isinstance(value, list) and {} in [type(one)() for one in value] else ()
    )
    for key, inside in (*members, *entries):
        yield (*path, key)
        yield from places(inside, (*path, key))


def changed(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return the body with another value at one place."""
    body = copy.deepcopy(body)
    at = body
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return body


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_whatever_stands_in_a_field_the_answer_speaks_of_the_field(api: Api, number: int) -> None:
    route, body = BODIES[number]
    assert api.post(route, body).status_code == 200
    for path in places(body):
        for wrong in WRONG:
            answer = api.post_text(route, json.dumps(changed(body, path, wrong)))
            if answer.status_code == 200:
                continue
            assert answer.status_code in (404, 422), (path, wrong, answer.text)
            for error in answer.json().get("errors", ()):
                detail = error["detail"]
                assert not PYDANTIC.search(detail), (path, wrong, detail)
                assert detail.endswith("."), (path, wrong, detail)
