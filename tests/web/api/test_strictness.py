"""What a request may not hold: each fault is refused with a pointer to where it stands."""

from typing import Any

import numpy as np
import pytest

from tests.web.api.calling import Api, assert_problem

CONV = {"type": "conv2d", "kernel": [[1, 2], [3, 4]]}


def spec(**changes: Any) -> dict[str, Any]:
    return {"input": {"array": [[1, 2, 3], [4, 5, 6]]}, "layers": [CONV], **changes}


def with_layer(**fields: Any) -> dict[str, Any]:
    return spec(layers=[{**CONV, **fields}])


ILLEGAL = {
    "true for 1": (with_layer(stride=True), "/layers/0/stride"),
    "a string for 2": (with_layer(stride="2"), "/layers/0/stride"),
    "a fraction for an integer": (with_layer(stride=1.0), "/layers/0/stride"),
    "three strides": (with_layer(stride=[1, 1, 1]), "/layers/0/stride"),
    "a string in a pair": (with_layer(dilation=[1, "1"]), "/layers/0/dilation/1"),
    "an unknown padding": (with_layer(padding="sane"), "/layers/0/padding"),
    "half a padding": (with_layer(padding=[[1, 1], 1]), "/layers/0/padding/1"),
    "an unknown padding mode": (with_layer(padding_mode="mirror"), "/layers/0/padding_mode"),
    "1 for true": (with_layer(flip=1), "/layers/0/flip"),
    "true in a kernel": (with_layer(kernel=[[1, True], [0, 1]]), "/layers/0/kernel/0/1"),
    "a string in a kernel": (with_layer(kernel=[[1, 2], ["3", 4]]), "/layers/0/kernel/1/0"),
    "null in a kernel": (with_layer(kernel=[[1, None], [3, 4]]), "/layers/0/kernel/0/1"),
    "a ragged kernel": (with_layer(kernel=[[1, 2], [3]]), "/layers/0/kernel/1"),
    "a kernel ragged in depth": (with_layer(kernel=[[1, 2], [3, [4]]]), "/layers/0/kernel/1/1"),
    "an empty kernel": (with_layer(kernel=[[]]), "/layers/0/kernel/0"),
    "a kernel of five axes": (with_layer(kernel=[[[[[1]]]]]), "/layers/0/kernel"),
    "no kernel": (spec(layers=[{"type": "conv2d"}]), "/layers/0/kernel"),
    "an unknown preset": (with_layer(kernel={"preset": "sobel"}), "/layers/0/kernel/preset"),
    "an unknown initialiser": (
        with_layer(kernel={"random": {"filters": 2, "size": 3, "init": "he"}}),
        "/layers/0/kernel/random/init",
    ),
    "a size of no rows": (
        with_layer(kernel={"random": {"filters": 2, "size": [0, 3]}}),
        "/layers/0/kernel/random/size",
    ),
    "no filters": (with_layer(kernel={"random": {"size": 3}}), "/layers/0/kernel/random/filters"),
    "an unknown member of random": (
        with_layer(kernel={"random": {"filters": 2, "size": 3, "sead": 1}}),
        "/layers/0/kernel/random/sead",
    ),
    "an unknown field of a layer": (with_layer(strides=1), "/layers/0/strides"),
    "an unknown field of the request": (spec(layer=[]), "/layer"),
    "an unknown field of return": (spec(**{"return": {"layer": 0}}), "/return/layer"),
    "an unknown layer type": (spec(layers=[CONV, {"type": "conv"}]), "/layers/1/type"),
    "a layer without a type": (spec(layers=[{"kernel": [[1]]}]), "/layers/0/type"),
    "a layer that is a list": (spec(layers=[[1]]), "/layers/0"),
    "layers that are an object": (spec(layers={}), "/layers"),
    "no layers": ({"input": {"array": [1]}}, "/layers"),
    "no input": ({"layers": []}, "/input"),
    "two inputs": (spec(input={"array": [1], "sample": "cat"}), "/input"),
    "a colour for an array": (spec(input={"array": [1], "color": "gray"}), "/input/color"),
    "an unknown colour": (spec(input={"sample": "cat", "color": "cmyk"}), "/input/color"),
    "a path for a dtype": (spec(dtype="float16"), "/dtype"),
    "a ragged input": (spec(input={"array": [[1, 2], [3]]}), "/input/array/1"),
    "a number as input": (spec(input={"array": 3}), "/input/array"),
    "an unknown tensor": (spec(input={"array": {"tensor": "x"}}), "/input/array/tensor"),
    "1e39 in float32": (spec(input={"array": [[1, 1e39, 3]]}), "/input/array/0/1"),
    "a long integer": (spec(input={"array": [[1, 10**400]]}), "/input/array/0/1"),
    "a huge stride": (with_layer(stride=2**40), "/layers/0/stride"),
    "a channel that is not there": (spec(**{"return": {"channels": [0, 3]}}), "/return/channels/1"),
    "a layer that is not there": (spec(**{"return": {"layers": [1]}}), "/return/layers/0"),
    "max_side 0": (spec(**{"return": {"max_side": 0}}), "/return/max_side"),
    "an unknown wire type": (spec(**{"return": {"dtype": "int8"}}), "/return/dtype"),
    "an unknown colour map": (spec(render={"colormap": "jet"}), "/render/colormap"),
    "a long name": (with_layer(name="x" * 101), "/layers/0/name"),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_value_is_refused_at_its_pointer(api: Api, name: str) -> None:
    body, pointer = ILLEGAL[name]
    assert_problem(api.post("/forward", body), 422, pointer)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_number_that_is_not_finite_is_refused_where_it_stands(api: Api, number: str) -> None:
    text = '{"input": {"array": [[1, 2]]}, "layers": [{"type": "conv2d", "kernel": [[1, %s]]}]}'
    assert_problem(api.post_text("/forward", text % number), 422, "/layers/0/kernel/0/1")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_scalar_field_that_is_not_finite_is_refused(api: Api, number: str) -> None:
    text = '{"input": {"array": [[1]]}, "layers": [{"type": "leaky_relu", "slope": %s}]}'
    assert_problem(api.post_text("/forward", text % number), 422, "/layers/0/slope")


MALFORMED = {
    "no JSON": b"hello",
    "nothing": b"",
    "half an object": b'{"input": {"array": [1, 2',
    "not UTF-8": b'{"input": "\xff"}',
    "a trailing comma": b'{"layers": [],}',
    "two keys alike": b'{"input": {"array": [1]}, "layers": [], "layers": []}',
    "a lone surrogate": b'{"input": {"sample": "\\ud800"}, "layers": []}',
    "a lone surrogate as key": b'{"\\udc00": 1}',
    "100,000 levels": b'{"input":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "70 levels": b'{"input":' + b"[" * 70 + b"]" * 70 + b"}",
    "5,000 digits": b'{"input": {"array": [' + b"9" * 5000 + b"]}}",
    "two values": b"{} {}",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_body_that_cannot_be_parsed_is_400(api: Api, name: str) -> None:
    problem = assert_problem(api.post_text("/forward", MALFORMED[name]), 400)
    assert "\ud800" not in problem["detail"]


@pytest.mark.parametrize("text", [b"[]", b"3", b"null", b'"x"', b"true"])
def test_body_that_is_no_object_is_refused(api: Api, text: bytes) -> None:
    assert_problem(api.post_text("/forward", text), 422, "")


def test_all_faults_of_the_form_are_told_at_once(api: Api) -> None:
    layers = [{**CONV, "stride": "2", "dilation": 1.5}, {"type": "relu", "slope": 1}]
    answer = api.post("/forward", {"input": {"array": [[1, "2"]]}, "layers": layers, "x": 1})
    places = ["/layers/0/stride", "/layers/0/dilation", "/layers/1/slope", "/input/array/0/1", "/x"]
    assert len(assert_problem(answer, 422, *places)["errors"]) == 5


def test_all_faults_of_the_engine_are_told_at_once_with_the_legal_range(api: Api) -> None:
    layers = [{**CONV, "stride": 0, "groups": 2}, {**CONV, "dilation": -1}]
    problem = assert_problem(
        api.post("/forward", spec(layers=layers)), 422, "/layers/0/stride", "/layers/1/dilation"
    )
    stride = next(one for one in problem["errors"] if one["pointer"] == "/layers/0/stride")
    assert "0" in stride["detail"]
    assert "1" in stride["detail"]


def test_output_below_one_is_refused_with_the_formula(api: Api) -> None:
    kernel = [[1, 2, 3, 4]]
    problem = assert_problem(api.post("/forward", with_layer(kernel=kernel)), 422)
    assert "3" in problem["detail"]
    assert "4" in problem["detail"]


def test_raw_text_is_never_echoed(api: Api) -> None:
    hostile = "<script>alert(1)</script>"
    body = {
        "input": {"sample": hostile, hostile: 1},
        "layers": [{"type": hostile}, {**CONV, "kernel": {"preset": hostile}, "padding": hostile}],
        hostile: hostile,
    }
    answer = api.post("/forward", body)
    assert_problem(answer, 422)
    assert "script" not in answer.text


def test_body_of_another_type_is_415(api: Api) -> None:
    answer = api.request("POST", "/forward", content=b"x", headers={"content-type": "text/plain"})
    assert assert_problem(answer, 415)["accepted"] == [
        "application/json",
        "application/x-safetensors",
    ]


def test_unknown_picture_is_404(api: Api) -> None:
    assert_problem(api.post("/forward", spec(input={"image": "0" * 64})), 404)
    assert_problem(api.post("/forward", spec(input={"image": "../../etc/passwd"})), 404)
    assert_problem(api.post("/shapes", spec(input={"sample": "nobody"})), 404)


@pytest.mark.parametrize("shape", [[1, 0, 3, 3], [1, 1, 0, 3], [0]])
@pytest.mark.parametrize(
    "layer",
    [
        {"type": "conv2d", "kernel": [[1]], "padding": 1},
        {"type": "conv_transpose2d", "kernel": {"random": {"filters": 2}}},
        {"type": "dense", "weight": {"random": {"features": 2}}},
    ],
)
def test_input_of_no_channels_or_no_cells_is_no_failure_of_the_server(
    api: Api, shape: list[int], layer: dict[str, Any]
) -> None:
    answer = api.post("/shapes", {"input": {"shape": shape}, "layers": [layer]})
    assert answer.status_code in (200, 422)
    tensors = {"x": np.zeros(shape, np.float32)}
    spec = {"input": {"array": {"tensor": "x"}}, "layers": [layer]}
    computed = api.post_tensors("/forward", spec, **tensors)
    assert computed.status_code in (200, 422)
