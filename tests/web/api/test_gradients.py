"""POST /backward, /explain, /gradcheck and /shapes."""

from typing import Any

import numpy as np
import pytest

from app.engine.convolution import conv2d_backward
from app.web.answer_schemas import ShapesAnswer
from tests.web.api.calling import Api, assert_problem

NOTES = {
    "input": {"array": [1, 2, 3, 4, 5]},
    "layers": [{"type": "conv1d", "kernel": [1, 1, 1], "padding": "same"}],
    "dtype": "float64",
}
ALL = {"gradients": ["input", "layers.0.kernel"]}


def backward(api: Api, **members: Any) -> Any:
    answer = api.post("/backward", {**NOTES, **members})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_notes_gradients_come_out(api: Api) -> None:
    told = backward(api, **{"return": ALL})
    assert told["loss"] == 39
    assert [one["name"] for one in told["gradients"]] == ALL["gradients"]
    assert told["gradients"][0]["data"] == [[[2, 3, 3, 3, 2]]]
    assert told["gradients"][1]["data"] == [[[10, 15, 14]]]
    assert told["gradients"][1]["shape"] == [1, 1, 3]
    batch = {"array": [[[1, 2, 3, 4, 5]], [[10, 11, 2, 3, 4]]]}
    told = backward(api, input=batch, **{"return": ALL})
    assert told["gradients"][1]["data"] == [[[36, 45, 34]]]


def test_input_gradient_of_the_sum_is_the_default(api: Api) -> None:
    told = backward(api)
    assert [one["name"] for one in told["gradients"]] == ["input"]
    assert told["gradients"][0]["stats"][0]["max"] == 3


@pytest.mark.parametrize(
    ("loss", "value", "gradient"),
    [
        ({"type": "sum", "select": {"cols": [0, 1]}}, 3, [1, 1, 0, 0, 0]),
        ({"type": "mean"}, 7.8, [0.4, 0.6, 0.6, 0.6, 0.4]),
        ({"type": "l2", "select": {"layer": 0, "cols": [4, 5]}}, 40.5, [0, 0, 0, 9, 9]),
        ({"type": "mse", "target": [3, 6, 9, 12, 4]}, 5, [0, 0, 0, 2, 2]),
        ({"type": "mse", "target": {"array": [[[3, 6, 9, 12, 4]]]}}, 5, [0, 0, 0, 2, 2]),
        ({"type": "mse", "target": 9}, 10.8, [-3.6, -3.6, 0, 1.2, 1.2]),
        ({"type": "upstream", "values": [0, 0, 2, 0, 0]}, 18, [0, 2, 2, 2, 0]),
    ],
)
def test_losses(api: Api, loss: Any, value: float, gradient: list[float]) -> None:
    told = backward(api, loss=loss)
    assert told["loss"] == pytest.approx(value)
    assert told["gradients"][0]["data"][0][0] == pytest.approx(gradient)


def test_cross_entropy_of_a_class(api: Api) -> None:
    layers = [{"type": "dense", "weight": [[1, 0], [0, 1], [1, 1]], "bias": [0, 1, 0]}]
    body = {"input": {"array": [[1, 2]]}, "layers": layers, "dtype": "float64"}
    loss = {"type": "cross_entropy", "target": 1}
    told = api.post("/backward", {**body, "loss": loss, "return": {"gradients": ["input"]}}).json()
    scores = np.array([1, 3, 3.0])
    share = np.exp(scores) / np.exp(scores).sum()
    assert told["loss"] == pytest.approx(-np.log(share[1]))
    upstream = share - [0, 1, 0]
    expected = upstream @ np.array([[1, 0], [0, 1], [1, 1.0]])
    assert told["gradients"][0]["data"][0] == pytest.approx(expected)


def test_mean_squared_error_against_a_picture(api: Api) -> None:
    picture = {"sample": "camera", "max_side": 12, "color": "gray"}
    body = {
        "input": picture,
        "layers": [{"type": "identity"}],
        "loss": {"type": "mse", "target": picture},
    }
    assert api.post("/backward", body).json()["loss"] == 0
    missing = {**body, "loss": {"type": "mse", "target": {"image": "0" * 64}}}
    assert_problem(api.post("/backward", missing), 404)


def test_gradient_of_a_depthwise_kernel_has_the_full_form(
    api: Api, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(1, 3, 5, 6)).astype(np.float32)
    upstream = rng.normal(size=(1, 3, 4, 4)).astype(np.float32)
    body = {
        "input": {"array": {"tensor": "x"}},
        "layers": [{"type": "conv2d", "kernel": [[1, -2, 3], [0, 1, 4]]}],
        "loss": {"type": "upstream", "values": {"tensor": "upstream"}},
        "return": {"gradients": ["layers.0.kernel", "layers.0.output"]},
    }
    told = api.post_tensors("/backward", body, x=x, upstream=upstream).json()["gradients"]
    full = np.broadcast_to(np.array([[1, -2, 3], [0, 1, 4]], np.float32), (3, 1, 2, 3))
    expected = conv2d_backward(upstream, x, full, groups=3).kernel
    np.testing.assert_allclose(told[0]["data"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.float32(told[1]["data"]), upstream)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"return": {"gradients": ["input", "layers.0.karnel"]}}, "/return/gradients/1"),
        ({"return": {"gradients": ["layers.7.kernel"]}}, "/return/gradients/0"),
        ({"loss": {"type": "sum", "select": {"layer": 1}}}, "/loss/select/layer"),
        ({"loss": {"type": "sum", "select": {"cols": [3, 9]}}}, "/loss/select/cols"),
        ({"loss": {"type": "sum", "select": {"rows": [0, 1]}}}, "/loss/select/rows"),
        ({"loss": {"type": "mse"}}, "/loss/target"),
        ({"loss": {"type": "mse", "target": [1, "2"]}}, "/loss/target/1"),
        ({"loss": {"type": "mse", "target": [1, 2]}}, "/loss/target"),
        ({"loss": {"type": "mse", "target": {"sample": "cat", "x": 1}}}, "/loss/target/x"),
        ({"loss": {"type": "upstream", "values": [[1, 2]]}}, "/loss/values"),
        ({"loss": {"type": "cross_entropy", "target": 3}}, "/loss/target"),
        ({"loss": {"type": "cross_entropy", "target": -1}}, "/loss/target"),
        ({"loss": {"type": "huber"}}, "/loss/type"),
    ],
)
def test_illegal_loss_or_gradient_is_refused_at_its_pointer(
    api: Api, members: Any, pointer: str
) -> None:
    problem = assert_problem(api.post("/backward", {**NOTES, **members}), 422)
    told = [one["pointer"] for one in problem["errors"]]
    assert any(one == pointer or one.startswith(pointer + "/") for one in told), told


def test_explained_feature_has_every_term_and_says_what_is_padding(api: Api) -> None:
    told = api.post("/explain", {**NOTES, "at": {"feature": {"col": 0}}}).json()
    assert (told["of"], told["position"], told["sum"]) == ("layers.0.output", [0, 0, 0], 3)
    assert [term["padding"] for term in told["terms"]] == [True, False, False]
    assert [term["product"] for term in told["terms"]] == [0, 1, 2]
    assert {"name", "position", "value"} == set(told["terms"][0]["left"])


def test_sum_that_overflows_is_explained_all_the_same(api: Api) -> None:
    body = {**NOTES, "input": {"array": [1e308] * 3}, "at": {"feature": {"col": 1}}}
    told = api.post("/explain", body).json()
    assert [term["product"] for term in told["terms"]] == [1e308] * 3
    assert (told["sum"], told["value"]) == (None, None)


@pytest.mark.parametrize(
    ("at", "value"),
    [({"input_gradient": {"col": 4}}, 2), ({"kernel_gradient": {"filter": 0, "col": 1}}, 15)],
)
def test_explained_gradients_are_those_of_the_notes(api: Api, at: Any, value: float) -> None:
    told = api.post("/explain", {**NOTES, "at": at}).json()
    assert (told["sum"], told["value"]) == (value, value)


@pytest.mark.parametrize(
    ("at", "pointer"),
    [
        ({}, "/at"),
        ({"feature": {}, "input_gradient": {}}, "/at"),
        ({"feature": {"layer": 1}}, "/at/feature/layer"),
        ({"feature": {"col": 5}}, "/at/feature/col"),
        ({"feature": {"row": 1}}, "/at/feature/row"),
        ({"feature": {"n": -1}}, "/at/feature/n"),
        ({"kernel_gradient": {"filter": 1}}, "/at/kernel_gradient/filter"),
        ({"kernel_gradient": {"n": 0}}, "/at/kernel_gradient/n"),
    ],
)
def test_number_that_is_not_there_cannot_be_explained(api: Api, at: Any, pointer: str) -> None:
    assert_problem(api.post("/explain", {**NOTES, "at": at}), 422, pointer)


def test_layer_without_a_kernel_has_no_kernel_gradient(api: Api) -> None:
    body = {**NOTES, "layers": [{"type": "relu"}], "at": {"kernel_gradient": {}}}
    assert_problem(api.post("/explain", body), 422, "/at/kernel_gradient/layer")


def test_finite_differences_of_the_notes_are_exact(api: Api) -> None:
    asked = {"wrt": "layers.0.kernel", "step": 1, "indices": [[0, 0, 0], [0, 0, 2]]}
    told = api.post("/gradcheck", {**NOTES, **asked}).json()
    assert told["verdict"] == "pass"
    assert [one["index"] for one in told["checks"]] == [[0, 0, 0], [0, 0, 2]]
    assert [one["analytic"] for one in told["checks"]] == [10, 14]
    assert [one["numeric"] for one in told["checks"]] == pytest.approx([10, 14], rel=1e-12)


def test_gradient_check_is_in_float64_and_names_kinks(api: Api) -> None:
    body = {"input": {"array": [0, 1.0000000001]}, "layers": [{"type": "relu"}]}
    told = api.post("/gradcheck", body).json()["checks"]
    assert told[0]["verdict"] == "kink"
    assert "relu" in told[0]["note"]
    assert told[1]["verdict"] == "pass"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"wrt": "layers.1.kernel"}, "/wrt"),
        ({"indices": [[0, 0, 5]]}, "/indices/0"),
        ({"indices": [[0]]}, "/indices/0"),
        ({"indices": []}, "/indices"),
        ({"step": 0}, "/step"),
    ],
)
def test_illegal_gradient_check_is_refused(api: Api, asked: Any, pointer: str) -> None:
    assert_problem(api.post("/gradcheck", {**NOTES, **asked}), 422, pointer)


def test_shapes_report_an_illegal_layer_in_place_with_what_is_legal(api: Api) -> None:
    layers = [
        {"type": "conv2d", "kernel": {"random": {"filters": 4, "size": 3}}, "padding": "same"},
        {"type": "max_pool2d", "size": 40},
        {"type": "relu"},
    ]
    answer = api.post("/shapes", {"input": {"shape": [3, 20, 30]}, "layers": layers})
    assert answer.status_code == 200
    first, second, third = answer.json()["layers"]
    assert first["output_shape"] == [1, 4, 20, 30]
    assert first["padding"] == [[1, 1], [1, 1]]
    assert "20" in first["formula"]
    assert second["output_shape"] is None
    assert second["errors"][0]["pointer"].startswith("/layers/1/")
    assert second["errors"][0]["legal"]
    assert [one["misfit"] for one in second["errors"]] == [
        {
            "what": "window",
            "axis": axis,
            "size": 40,
            "dilation": 1,
            "span": 40,
            "padded": side,
            "legal_span": side,
        }
        for axis, side in (("rows", 20), ("cols", 30))
    ]
    ShapesAnswer.model_validate_json(answer.content)
    refused = api.post("/forward", {"input": {"array": [[[0.5] * 30] * 20] * 3}, "layers": layers})
    assert refused.json()["errors"] == [
        {name: one[name] for name in ("pointer", "detail", "misfit")} for one in second["errors"]
    ]
    assert set(second["legal"]) >= {"size", "stride", "padding"}
    assert third["input_shape"] is None


def test_shapes_cost_nothing_however_large(api: Api) -> None:
    kernel = {"random": {"filters": 512, "size": 63}}
    body = {
        "input": {"shape": [64, 512, 4000, 4000]},
        "layers": [{"type": "conv2d", "kernel": kernel}],
    }
    told = api.post("/shapes", body).json()
    assert told["estimated"] > told["limit"]


def test_shapes_of_a_picture_are_told_without_its_values(api: Api) -> None:
    body = {"input": {"sample": "cat", "max_side": 100}, "layers": []}
    assert api.post("/shapes", body).json()["input"]["shape"] == [1, 3, 67, 100]


def test_shape_alone_cannot_be_computed_on(api: Api) -> None:
    body = {"input": {"shape": [2, 2]}, "layers": []}
    assert_problem(api.post("/forward", body), 422, "/input/shape")
    beyond = {"input": {"shape": [2**31 - 1] * 4}, "layers": []}
    assert_problem(api.post("/shapes", beyond), 422, "/input/shape")


TWO_CHANNELS = {
    "input": {"array": [[[1, 2, 3], [4, 5, 6]], [[7, 8, 10], [11, 12, 14]]]},
    "layers": [{"type": "conv2d", "kernel": [[[2, -1]], [[3, 5]]]}],
}


def test_channels_choose_among_those_of_a_map_and_leave_kernels_whole(api: Api) -> None:
    wanted = {"gradients": ["input", "layers.0.kernel"], "channels": [1]}
    answer = api.post("/backward", {**TWO_CHANNELS, "return": wanted}).json()
    of_input, of_kernel = answer["gradients"]
    assert of_input["data"] == [[[[3, 8, 5], [3, 8, 5]]]]
    assert of_input["shape"] == [1, 2, 2, 3]
    assert np.shape(of_kernel["data"]) == (1, 2, 1, 2)


@pytest.mark.parametrize(
    ("returned", "pointer"),
    [({"channels": [2]}, "/return/channels/0"), ({"layers": [0]}, "/return/layers")],
)
def test_what_a_gradient_has_not_is_refused(api: Api, returned: Any, pointer: str) -> None:
    answer = api.post("/backward", {**TWO_CHANNELS, "return": returned})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        ({"type": "sum"}, 0),
        ({"type": "l2"}, 0),
        ({"type": "mean"}, None),
        ({"type": "cross_entropy", "target": 0}, None),
        ({"type": "mse", "target": {"tensor": "target"}}, None),
    ],
)
def test_an_empty_batch_has_gradients_of_no_numbers_and_zeros_for_the_kernel(
    api: Api, loss: Any, value: float | None
) -> None:
    arrays = {"x": np.zeros((0, 1, 3, 4), np.float32), "target": np.zeros((0, 1, 3, 3), np.float32)}
    body = {
        "input": {"array": {"tensor": "x"}},
        "layers": [{"type": "conv2d", "kernel": [[1, 2]]}],
        "loss": loss,
        "return": {"gradients": ["input", "layers.0.kernel"]},
    }
    told = api.post_tensors("/backward", body, "application/json", **arrays).json()
    assert told["loss"] == value
    by_input, by_kernel = told["gradients"]
    assert (by_input["shape"], by_input["data"]) == ([0, 1, 3, 4], [])
    assert by_kernel["data"] == [[[[0, 0]]]]


def test_a_list_without_numbers_is_refused_with_the_way_to_send_an_empty_batch(api: Api) -> None:
    answer = api.post("/forward", {"input": {"array": []}, "layers": []})
    assert "travels as a tensor" in assert_problem(answer, 422, "/input/array")["detail"]
