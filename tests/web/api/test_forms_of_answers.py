"""One envelope over JSON, safetensors, npz; PNG beside them; what can't be made is 406."""

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from tests.web.api.calling import Api, assert_problem

SAFETENSORS, NPZ, PNG = "application/x-safetensors", "application/x-npz", "image/png"
KERNEL = [[[[1, -2, 3]]], [[[0.5, 0, -1]]]]
BODY = {
    "input": {"array": [[1, 2, 3, 4], [5, 6, 7, 8.5]]},
    "layers": [{"type": "conv2d", "kernel": KERNEL, "name": "first"}, {"type": "relu"}],
    "return": {"layers": "all"},
}
SMALL = {"sample": "camera", "max_side": 48}
RELU = {"type": "relu"}
GRADIENTS = ["input", "layers.0.kernel", "layers.0.output"]


def envelope_of(answer: httpx.Response) -> Any:
    kind = answer.headers["content-type"]
    if kind == SAFETENSORS:
        size = int.from_bytes(answer.content[:8], "little")
        return json.loads(json.loads(answer.content[8 : 8 + size])["__metadata__"]["response"])
    if kind == NPZ:
        return json.loads(str(np.load(io.BytesIO(answer.content), allow_pickle=False)["response"]))
    return answer.json()


def without(envelope: Any, *names: str) -> Any:
    if isinstance(envelope, dict):
        return {key: without(one, *names) for key, one in envelope.items() if key not in names}
    return [without(one, *names) for one in envelope] if isinstance(envelope, list) else envelope


def test_feature_maps_and_envelope_are_the_same_in_every_form(api: Api) -> None:
    plain = api.post("/forward", BODY).json()
    for kind in (SAFETENSORS, NPZ):
        answer = api.post("/forward", BODY, kind)
        assert answer.headers["content-type"] == kind
        envelope = envelope_of(answer)
        volatile = ("data", "elapsed_ms", "cached")
        assert without(envelope, *volatile) == without(plain, *volatile)
        assert not any("data" in layer for layer in envelope["layers"])
        arrays = arrays_of(answer)
        assert sorted(arrays) == ["layers.0", "layers.1"]
        for index, layer in enumerate(plain["layers"]):
            array = arrays[f"layers.{index}"]
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, np.array(layer["data"], np.float32))


def arrays_of(answer: httpx.Response) -> dict[str, np.ndarray]:
    if answer.headers["content-type"] == SAFETENSORS:
        return load(answer.content)
    with np.load(io.BytesIO(answer.content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays if name != "response"}


def test_gradients_are_named_alike_in_every_form(api: Api) -> None:
    body = {**BODY, "loss": {"type": "l2"}, "return": {"gradients": GRADIENTS}}
    plain = api.post("/backward", body).json()
    assert [one["name"] for one in plain["gradients"]] == GRADIENTS
    for kind in (SAFETENSORS, NPZ):
        arrays = arrays_of(api.post("/backward", body, kind))
        assert sorted(arrays) == sorted(GRADIENTS)
        for one in plain["gradients"]:
            assert list(arrays[one["name"]].shape) == one["shape"]
            np.testing.assert_array_equal(arrays[one["name"]], np.float32(one["data"]))


def test_tensors_begin_at_a_multiple_of_eight(api: Api) -> None:
    for name in ("", "x", "xx", "xxx"):
        layers = [{**BODY["layers"][0], "name": name}]
        content = api.post("/forward", {**BODY, "layers": layers}, SAFETENSORS).content
        assert int.from_bytes(content[:8], "little") % 8 == 0


def test_array_names_that_look_like_placeholders_do_no_harm(api: Api) -> None:
    layers = [{"type": "relu", "name": '"data":"layers.0"'}]
    layer = api.post("/forward", {**BODY, "layers": layers}).json()["layers"][0]
    assert layer["name"] == '"data":"layers.0"'
    assert layer["data"][0][0][1] == [5, 6, 7, 8.5]


def test_large_json_is_the_same_as_the_binary_form(api: Api, rng: np.random.Generator) -> None:
    x = rng.normal(size=(1, 3, 160, 150)).astype(np.float32)
    body = {"input": {"array": {"tensor": "x"}}, "layers": [{"type": "relu"}]}
    answer = api.post_tensors("/forward", body, x=x)
    np.testing.assert_array_equal(answer.json()["layers"][0]["data"], np.maximum(x, 0))


@pytest.mark.parametrize(
    ("accept", "made"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/*", "application/json"),
        ("image/*", PNG),
        ("text/html, application/x-npz;q=0.5, */*;q=0.1", NPZ),
        ("application/json;q=0.4, application/x-safetensors", SAFETENSORS),
        ("application/json;q=0, */*", SAFETENSORS),
    ],
)
def test_accept_picks_the_form(api: Api, accept: str, made: str) -> None:
    body = {**BODY, "return": {}}
    assert api.post("/forward", body, accept).headers["content-type"] == made


@pytest.mark.parametrize("accept", ["text/html", "image/jpeg", "application/json;q=0"])
def test_form_that_cannot_be_made_is_406_with_those_that_can(api: Api, accept: str) -> None:
    problem = assert_problem(api.post("/forward", BODY, accept), 406)
    assert problem["available"] == ["application/json", SAFETENSORS, NPZ, PNG]


def test_answers_without_arrays_are_json_only(api: Api) -> None:
    spec = {"input": BODY["input"], "layers": BODY["layers"]}
    assert_problem(api.post("/shapes", spec, PNG), 406)
    assert_problem(api.post("/explain", {**spec, "at": {"feature": {}}}, SAFETENSORS), 406)
    assert_problem(api.post("/gradcheck", spec, NPZ), 406)


def test_picture_of_one_map_has_its_size_and_of_several_is_a_montage(api: Api) -> None:
    one = {**BODY, "return": {"layers": [0], "channels": [1]}}
    picture = Image.open(io.BytesIO(api.post("/forward", one, PNG).content))
    assert (picture.format, picture.size) == ("PNG", (2, 2))
    two = Image.open(io.BytesIO(api.post("/forward", {**BODY, "return": {}}, PNG).content))
    assert two.size[0] > 4


def test_picture_shows_one_array(api: Api) -> None:
    assert_problem(api.post("/forward", BODY, PNG), 422, "/return")
    nothing = {**BODY, "return": {"data": False}}
    assert_problem(api.post("/forward", nothing, PNG), 422, "/return")


@pytest.mark.parametrize("shape", [(0, 1, 3, 3), (2, 0, 3, 3), (1, 1, 0, 3), (1, 3, 0), (0, 5)])
@pytest.mark.parametrize("route", ["/forward", "/backward"])
def test_picture_of_nothing_is_refused(api: Api, route: str, shape: tuple[int, ...]) -> None:
    body = {"input": {"array": {"tensor": "x"}}, "layers": [{"type": "relu"}]}
    answer = api.post_tensors(route, body, PNG, x=np.zeros(shape, np.float32))
    told = assert_problem(answer, 422, "/return")["detail"]
    assert "There is nothing to draw: the array has shape (" in told


def test_picture_is_drawn_from_exact_values_whatever_the_wire_type(api: Api) -> None:
    body = {**BODY, "return": {"dtype": "uint8"}}
    assert (
        api.post("/forward", body, PNG).content
        == api.post("/forward", {**BODY, "return": {}}, PNG).content
    )


def test_render_fields_change_the_picture(api: Api) -> None:
    def drawn(**render: Any) -> bytes:
        body = {"input": SMALL, "layers": [RELU], "render": render}
        answer = api.post("/forward", body, PNG)
        assert answer.status_code == 200, answer.text
        return answer.content

    plain = drawn()
    for render in (
        {"colormap": "magma"},
        {"legend": True},
        {"columns": 1},
        {"clip": 90},
        {"center": 0.2},
    ):
        assert drawn(**render) != plain
    assert drawn(colormap="turbo", overlay=0.5) != drawn(colormap="turbo")


def test_server_timing_tells_every_stage(api: Api) -> None:
    timing = api.post("/forward", BODY).headers["server-timing"]
    stages = [part.split(";")[0].strip() for part in timing.split(",")]
    assert stages == ["parse", "queue", "compute", "serialise"]
    assert all(float(part.split("dur=")[1]) >= 0 for part in timing.split(","))


@pytest.mark.parametrize("returning", [{"data": False}, {"layers": []}])
def test_picture_of_no_numbers_is_refused_in_a_sentence(api: Api, returning: Any) -> None:
    answer = api.post("/forward", {**BODY, "return": returning}, PNG)
    problem = assert_problem(answer, 422, "/return")
    assert "leaves out all numbers" in problem["detail"]
