"""Networks are checked without a server, in the server's own sentences."""

import json
from typing import Any

import httpx
import numpy as np
import pytest

from app.client import Client, Invalid, Network, spec
from app.client.messages import plain
from app.engine import NetworkError, ShapeError
from app.engine.kernels import PresetKernel, RandomKernel, RandomWeight
from app.engine.layers import LAYER_TYPES, Conv1d, Conv2d, Dense, Flatten, MaxPool2d, Relu
from app.engine.losses import L2
from app.engine.selection import Select

NETWORK = Network(
    Conv2d(RandomKernel(4, (3, 5), seed=2), padding="same"), Relu(), MaxPool2d(2), Flatten()
)


def test_check_tells_the_output_shape() -> None:
    assert NETWORK.check((3, 10, 14)) == (1, 4 * 5 * 7)
    assert NETWORK[:2].check((10, 14)) == (1, 4, 10, 14)
    assert [type(layer) for layer in NETWORK] == [Conv2d, Relu, MaxPool2d, Flatten]
    assert Network(Dense(RandomWeight(3))).check((7,)) == (1, 3)


def test_faults_are_told_as_the_server_tells_them(server: str) -> None:
    wrong = Network(
        Conv2d(PresetKernel("sobel_x"), stride=0), MaxPool2d(2, padding=7), Conv1d([1, 2], groups=0)
    )
    with pytest.raises(NetworkError) as here:
        wrong.check((1, 6, 9))
    with Client(server) as client, pytest.raises(Invalid) as there:
        client.forward(np.zeros((1, 6, 9)), wrong)
    assert [error.message for error in here.value.errors] == [
        error["detail"] for error in there.value.errors
    ]
    paths = ["/" + "/".join(map(str, error.path)) for error in here.value.errors]
    assert paths == [error["pointer"] for error in there.value.errors]


def test_what_is_illegal_whatever_the_input_needs_none_to_be_found() -> None:
    kernel = PresetKernel("sobel_x")
    wrong = Network(Relu(), Conv2d(kernel, stride=0, groups=0), MaxPool2d(99))
    assert [one.path for one in wrong.faults()] == [
        ("layers", 1, "stride"),
        ("layers", 1, "groups"),
    ]
    assert NETWORK.faults() == []


def test_spec_of_a_network_is_what_the_api_reads(server: str) -> None:
    x = np.random.default_rng(3).normal(size=(3, 10, 14)).astype(np.float32)
    loss = L2(Select(channels=[0, 5]))
    told = json.loads(json.dumps(spec(NETWORK, x=x, loss=loss)))
    answer = httpx.post(f"{server}/api/v1/backward", json=told).raise_for_status().json()
    with Client(server) as client:
        found = client.backward(x, NETWORK, loss=loss)
    np.testing.assert_array_equal(np.float32(answer["gradients"][0]["data"]), found["input"])
    assert list(spec([{"type": "relu"}])) == ["layers"]


@pytest.mark.parametrize("given", ["relu", Relu, None])
def test_what_is_no_layer_is_told_by_its_place(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^Layer 1 is to be one of app\.engine\.layers, such as"):
        Network(Relu(), given)


def test_input_that_no_layer_can_read_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"legal are \(L\), \(C, L\)"):
        Network(Conv1d([1, 2])).inspect((1, 2, 3, 4))


def test_what_is_written_is_read_again() -> None:
    layers = [
        {"type": "conv2d", "kernel": {"random": {"filters": 3}}, "name": "first"},
        {"type": "conv2d", "kernel": [[1, 2], [3, 4.5]], "padding": [[1, 0], [2, 1]]},
        {"type": "batch_norm", "mean": [0.0] * 3, "variance": [1.0] * 3},
        {"type": "conv2d", "kernel": {"preset": "box"}},
        {"type": "flatten"},
        {"type": "dense", "weight": {"random": {"features": 2, "seed": 4}}},
    ]
    network = Network(*layers)
    again = Network(*plain(network))
    assert plain(again) == plain(network)
    assert plain(network)[1] == layers[1]
    assert plain(network)[0]["kernel"]["random"]["size"] == 3
    assert again.check((3, 9, 8)) == network.check((3, 9, 8)) == (1, 2)


@pytest.mark.parametrize(
    ("layer", "path", "sentence"),
    [
        ({"type": "conv3d"}, ("layers", 1, "type"), "legal are conv2d"),
        ({}, ("layers", 1, "type"), "legal are conv2d"),
        ({"type": "relu", "slope": 2}, ("layers", 1, "slope"), "no such field here"),
        ({"type": "conv2d"}, ("layers", 1, "kernel"), "conv2d needs the field kernel"),
        ({"type": "conv2d", "kernel": {"random": {}}}, ("layers", 1, "kernel"), "neither numbers"),
        (
            {"type": "conv2d", "kernel": {"random": {"filters": 2, "siz": 3}}},
            ("layers", 1, "kernel", "random", "siz"),
            "no such field here; legal are filters, size, init, seed",
        ),
        ({"type": "conv2d", "kernel": {"file": 1}}, ("layers", 1, "kernel"), "neither numbers"),
    ],
)
def test_layer_that_is_none_is_refused_with_its_place(
    layer: dict, path: tuple[str | int, ...], sentence: str
) -> None:
    with pytest.raises(NetworkError, match=sentence) as refused:
        Network({"type": "relu"}, layer)
    assert [error.path for error in refused.value.errors] == [path]


@pytest.mark.parametrize("name", LAYER_TYPES)
def test_every_layer_of_the_engine_can_be_written_and_read(name: str) -> None:
    given = {
        "kernel": [[1.0, 2.0]],
        "size": 2,
        "weight": [[1.0, 2.0]],
        "mean": [1.0],
        "variance": [2.0],
    }
    layer = LAYER_TYPES[name]
    needed = {
        field: given[field]
        for field, one in layer.__dataclass_fields__.items()
        if field in given and one.default is not None
    }
    told = {"type": name, **needed}
    assert plain(Network(told)) == [told]
