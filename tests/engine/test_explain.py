"""Taking numbers apart: the terms are right, complete, and add up to the engine's own number."""

import itertools
from typing import Any

import numpy as np
import pytest

from app.engine import explain
from app.engine.errors import ParameterError
from app.engine.explain import (
    Explanation,
    explain_feature,
    explain_input_gradient,
    explain_kernel_gradient,
)
from app.engine.kernels import RandomKernel
from app.engine.layers import (
    AvgPool1d,
    AvgPool2d,
    BatchNorm,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dense,
    GlobalMaxPool,
    Layer,
    LogSoftmax,
    MaxPool1d,
    MaxPool2d,
    Relu,
    Sigmoid,
    Softmax,
    Tanh,
)
from app.engine.losses import L2, Upstream
from app.engine.network import forward
from app.engine.selection import Select
from tests.engine.networks import EVERY, PICTURE, RNG, SEQUENCE, vector

CASES = dict(EVERY)
for s, p, mode, d, g, flip in itertools.product(
    (1, (2, 3)),
    (0, ((1, 2), (0, 3))),
    ("zeros", "reflect", "replicate", "circular"),
    (1, (2, 1)),
    (1, 2),
    (False, True),
):
    CASES[f"conv2d {s} {p} {mode} {d} {g} {flip}"] = (
        Conv2d(RandomKernel(6, (3, 2)), vector(6), s, p, mode, d, g, flip),
        PICTURE,
    )
for s, p, o, d, g in itertools.product((2, (3, 2)), (0, ((1, 0), (0, 1))), (0, 1), (1, 2), (1, 2)):
    CASES[f"conv_transpose2d {s} {p} {o} {d} {g}"] = (
        ConvTranspose2d(RandomKernel(6, (3, 2)), None, s, p, o, d, g),
        PICTURE,
    )
for k, s, p, d, ceil in itertools.product((2, 3), (1, 2), (0, 1), (1, 2), (False, True)):
    CASES[f"max_pool2d {k} {s} {p} {d} {ceil}"] = (MaxPool2d(k, s, p, d, ceil), np.round(PICTURE))
    CASES[f"avg_pool2d {k} {s} {p} {d} {ceil}"] = (AvgPool2d(k, s, p, ceil, d == 1), PICTURE)
CASES["conv_transpose1d groups"] = (
    ConvTranspose1d(RandomKernel(6, 3), vector(6), 2, 1, 1, 2, 2),
    SEQUENCE,
)


def adds_up(found: Explanation) -> None:
    largest = max((abs(term.product) for term in found.terms), default=0)
    assert abs(found.sum - found.value) <= 1e-13 * max(largest, abs(found.value), 1)
    for term in found.terms:
        if term.left.value not in (np.inf, -np.inf):
            assert term.product == pytest.approx(term.left.value * term.right.value, rel=1e-14)


@pytest.mark.parametrize("case", CASES)
def test_terms_and_bias_add_up_to_the_engines_number(case: str) -> None:
    layer, x = CASES[case]
    x = x.copy()
    x.flat[0] = 0
    tape = forward([layer, Tanh()], x)
    loss = Upstream(RNG.standard_normal(tape.output.shape))
    arrays = tape.steps[0].parameters
    rng = np.random.default_rng(7)
    for share in (np.zeros(4), rng.random(4), rng.random(4)):  # the first cell, and two others

        def place(shape: tuple[int, ...], share: np.ndarray = share) -> list[int]:
            return [int(part * size) for part, size in zip(share, shape, strict=False)]

        adds_up(explain_feature(tape, 0, place(tape.steps[0].output.shape)))
        adds_up(explain_input_gradient(tape, place(x.shape), loss))
        for field in {"kernel", "weight"} & set(arrays):
            if hasattr(layer, "kernel") or isinstance(layer, Dense):
                adds_up(explain_kernel_gradient(tape, 0, place(arrays[field].shape), loss))


def test_a_feature_of_the_notes_is_kernel_times_local_patch() -> None:
    tape = forward([Conv1d([1.0, 10, 100], [0.5], padding="same")], np.array([[[1.0, 2, 3, 4, 5]]]))
    found = explain_feature(tape, 0, (0, 0, 4))
    assert [(t.left.value, t.right.value, t.padding) for t in found.terms] == [
        (1, 4, False),
        (10, 5, False),
        (100, 0, True),
    ]
    assert [t.left.name for t in found.terms] == ["kernel"] * 3
    assert [t.left.position for t in found.terms] == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    assert [t.right.position for t in found.terms] == [(0, 0, 3), (0, 0, 4), (0, 0, 5)]
    assert (found.of, found.layer, found.position) == ("layers.0.output", 0, (0, 0, 4))
    assert (found.bias, found.sum, found.value) == (0.5, 54.5, 54.5)


def test_gradients_of_the_notes_name_every_feature_that_used_the_element() -> None:
    tape = forward([Conv1d([1.0, 10, 100], padding="same")], np.array([[[1.0, 2, 3, 4, 5]]]))
    last = explain_input_gradient(tape, (0, 0, 4))
    assert [(t.left.position[-1], t.right.value) for t in last.terms] == [(3, 100), (4, 10)]
    assert (last.of, last.value, last.bias) == ("input", 110, None)
    first = explain_kernel_gradient(tape, 0, (0, 0, 0))
    assert [(t.right.value, t.padding) for t in first.terms] == [
        (0, True),
        (1, False),
        (2, False),
        (3, False),
        (4, False),
    ]
    assert (first.of, first.value) == ("layers.0.kernel", 10)


def test_repeated_padding_names_the_cell_it_repeats() -> None:
    conv = Conv1d([1.0, 10, 100], padding=1, padding_mode="circular")
    tape = forward([conv], np.array([[[1.0, 2, 3, 4, 5]]]))
    term = explain_feature(tape, 0, (0, 0, 0)).terms[0]
    assert (term.right.position, term.right.value, term.padding) == ((0, 0, 4), 5, True)
    through = [t for t in explain_input_gradient(tape, (0, 0, 4)).terms if t.padding]
    assert [(t.left.position, t.right.value) for t in through] == [((0, 0, 0), 1)]


def test_a_flipped_kernel_is_read_backwards() -> None:
    tape = forward([Conv1d([1.0, 10, 100], flip=True)], np.array([[[1.0, 2, 3, 4]]]))
    terms = explain_feature(tape, 0, (0, 0, 1)).terms
    assert [(t.left.position[-1], t.left.value, t.right.value) for t in terms] == [
        (2, 100, 2),
        (1, 10, 3),
        (0, 1, 4),
    ]


def test_the_maximum_alone_has_a_share() -> None:
    x = np.array([[[[1.0, 7.0], [7.0, 2.0]]]])
    tape = forward([MaxPool2d(2, 2, 1)], x)
    corner = explain_feature(tape, 0, (0, 0, 0, 0)).terms
    assert [(t.left.value, t.right.value, t.padding) for t in corner] == [
        (-np.inf, 0, True),
        (-np.inf, 0, True),
        (-np.inf, 0, True),
        (1, 1, False),
    ]
    whole = forward([GlobalMaxPool()], x)
    shares = [t.right.value for t in explain_feature(whole, 0, (0, 0, 0, 0)).terms]
    assert shares == [0, 1, 0, 0]
    assert explain_input_gradient(whole, (0, 0, 1, 0)).value == 0


def test_a_maximum_of_padding_alone_is_its_minus_infinity() -> None:
    tape = forward([MaxPool2d((1, 2), 1, (0, 1), 2)], np.array([[[[3.0]]]]))  # dilation steps over
    found = explain_feature(tape, 0, (0, 0, 0, 0))
    assert [(t.right.value, t.product) for t in found.terms] == [(1, -np.inf), (0, 0)]
    assert found.sum == found.value == -np.inf
    assert explain_input_gradient(tape, (0, 0, 0, 0)).terms == []


def test_an_average_counts_padding_only_where_told_to() -> None:
    x = np.ones((1, 1, 2, 2))
    for counted, share, terms in ((True, 1 / 4, 4), (False, 1, 4)):
        found = explain_feature(forward([AvgPool2d(2, 2, 1, False, counted)], x), 0, (0, 0, 0, 0))
        assert [t.right.value for t in found.terms] == [share] * terms
        assert [t.padding for t in found.terms] == [True, True, True, False]


def test_what_overhangs_a_pool_in_ceil_mode_is_no_term() -> None:
    x = np.array([[[1.0, 2, 3, 4, 5]]])
    for layer in (AvgPool1d(2, ceil_mode=True), MaxPool1d(2, ceil_mode=True)):
        found = explain_feature(forward([layer], x), 0, (0, 0, 2))
        assert [(t.left.value, t.right.value) for t in found.terms] == [(5, 1)]


def test_infinite_cells_that_lose_do_not_spoil_the_sum() -> None:
    x = np.array([[[[-np.inf, 2.0], [1.0, 0.0]]]])
    for layer in (MaxPool2d(2), GlobalMaxPool()):
        found = explain_feature(forward([layer], x), 0, (0, 0, 0, 0))
        assert found.sum == found.value == 2


@pytest.mark.parametrize("layer", [MaxPool2d(2), GlobalMaxPool(), Relu()])
def test_an_infinite_gradient_does_not_pass_where_nothing_goes_through(layer: Layer) -> None:
    x = np.array([[[[-1.0, 2.0], [1.0, 0.0]]]])
    tape = forward([layer], x)
    loss = Upstream(np.full(tape.output.shape, np.inf))
    found = explain_input_gradient(tape, (0, 0, 0, 0), loss)
    assert found.sum == found.value == 0
    assert explain_input_gradient(tape, (0, 0, 0, 1), loss).sum == np.inf


def test_a_nan_in_the_patch_is_a_nan_in_the_sum() -> None:
    tape = forward([Conv1d([1.0, 2])], np.array([[[np.nan, 1.0]]]))
    found = explain_feature(tape, 0, (0, 0, 0))
    assert np.isnan(found.sum)
    assert np.isnan(found.value)


def test_what_an_activation_makes_of_zero_is_its_bias() -> None:
    tape = forward([Sigmoid(), Relu()], np.zeros((1, 1, 1, 1)))
    assert explain_feature(tape, 0, (0, 0, 0, 0)).bias == 0.5
    assert explain_feature(forward([Relu()], tape.input), 0, (0, 0, 0, 0)).bias is None
    assert explain_feature(tape, 1, (0, 0, 0, 0)).terms[0].right.value == 1


def test_a_normalisation_is_a_scale_and_a_shift() -> None:
    norm = BatchNorm([3.0], [4.0], [6.0], [0.5], eps=0)
    found = explain_feature(forward([norm], np.full((1, 1, 1, 1), 5.0)), 0, (0, 0, 0, 0))
    assert [(t.left.value, t.right.value) for t in found.terms] == [(5, 3)]
    assert (found.bias, found.value) == (-8.5, 6.5)


def test_softmax_is_an_exponential_over_the_sum_of_all() -> None:
    x = np.array([[1.0, 2.0, 4.0]])
    term = explain_feature(forward([Softmax()], x), 0, (0, 1)).terms[0]
    assert term.left.value == pytest.approx(np.exp(-2))
    assert 1 / term.right.value == pytest.approx(np.exp(-3) + np.exp(-2) + 1)
    found = explain_feature(forward([LogSoftmax()], x), 0, (0, 1))
    assert found.bias == pytest.approx(-np.log(np.exp(x).sum()))


def test_a_gradient_inside_the_network_is_that_of_the_layer_before() -> None:
    layers = [Tanh(), Conv2d(RandomKernel(2, 3)), Tanh()]
    found = explain_input_gradient(forward(layers, PICTURE), (1, 2, 3, 4), layer=1)
    assert found.of == "layers.0.output"
    assert found.layer == 1
    adds_up(found)


def test_where_the_loss_looks_at_a_map_its_gradient_is_what_the_loss_sends() -> None:
    tape = forward([Tanh(), Conv2d(RandomKernel(2, 3)), Tanh()], PICTURE)
    at, map_ = (1, 2, 3, 4), tape.steps[0].output
    found = explain_input_gradient(tape, at, L2(Select(layer=0)), layer=1)
    assert [(t.left.name, t.left.position, t.right.value) for t in found.terms] == [("loss", at, 1)]
    assert found.sum == found.value == map_[at]
    beyond = explain_input_gradient(tape, at, L2(Select(layer=0, channels=[1])), layer=1)
    assert beyond.sum == beyond.value == 0


@pytest.mark.parametrize(
    ("position", "path", "legal"),
    [((0, 0, 0), ("position",), "4 entries"), ((0, 0, 6, 0), ("position", 2), "0 to 5")],
)
def test_positions_outside_are_refused(
    position: tuple[int, ...], path: tuple[str | int, ...], legal: str
) -> None:
    tape = forward([Relu()], PICTURE)
    for call in (
        lambda: explain_feature(tape, 0, position),
        lambda: explain_input_gradient(tape, position),
    ):
        with pytest.raises(ParameterError, match=legal) as caught:
            call()
        assert caught.value.path == path


def test_layers_that_are_not_there_or_have_no_kernel_are_refused() -> None:
    tape = forward([Relu()], PICTURE)
    with pytest.raises(ParameterError, match="legal: 0"):
        explain_feature(tape, 1, (0, 0, 0, 0))
    with pytest.raises(ParameterError, match="has no kernel") as caught:
        explain_kernel_gradient(tape, 0, (0, 0, 0, 0))
    assert caught.value.path == ("layer",)


def test_a_sum_too_long_to_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = forward([Conv2d(RandomKernel(1, (2, 2)))], PICTURE[:, :2])
    monkeypatch.setattr(explain, "MOST_TERMS", 8)
    assert len(explain_feature(tape, 0, (0, 0, 0, 0)).terms) == 8
    monkeypatch.setattr(explain, "MOST_TERMS", 7)
    with pytest.raises(ParameterError, match="more than 7 terms"):
        explain_feature(tape, 0, (0, 0, 0, 0))


def test_terms_of_both_infinities_add_up_to_what_the_engine_says() -> None:
    x = np.array([[[[np.inf, -np.inf, 1e308]]]])
    tape = forward([Conv2d([[1.0, 1.0]]), Conv2d([[9.0]])], x)
    explanation = explain_feature(tape, 0, (0, 0, 0, 0))
    assert np.isnan(explanation.sum)
    assert np.isnan(tape.steps[0].output[0, 0, 0, 0])


@pytest.mark.parametrize("place", [(0, 0, 0, 0.5), (0, 0, 0, True), (0, 0, "0", 0), 3, None])
def test_positions_are_whole_numbers(place: Any) -> None:
    tape = forward([Relu()], PICTURE)
    for call in (explain_feature, lambda tape, _, at: explain_input_gradient(tape, at)):
        with pytest.raises(ParameterError) as caught:
            call(tape, 0, place)
        assert caught.value.path[0] == "position"
    with pytest.raises(ParameterError, match="There is no layer true"):
        explain_feature(tape, True, (0, 0, 0, 0))
