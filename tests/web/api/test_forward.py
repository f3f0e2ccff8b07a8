"""POST /forward: values, shapes, statistics, and what `return` asks for."""

import json
from typing import Any

import numpy as np
import pytest

from app.engine.convolution import conv2d
from tests.web.api.calling import Api, assert_problem

KERNEL = [[0, 1, -2], [3, 0.5, 1]]
NOTES_SUM = {"type": "conv1d", "kernel": [1, 1, 1], "padding": "same"}


def layers_of(api: Api, body: Any) -> Any:
    answer = api.post("/forward", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["layers"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4, 5], [[[3, 6, 9, 12, 9]]]),
        ([[[1, 2, 3, 4, 5]], [[10, 11, 2, 3, 4]]], [[[3, 6, 9, 12, 9]], [[21, 23, 16, 9, 7]]]),
    ],
)
def test_notes_numbers_come_out(api: Api, values: Any, expected: Any) -> None:
    body = {"input": {"array": values}, "layers": [NOTES_SUM], "dtype": "float64"}
    assert layers_of(api, body)[0]["data"] == expected


@pytest.mark.parametrize("name", ["notes-1d", "notes-1d-batch", "notes-2d", "notes-2d-batch"])
def test_sample_arrays_are_inputs(api: Api, name: str) -> None:
    kind = "conv1d" if "1d" in name else "conv2d"
    kernel = [1, 1, 1] if "1d" in name else [[1, 2]]
    body = {"input": {"sample": name}, "layers": [{"type": kind, "kernel": kernel}]}
    assert layers_of(api, body)[0]["data"]


def test_every_layer_is_told_and_only_the_last_has_values(api: Api) -> None:
    layers = [{"type": "conv2d", "kernel": KERNEL, "name": "edges"}, {"type": "relu"}]
    body = {"input": {"array": [[1, 2, 3, 4], [5, 6, 7, 8]]}, "layers": layers}
    answer = api.post("/forward", body).json()
    assert answer["input"] == {"shape": [1, 1, 2, 4]}
    first, last = answer["layers"]
    assert (first["index"], first["type"], first["name"]) == (0, "conv2d", "edges")
    assert (first["input_shape"], first["output_shape"]) == ([1, 1, 2, 4], [1, 1, 1, 2])
    assert first["padding"] == [[0, 0], [0, 0]]
    assert first["receptive_field"] == {"size": [2, 3], "stride": [1, 1], "start": [0, 0]}
    assert (first["parameters"], first["multiply_adds"]) == (6, 12)
    assert set(first["algorithm"]) == {"name", "reason"}
    assert first["elapsed_ms"] >= 0
    assert "data" not in first
    assert last["data"] == [[[[21, 24.5]]]]
    assert last["stats"] == [
        {"min": 21, "max": 24.5, "mean": 22.75, "std": 1.75, "zeros": 0, "nonfinite": 0}
    ]


def test_two_dimensional_kernel_on_a_colour_picture_is_a_colour_picture(api: Api) -> None:
    kernel = {"preset": "gaussian"}
    layers = [{"type": "conv2d", "kernel": kernel, "padding": "same"}]
    layer = layers_of(api, {"input": {"sample": "cat", "max_side": 20}, "layers": layers})[0]
    assert layer["output_shape"][:2] == [1, 3]
    assert len(layer["stats"]) == 3


@pytest.mark.parametrize(
    ("asked", "given"), [("last", [2]), ("all", [0, 1, 2]), ([0, -1], [0, 2]), ([], [])]
)
def test_return_layers_picks_whose_values_come_back(api: Api, asked: Any, given: Any) -> None:
    layers = [{"type": "relu"}, {"type": "abs"}, {"type": "square"}]
    body = {"input": {"array": [[1, -2]]}, "layers": layers, "return": {"layers": asked}}
    told = layers_of(api, body)
    assert [layer["index"] for layer in told if "data" in layer] == given
    assert len(told) == 3


def test_return_data_false_gives_the_envelope_alone(api: Api) -> None:
    body = {"input": {"array": [[1, -2]]}, "layers": [{"type": "relu"}], "return": {"data": False}}
    layer = layers_of(api, body)[0]
    assert "data" not in layer
    assert layer["stats"][0]["zeros"] == 1


def test_return_channels_picks_channels_and_statistics_stay_those_of_all(api: Api) -> None:
    values = np.arange(24).reshape(1, 3, 2, 4).tolist()
    body = {"input": {"array": values}, "layers": [{"type": "identity"}]}
    layer = layers_of(api, {**body, "return": {"channels": [2, 0]}})[0]
    assert layer["data"] == [[values[0][2], values[0][0]]]
    assert layer["data_shape"] == [1, 2, 2, 4]
    assert layer["output_shape"] == [1, 3, 2, 4]
    assert len(layer["stats"]) == 3


def test_thumbnails_are_area_means_and_statistics_stay_those_of_the_map(
    api: Api, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(1, 2, 8, 12)).astype(np.float32)
    body = {
        "input": {"array": {"tensor": "x"}},
        "layers": [{"type": "identity"}],
        "return": {"max_side": 3},
    }
    layer = api.post_tensors("/forward", body, x=x).json()["layers"][0]
    expected = x.reshape(1, 2, 2, 4, 3, 4).mean((3, 5))
    np.testing.assert_allclose(layer["data"], expected, rtol=1e-5)
    assert layer["stats"][1]["max"] == pytest.approx(x[0, 1].max())


@pytest.mark.parametrize(("dtype", "steps"), [("uint8", 255), ("uint16", 65_535)])
def test_codes_give_the_values_back_to_half_a_step(
    api: Api, rng: np.random.Generator, dtype: str, steps: int
) -> None:
    x = rng.normal(size=(2, 2, 5, 6)).astype(np.float32)
    body = {
        "input": {"array": {"tensor": "x"}},
        "layers": [{"type": "identity"}],
        "return": {"dtype": dtype},
    }
    layer = api.post_tensors("/forward", body, x=x).json()["layers"][0]
    codes = np.array(layer["data"])
    assert (codes.min(), codes.max()) == (0, steps)
    scale, offset = (np.reshape(layer[name], (2, 2, 1, 1)) for name in ("scale", "offset"))
    assert (np.abs(offset + scale * codes - x) <= scale * 0.51).all()


def test_float64_keeps_digits_that_float32_drops(api: Api) -> None:
    body = {"input": {"array": [[1.0000000001]]}, "layers": [{"type": "identity"}]}
    assert layers_of(api, body)[0]["data"] == [[[[1]]]]
    assert layers_of(api, {**body, "dtype": "float64"})[0]["data"] == [[[[1.0000000001]]]]
    short = {**body, "dtype": "float64", "return": {"dtype": "float32"}}
    assert layers_of(api, short)[0]["data"] == [[[[1]]]]


def test_overflow_is_null_and_counted(api: Api) -> None:
    body = {
        "input": {"array": [[1e30, 2, -1e30]]},
        "layers": [{"type": "square"}, {"type": "conv2d", "kernel": [[1]]}],
    }
    layer = layers_of(api, body)[-1]
    assert layer["data"] == [[[[None, 4, None]]]]
    assert layer["stats"][0]["nonfinite"] == 2
    assert layer["stats"][0]["max"] == 4


@pytest.mark.parametrize(("root", "square"), [(1.84e19, 1.84e19**2), (1.85e19, None)])
def test_square_below_the_largest_float_is_a_number_and_above_it_is_null(
    api: Api, root: float, square: float | None
) -> None:
    body = {"input": {"array": [[root, -2]]}, "layers": [{"type": "square"}]}
    layer = layers_of(api, body)[0]
    assert layer["data"] == [[[[square and pytest.approx(square, rel=1e-6), 4]]]]
    assert layer["stats"][0]["nonfinite"] == (square is None)


def test_layer_without_any_finite_value_has_null_statistics(api: Api) -> None:
    body = {"input": {"array": [[1e30]]}, "layers": [{"type": "square"}]}
    stats = layers_of(api, body)[0]["stats"][0]
    assert stats == {**dict.fromkeys(("min", "max", "mean", "std")), "zeros": 0, "nonfinite": 1}


def test_random_kernel_is_the_same_for_the_same_seed(api: Api) -> None:
    def maps(seed: int) -> Any:
        kernel = {"random": {"filters": 2, "size": [2, 3], "seed": seed}}
        body = {"input": {"array": [[1, 2, 3, 4]] * 3}, "dtype": "float64"}
        return layers_of(api, {**body, "layers": [{"type": "conv2d", "kernel": kernel}]})[0]["data"]

    assert maps(1) == maps(1)
    assert maps(1) != maps(2)


def test_tensors_of_the_request_stand_in_place_of_arrays(
    api: Api, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(2, 3, 6, 7)).astype(np.float32)
    kernel = rng.normal(size=(4, 3, 3, 2)).astype(np.float32)
    bias = rng.normal(size=4)
    layer = {"type": "conv2d", "kernel": {"tensor": "k"}, "bias": {"tensor": "b"}, "stride": [2, 1]}
    body = {"input": {"array": {"tensor": "x"}}, "layers": [layer]}
    answer = api.post_tensors("/forward", body, x=x, k=kernel, b=bias)
    expected = conv2d(x, kernel, bias.astype(np.float32), stride=(2, 1))
    np.testing.assert_allclose(answer.json()["layers"][0]["data"], expected, rtol=1e-4, atol=1e-5)


def test_tensor_may_hold_what_is_not_finite_and_only_its_windows_suffer(api: Api) -> None:
    x = np.arange(36, dtype=np.float32).reshape(6, 6)
    x[0, 0] = np.nan
    body = {
        "input": {"array": {"tensor": "x"}},
        "layers": [{"type": "conv2d", "kernel": [[1, 1], [1, 1]]}],
    }
    layer = api.post_tensors("/forward", body, x=x).json()["layers"][0]
    assert layer["stats"][0]["nonfinite"] == 1
    assert layer["data"][0][0][0][0] is None


def test_empty_batch_is_legal(api: Api) -> None:
    body = {"input": {"array": {"tensor": "x"}}, "layers": [{"type": "relu"}]}
    x = np.zeros((0, 2, 3, 4), np.float32)
    layer = api.post_tensors("/forward", body, x=x).json()["layers"][0]
    assert (layer["output_shape"], layer["data"]) == ([0, 2, 3, 4], [])


def test_empty_network_has_no_layers(api: Api) -> None:
    assert layers_of(api, {"input": {"array": [1, 2]}, "layers": []}) == []


def test_known_layers_are_told_as_cached(api: Api) -> None:
    body = {"input": {"array": [[3, 1, 4, 1, 5.25]]}, "layers": [{"type": "square"}]}
    assert layers_of(api, body)[0]["cached"] is False
    assert layers_of(api, body)[0]["cached"] is True


BROKEN = {
    "too short": b"\x01",
    "header beyond the body": (1000).to_bytes(8, "little") + b"{}",
    "header is no JSON": (4).to_bytes(8, "little") + b"{a:}",
    "no request": (2).to_bytes(8, "little") + b"{}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_safetensors_body_is_400(api: Api, name: str) -> None:
    headers = {"content-type": "application/x-safetensors"}
    assert_problem(api.request("POST", "/forward", content=BROKEN[name], headers=headers), 400)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 2**40]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]},
        {"dtype": 3, "shape": [4], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [2]},
        [],
    ],
)
def test_tensor_that_does_not_fit_its_bytes_is_400(api: Api, entry: Any) -> None:
    request = json.dumps({"input": {"array": {"tensor": "x"}}, "layers": []})
    header = json.dumps({"__metadata__": {"request": request}, "x": entry}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    headers = {"content-type": "application/x-safetensors"}
    assert_problem(api.request("POST", "/forward", content=content, headers=headers), 400)
