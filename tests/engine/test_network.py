"""Networks: reading the input, the forward tape, the way back, and what is left uncomputed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.engine import conv1d, conv2d, interrupt
from app.engine.errors import EngineError, NetworkError, ParameterError, ShapeError
from app.engine.gradcheck import gradcheck
from app.engine.kernels import PresetKernel, RandomKernel, RandomWeight
from app.engine.layers import (
    LAYER_TYPES,
    AvgPool2d,
    BatchNorm,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool1d,
    MaxPool2d,
    Prelu,
    Relu,
    Result,
    Softmax,
    Square,
    Tanh,
)
from app.engine.losses import L2, CrossEntropy, Mean, Sum, Upstream
from app.engine.network import as_batch, backward, forward, gradient_names, inspect
from app.engine.selection import Select
from tests.engine.networks import EVERY, PICTURE, RNG

NETWORK = [
    Conv2d(RandomKernel(3, (3, 2), seed=4), [0.1, -0.2, 0.3], padding="same"),
    Tanh(),
    MaxPool2d((2, 3)),
    Flatten(),
    Dense(RandomWeight(4, seed=5)),
]


def test_every_layer_type_of_the_api_is_tried_here() -> None:
    assert {layer.type for layer, _ in EVERY.values()} == set(LAYER_TYPES)


@pytest.mark.parametrize("case", EVERY)
def test_every_gradient_of_every_layer_is_what_central_differences_say(case: str) -> None:
    layer, x = EVERY[case]
    tape = forward([layer], x)
    loss = Upstream(RNG.standard_normal(tape.output.shape))
    for name in gradient_names(tape):
        checks = gradcheck([layer], x, loss, name, count=12)
        assert [check for check in checks if check.verdict == "fail"] == []
        assert any(check.verdict == "pass" for check in checks)


@pytest.mark.parametrize("case", EVERY)
def test_no_argument_changes_and_single_precision_stays_single(case: str) -> None:
    layer, x = EVERY[case]
    x = x.astype(np.float32)
    given = x.copy()
    tape = forward([layer], x)
    arrays = {name: array.copy() for name, array in tape.steps[0].parameters.items()}
    upstream = RNG.standard_normal(tape.output.shape).astype(np.float32)
    sent, output = upstream.copy(), tape.output.copy()
    found = backward(tape, Upstream(upstream), gradient_names(tape))
    assert {a.dtype for a in (tape.output, *found.gradients.values())} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(x, given)
    np.testing.assert_array_equal(upstream, sent)
    np.testing.assert_array_equal(tape.output, output)
    for name, array in arrays.items():
        np.testing.assert_array_equal(tape.steps[0].parameters[name], array)
        assert found.gradients[f"layers.0.{name}"].shape == array.shape
    exact = forward([layer], x.astype(np.float64)).output
    assert np.abs(tape.output - exact).max() <= 2e-5 * np.abs(exact).max()


@pytest.mark.parametrize("case", EVERY)
def test_an_empty_batch_has_the_right_shapes(case: str) -> None:
    layer, x = EVERY[case]
    empty = forward([layer], x[:0])
    full = inspect([layer], x.shape)[0]
    assert full.output_shape is not None
    assert empty.output.shape == (0, *full.output_shape[1:])
    gradients = backward(empty, Sum(), gradient_names(empty)).gradients
    assert gradients["input"].shape == (0, *x.shape[1:])
    assert all(not gradients[name].any() for name in gradients)


@pytest.mark.parametrize("case", EVERY)
def test_a_report_says_what_the_forward_pass_then_makes(case: str) -> None:
    layer, x = EVERY[case]
    report = inspect([layer], x.shape)[0]
    tape = forward([layer], x, keep=False)
    assert report.output_shape == tape.output.shape
    assert report.error is None
    learned = [a.size for name, a in tape.steps[0].parameters.items() if name not in STATISTICS]
    assert report.parameters == sum(learned)
    assert tape.steps[0].elapsed_ms >= 0
    assert tape.steps[0].algorithm
    assert tape.steps[0].reason.endswith(".") or "only" in tape.steps[0].reason
    assert set(report.legal) <= set(layer.__dataclass_fields__)  # type: ignore[attr-defined]


STATISTICS = ("mean", "variance")


@pytest.mark.parametrize("case", EVERY)
def test_a_tape_without_context_gives_the_same_gradients(case: str) -> None:
    layer, x = EVERY[case]
    kept, bare = forward([layer], x), forward([layer], x, keep=False)
    assert bare.steps[0].context is None
    loss = Upstream(RNG.standard_normal(kept.output.shape))
    names = gradient_names(kept)
    for name, grad in backward(kept, loss, names).gradients.items():
        np.testing.assert_array_equal(backward(bare, loss, names).gradients[name], grad)


@pytest.mark.parametrize(
    ("layers", "shape", "expected"),
    [
        ([Conv2d(PresetKernel("box"))], (5, 4), (1, 1, 5, 4)),
        ([Relu(), MaxPool2d(2)], (3, 5, 4), (1, 3, 5, 4)),
        ([MaxPool2d(2)], (2, 3, 5, 4), (2, 3, 5, 4)),
        ([MaxPool1d(2)], (5,), (1, 1, 5)),
        ([Relu(), Conv1d([1.0]), Dense([[1.0]])], (3, 5), (1, 3, 5)),
        ([MaxPool1d(2)], (2, 3, 5), (2, 3, 5)),
        ([Dense([[1.0]])], (5,), (1, 5)),
        ([Softmax(), Dense([[1.0]])], (3, 5), (3, 5)),
        ([Dense([[1.0]])], (2, 3, 5), (2, 3, 5)),
        ([GlobalAvgPool(), Dense([[1.0]])], (2, 3, 5, 4), (2, 3, 5, 4)),
        ([], (5, 4), (1, 1, 5, 4)),
        ([Relu()], (3, 5, 4), (1, 3, 5, 4)),
        ([Relu()], (7,), (1, 1, 1, 7)),
    ],
)
def test_an_array_is_read_by_the_first_layer_that_cares(
    layers: list[Layer], shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    array = RNG.standard_normal(shape)
    batch = as_batch(array, layers)
    assert batch.shape == expected
    np.testing.assert_array_equal(batch.ravel(), array.ravel())


@pytest.mark.parametrize(
    ("layers", "shape", "legal"),
    [
        ([MaxPool2d(2)], (5,), r"\(H, W\), \(C, H, W\) or \(N, C, H, W\)"),
        ([MaxPool2d(2)], (1,) * 5, r"\(N, C, H, W\)"),
        ([MaxPool1d(2)], (1,) * 4, r"\(L\), \(C, L\) or \(N, C, L\)"),
        ([Dense([[1.0]])], (), r"\(I\), \(N, I\)"),
        ([Relu()], (), "1 to 4 axes"),
        ([], (1,) * 5, "1 to 4 axes"),
    ],
)
def test_an_array_of_other_axes_is_refused_with_the_legal_ones(
    layers: list[Layer], shape: tuple[int, ...], legal: str
) -> None:
    with pytest.raises(ShapeError, match=legal) as caught:
        as_batch(np.zeros(shape), layers)
    assert caught.value.path == ("input",)


@pytest.mark.parametrize(
    ("given", "made"),
    [("uint8", "float32"), ("bool", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_integers_become_floats_before_anything_is_computed(given: str, made: str) -> None:
    batch = as_batch(np.array([[200, 100]], given), [Relu()])
    assert batch.dtype == made
    assert forward([Relu()], batch + batch).output.max() == (2 if given == "bool" else 400)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("uint8", "float32"),
        ("int16", "float32"),
        ("bool", "float32"),
        ("float16", "float32"),
        (">f4", "float32"),
        ("int64", "float64"),
        (">f8", "float64"),
        ("longdouble", "float64"),
    ],
)
@pytest.mark.parametrize("layer", [Relu(), Square(), MaxPool2d(2), AvgPool2d(2), Conv2d([[16.0]])])
def test_a_network_computes_in_floats_whatever_numbers_it_is_given(
    layer: Layer, given: str, made: str
) -> None:
    x = np.array([[[[20, 7, 0], [3, 1, 25]]]]).astype(given)
    tape = forward([layer], x)
    wide = forward([layer], x.astype("f8"))
    assert as_batch(x, []).dtype == tape.input.dtype == tape.output.dtype == made
    assert tape.output.dtype.isnative
    np.testing.assert_array_equal(tape.output, wide.output)
    gradient = backward(tape, Mean()).gradients["input"]
    assert gradient.dtype == made
    assert gradient.any()
    np.testing.assert_allclose(gradient, backward(wide, Mean()).gradients["input"], rtol=1e-6)


@pytest.mark.parametrize("numbers", [[[1j]], [["1"]], [[None]]])
def test_what_are_no_real_numbers_is_no_input(numbers: list[list[object]]) -> None:
    x = np.array(numbers)
    for read in (lambda: as_batch(x, []), lambda: forward([], x), lambda: gradcheck([], x)):
        with pytest.raises(ShapeError, match="must hold real numbers") as caught:
            read()
        assert caught.value.path == ("input",)


def test_all_problems_of_a_network_are_told_at_once() -> None:
    layers = [
        Relu(),
        Conv2d(np.ones((3, 3)), [1.0], stride=0, padding_mode="mirror", flip=1),  # type: ignore[arg-type]
        MaxPool2d(0, padding=-1),
    ]
    with pytest.raises(NetworkError) as caught:
        forward(layers, PICTURE)
    assert {error.path for error in caught.value.errors} == {
        ("layers", 1, "padding_mode"),
        ("layers", 1, "flip"),
        ("layers", 1, "stride"),
        ("layers", 1, "bias"),
        ("layers", 2, "size"),
        ("layers", 2, "padding"),
    }
    assert all(error.legal for error in caught.value.errors)


class Counting(Layer):
    """Notes which gradients it was asked for."""

    type = "counting"
    name = None

    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []

    def infer(self, shape: Any) -> Any:
        return Tanh().infer(shape)

    def parameters(self, shape: Any, dtype: Any) -> dict[str, np.ndarray]:
        return {"weight": np.ones(1, dtype), "bias": np.zeros(1, dtype)}

    def forward(self, x: np.ndarray, parameters: Mapping[str, Any], keep: bool = True) -> Result:
        return Result(x * parameters["weight"] + parameters["bias"])

    def backward(
        self,
        upstream: np.ndarray,
        x: np.ndarray,
        result: Result,
        parameters: Mapping[str, Any],
        wanted: frozenset[str],
    ) -> dict[str, np.ndarray]:
        self.asked.append(wanted)
        return {name: np.zeros_like(x if name == "input" else parameters[name]) for name in wanted}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["input"], [{"input"}, {"input"}, {"input"}]),
        (["layers.1.weight"], [None, {"weight"}, {"input"}]),
        (["layers.1.weight", "layers.2.bias"], [None, {"weight"}, {"input", "bias"}]),
        (["layers.0.bias", "input"], [{"input", "bias"}, {"input"}, {"input"}]),
        (["layers.1.output"], [None, None, {"input"}]),
        (["layers.2.output"], [None, None, None]),
        ([], [None, None, None]),
    ],
)
def test_nothing_is_computed_that_was_not_asked_for(
    wanted: list[str], expected: list[set[str] | None]
) -> None:
    layers = [Counting(), Counting(), Counting()]
    found = backward(forward(layers, PICTURE), Sum(), wanted)
    assert list(found.gradients) == wanted
    assert [layer.asked for layer in layers] == [[asked] if asked else [] for asked in expected]


def test_gradients_through_a_stack_are_those_of_each_layer_in_turn() -> None:
    tape = forward(NETWORK, PICTURE)
    loss = CrossEntropy([1, 3])
    names = gradient_names(tape)
    assert names[:5] == [
        "input",
        "layers.0.kernel",
        "layers.0.bias",
        "layers.0.output",
        "layers.1.output",
    ]
    together = backward(tape, loss, names)
    assert together.loss == pytest.approx(loss.value(tape.output))
    for name in names:
        alone = backward(tape, loss, [name]).gradients[name]
        np.testing.assert_array_equal(alone, together.gradients[name])
        assert all(c.verdict == "pass" for c in gradcheck(NETWORK, PICTURE, loss, name, count=4))


def test_below_the_selected_layer_gradients_flow_and_above_it_they_are_zero() -> None:
    tape = forward(NETWORK, PICTURE)
    loss = L2(Select(layer=1, channels=[2], rows=(1, 4), cols=(2, 3)))
    found = backward(tape, loss, ["layers.0.kernel", "layers.4.weight", "layers.2.output"])
    part = tape.steps[1].output[:, 2, 1:4, 2:3]
    assert found.loss == pytest.approx((part**2).sum() / 2)
    assert found.gradients["layers.0.kernel"][2].any()
    assert not found.gradients["layers.0.kernel"][:2].any()
    assert found.gradients["layers.4.weight"].shape == (4, 18)
    assert not found.gradients["layers.4.weight"].any()
    assert not found.gradients["layers.2.output"].any()


def test_a_network_without_layers_gives_the_input_and_the_losses_gradient() -> None:
    tape = forward([], PICTURE)
    found = backward(tape, L2())
    assert tape.output is PICTURE
    np.testing.assert_array_equal(found.gradients["input"], PICTURE)


def test_the_default_loss_is_the_sum() -> None:
    found = backward(forward([Tanh()], PICTURE))
    assert found.loss == pytest.approx(np.tanh(PICTURE).sum())
    np.testing.assert_allclose(found.gradients["input"], 1 - np.tanh(PICTURE) ** 2)


def test_a_prefix_is_not_run_again() -> None:
    head = forward(NETWORK[:3], PICTURE)
    tape = forward(NETWORK, PICTURE, prefix=head)
    assert tape.steps[:3] == head.steps
    assert tape.head(3).steps == head.steps
    np.testing.assert_array_equal(tape.output, forward(NETWORK, PICTURE).output)


def test_unknown_gradients_are_refused_with_the_known_ones() -> None:
    tape = forward([Relu()], PICTURE)
    with pytest.raises(ParameterError, match=r"legal are input, layers\.0\.output") as caught:
        backward(tape, wanted=["layers.0.kernel"])
    assert caught.value.path == ("wanted",)


@pytest.mark.parametrize("layer", [-1, 2])
def test_a_loss_on_a_layer_that_is_not_there_is_refused(layer: int) -> None:
    tape = forward([Relu(), Tanh()], PICTURE)
    with pytest.raises(ParameterError, match="0 to 1") as caught:
        backward(tape, Sum(Select(layer=layer)))
    assert caught.value.path == ("loss", "select", "layer")


def test_a_loss_that_does_not_fit_is_told_under_its_own_path() -> None:
    tape = forward([Relu()], PICTURE)
    with pytest.raises(ShapeError) as caught:
        backward(tape, Upstream(np.ones((2, 2))))
    assert caught.value.path == ("loss", "values")


def test_a_callers_interrupt_stops_between_layers() -> None:
    class Stopped(Exception):
        pass

    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Stopped

    with pytest.raises(Stopped), interrupt.scope(stop):
        forward([Tanh(), Tanh(), Tanh()], PICTURE)
    tape = forward([Tanh(), Tanh(), Tanh()], PICTURE)
    calls.clear()
    with pytest.raises(Stopped), interrupt.scope(stop):
        backward(tape)


def test_non_finite_numbers_are_results_and_no_warnings() -> None:
    x = np.array([[[[np.inf, -np.inf, np.nan, 1e308]]]])
    for layer, _ in EVERY.values():
        if layer.reads is None and layer.type not in ("prelu", "batch_norm"):
            tape = forward([layer], x)
            backward(tape, L2())
            assert forward([layer], x * 1.0).output.shape == tape.output.shape


def test_a_layer_name_is_told_back() -> None:
    named = replace(NETWORK[1], name="squash")  # type: ignore[type-var]
    assert inspect([NETWORK[0], named], PICTURE.shape)[1].name == "squash"


@pytest.mark.parametrize("layers", [[], [Relu()]])
@pytest.mark.parametrize("shape", [(), (4,)])
def test_an_input_without_a_channel_axis_is_refused(
    layers: list[Layer], shape: tuple[int, ...]
) -> None:
    with pytest.raises(EngineError, match="needs a batch and a channel axis"):
        forward(layers, np.zeros(shape))


@pytest.mark.parametrize("mode", [{}, [1], np.array([1, 2]), None, 3])
def test_a_padding_mode_of_any_kind_is_refused_as_illegal(mode: Any) -> None:
    with pytest.raises(NetworkError) as caught:
        forward([Conv2d([[1.0]], padding=1, padding_mode=mode)], np.zeros((1, 1, 3, 4)))
    (error,) = caught.value.errors
    assert error.path == ("layers", 0, "padding_mode")


@pytest.mark.parametrize("stride", [65, 5000, 2**24])
def test_a_stride_beyond_the_picture_has_its_gradient(stride: int) -> None:
    x = np.random.default_rng(8).standard_normal((1, 1, 3, 4))
    kernel = np.array([[1.0, 2, 3], [4, 5, 6]])
    tape = forward([Conv2d(kernel, stride=stride, padding=1)], x)
    grad = backward(tape).gradients["input"]
    assert tape.output.shape == (1, 1, 1, 1)
    np.testing.assert_array_equal(grad[0, 0], [[5, 6, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("weight", [0.3, [0.3], [0.3, -0.2, 0.7]])
def test_the_slope_of_prelu_has_its_gradient_alone_or_one_a_channel(weight: Any) -> None:
    x = np.random.default_rng(9).standard_normal((2, 3, 4, 5))
    upstream = np.random.default_rng(10).standard_normal(x.shape)
    tape = forward([Prelu(weight)], x)
    grad = backward(tape, Upstream(upstream), ["layers.0.weight"]).gradients["layers.0.weight"]
    by_channel = (upstream * np.minimum(x, 0)).sum(axis=(0, 2, 3))
    expected = by_channel if grad.size == 3 else [by_channel.sum()]
    np.testing.assert_allclose(grad, expected, rtol=1e-12)


RAGGED = [[1.0, 2.0], [3.0]]


@pytest.mark.parametrize(
    ("layer", "field"),
    [
        (Conv2d([[1.0]], RAGGED), "bias"),  # type: ignore[arg-type]
        (ConvTranspose2d([[1.0]], RAGGED), "bias"),  # type: ignore[arg-type]
        (Conv2d(RAGGED), "kernel"),  # type: ignore[arg-type]
        (BatchNorm(None, [1.0] * 4), "mean"),  # type: ignore[arg-type]
        (BatchNorm([1.0] * 4, None), "variance"),  # type: ignore[arg-type]
    ],
)
def test_ragged_and_missing_arrays_are_the_engines_errors(layer: Layer, field: str) -> None:
    with pytest.raises(NetworkError) as caught:
        forward([layer], PICTURE)
    assert [error.path for error in caught.value.errors] == [("layers", 0, field)]


@pytest.mark.parametrize("call", [conv2d, conv1d])
def test_functions_refuse_ragged_lists_and_flags_that_are_none(call: Callable[..., object]) -> None:
    x = PICTURE if call is conv2d else PICTURE[:, :, 0]
    kernel = np.ones((1, x.shape[1], *[1] * (x.ndim - 2)))
    for arguments, keywords, path in (
        ((RAGGED, kernel), {}, "x"),
        ((x, RAGGED), {}, "kernel"),
        ((x, kernel, RAGGED), {}, "bias"),
        ((x, kernel), {"flip": 1}, "flip"),
        ((x, kernel), {"flip": "no"}, "flip"),
        ((x, kernel), {"flip": []}, "flip"),
    ):
        with pytest.raises(EngineError, match=f"(?i){path}") as caught:
            call(*arguments, **keywords)
        assert caught.value.path == (path,)


@pytest.mark.parametrize(
    ("loss", "path"),
    [
        (Sum(Select(layer=True)), "layer"),
        (Sum(Select(layer=0.0)), "layer"),  # type: ignore[arg-type]
        (Sum(Select(layer="0")), "layer"),  # type: ignore[arg-type]
        (Sum(Select(channels=[True])), "channels"),
        (Sum(Select(channels=[1.0])), "channels"),  # type: ignore[list-item]
        (Sum(Select(channels=1)), "channels"),  # type: ignore[arg-type]
        (Sum(Select(rows=(0.0, 2.0))), "rows"),  # type: ignore[arg-type]
        (Sum(Select(cols=3)), "cols"),  # type: ignore[arg-type]
        (Sum(Select(cols=(False, True))), "cols"),
    ],
)
def test_selections_are_of_whole_numbers(loss: Sum, path: str) -> None:
    with pytest.raises(ParameterError) as caught:
        backward(forward([Relu()], PICTURE), loss)
    assert caught.value.path == ("loss", "select", path)


def test_a_selection_may_be_a_range_or_an_array() -> None:
    tape = forward([Relu()], PICTURE)
    expected = backward(tape, Sum(Select(channels=[0, 1], rows=(1, 3)))).loss
    for channels in (range(2), np.arange(2)):
        select = Select(channels=channels, rows=np.array([1, 3]))  # type: ignore[arg-type]
        assert backward(tape, Sum(select)).loss == expected
