"""The checker itself: right gradients pass, slightly wrong ones fail, kinks are named."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.engine import gradcheck as gradcheck_module
from app.engine.errors import NetworkError, ParameterError
from app.engine.gradcheck import LEAST_STEP, Check, gradcheck
from app.engine.kernels import RandomKernel, RandomWeight
from app.engine.layers import (
    Abs,
    Conv1d,
    Conv2d,
    Dense,
    Flatten,
    Gelu,
    Identity,
    Layer,
    LeakyRelu,
    MaxPool1d,
    MaxPool2d,
    Relu,
    Result,
    Sigmoid,
    Square,
    Tanh,
)
from app.engine.losses import L2, CrossEntropy, Loss, Mean, Sum
from app.engine.network import Backward
from app.engine.selection import Select

RNG = np.random.default_rng(53)
X = RNG.standard_normal((2, 2, 5, 6))


class Off(Square):
    """x², with a gradient that is wrong by 0.05 %."""

    def backward(
        self,
        upstream: np.ndarray,
        x: np.ndarray,
        result: Result,
        parameters: Mapping[str, Any],
        wanted: frozenset[str],
    ) -> dict[str, np.ndarray]:
        return {
            "input": 1.0005 * super().backward(upstream, x, result, parameters, wanted)["input"]
        }


def verdicts(checks: list[Check]) -> set[str]:
    return {check.verdict for check in checks}


@pytest.mark.parametrize("stack", [[], [Tanh()], [Conv2d(RandomKernel(2, 3)), Relu()]])
@pytest.mark.parametrize("step", [1.0, 1e-2, 1e-4, 1e-6])
def test_a_gradient_wrong_by_a_twentieth_of_a_percent_fails(
    stack: list[Layer], step: float
) -> None:
    assert verdicts(gradcheck([Square(), *stack], X, L2(), step=step)) == {"pass"}
    checks = gradcheck([Off(), *stack], X, L2(), step=step)
    # Behind a closed relu there may be no gradient to be wrong.
    wrong = [check for check in checks if check.analytic]
    assert verdicts(wrong) == {"fail"}
    assert all(check.relative == pytest.approx(5e-4, rel=0.2) for check in wrong)
    assert all(check.note == "" for check in wrong)


def test_the_notes_numbers_come_out_with_a_step_of_one() -> None:
    x = np.array([[[1.0, 2, 3, 4, 5]]])
    layers = [Conv1d([1.0, 1, 1], padding="same")]
    last = gradcheck(layers, x, indices=[(0, 0, 4)], step=1)[0]
    first = gradcheck(layers, x, wrt="layers.0.kernel", indices=[(0, 0, 0)], step=1)[0]
    assert (last.analytic, last.numeric) == (2, 2)
    assert (first.analytic, first.numeric) == (10, 10)


@pytest.mark.parametrize(
    ("layer", "x", "index", "analytic", "numeric"),
    [
        (Relu(), [[[0.0, 1.0]]], (0, 0, 0), 0, 0.5),
        (LeakyRelu(0.5), [[[0.0, 1.0]]], (0, 0, 0), 0.5, 0.75),
        (MaxPool1d(2), [[[3.0, 3.0]]], (0, 0, 0), 1, 0.5),
        (MaxPool1d(2), [[[3.0, 3.0]]], (0, 0, 1), 0, 0.5),
    ],
)
def test_a_kink_is_named_and_no_failure(
    layer: Layer, x: list[Any], index: tuple[int, ...], analytic: float, numeric: float
) -> None:
    check = gradcheck([layer], np.array(x), indices=[index])[0]
    assert check.verdict == "kink"
    assert check.note == f"layer 0 ({layer.type}) has a kink at (0, 0, 0): {layer.kink}"
    assert check.analytic == analytic
    assert check.numeric == pytest.approx(numeric, rel=1e-9)
    assert check.absolute == pytest.approx(abs(analytic - numeric))


def test_a_kink_where_both_sides_agree_passes() -> None:
    assert gradcheck([Abs()], np.zeros((1, 1, 1)), indices=[(0, 0, 0)])[0].verdict == "pass"


def test_a_kink_within_a_large_step_is_stepped_around() -> None:
    check = gradcheck([Relu()], np.array([[[0.05]]]), step=0.1)[0]
    assert check.verdict == "pass"
    assert check.numeric == pytest.approx(1)
    assert check.note == (
        "layer 0 (relu) has a kink at (0, 0, 0): the input crosses 0; agrees at a step of 1e-06"
    )


def test_a_kink_does_not_hide_a_wrong_gradient_beside_it() -> None:
    x = np.array([[[0.05, 2.0]]])
    wrong = gradcheck([Off(), Relu()], x - 0.01, step=0.1)
    assert verdicts(wrong) == {"fail"}


def test_a_step_too_large_for_a_curve_is_made_smaller() -> None:
    check = gradcheck([Tanh()], np.array([[[1.0]]]), step=1)[0]
    assert check.verdict == "pass"
    assert check.note == "agrees at a step of 1e-05"


def test_a_value_that_is_no_number_fails() -> None:
    for layer in (Square(), Relu()):
        assert gradcheck([layer], np.array([[[np.nan]]]))[0].verdict == "fail"


NETWORK = [
    Conv2d(RandomKernel(3, (3, 2)), [0.1, 0.2, 0.3], padding="same", padding_mode="reflect"),
    MaxPool2d(2),
    Tanh(),
    Flatten(),
    Dense(RandomWeight(3)),
]


@pytest.mark.parametrize(
    "wrt", ["input", "layers.0.kernel", "layers.0.bias", "layers.1.output", "layers.4.weight"]
)
def test_any_array_of_a_network_can_be_checked(wrt: str) -> None:
    checks = gradcheck(NETWORK, X.astype(np.float32), L2(), wrt, count=5, seed=2)
    assert verdicts(checks) == {"pass"}
    assert any(check.analytic for check in checks)
    assert [c.index for c in checks] == [
        c.index for c in gradcheck(NETWORK, X.astype(np.float32), L2(), wrt, count=5, seed=2)
    ]


def test_what_the_loss_does_not_see_has_gradient_zero() -> None:
    loss = Sum(Select(layer=1))
    for wrt in ("layers.4.weight", "layers.2.output"):
        checks = gradcheck(NETWORK, X, loss, wrt, count=3)
        assert all((c.analytic, c.numeric, c.relative) == (0, 0, 0) for c in checks)


def test_a_small_gradient_is_checked_whole_and_an_empty_one_not_at_all() -> None:
    assert len(gradcheck(NETWORK, X, wrt="layers.0.bias")) == 3
    assert gradcheck(NETWORK, X[:0]) == []


def test_the_least_step_can_still_be_shrunk() -> None:
    x = np.array([[-32.50876793179968, -3.3044507741929693e-226]])
    assert len(gradcheck([], x, step=LEAST_STEP)) == 2


@pytest.mark.parametrize(
    ("options", "path", "legal"),
    [
        ({"step": 0}, ("step",), "at least 1e-300"),
        ({"step": 5e-324}, ("step",), "at least 1e-300"),
        ({"step": float("inf")}, ("step",), "finite"),
        ({"wrt": "layers.9.kernel"}, ("wrt",), "input, layers.0.kernel"),
        ({"indices": [(0, 0, 0, 0), (0, 0, 5, 0)]}, ("indices", 1), "4 integers: 0 to 1"),
        ({"indices": [(0, -1, 0, 0)]}, ("indices", 0), "4 integers: 0 to 1"),
        ({"indices": [(0, 0)]}, ("indices", 0), "4 integers"),
    ],
)
def test_illegal_requests_are_refused(
    options: dict[str, Any], path: tuple[str | int, ...], legal: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        gradcheck(NETWORK, X, **options)
    assert caught.value.path == path
    assert legal in caught.value.legal


def test_an_illegal_network_is_refused() -> None:
    with pytest.raises(NetworkError):
        gradcheck([MaxPool2d(99)], X)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.0}, "seed"),
        ({"count": -1}, "count"),
        ({"count": True}, "count"),
        ({"indices": [(0, 1.0)]}, "indices"),
        ({"indices": [(True, 0)]}, "indices"),
        ({"indices": [0]}, "indices"),
    ],
)
def test_what_is_to_be_checked_is_told_in_whole_numbers(asked: dict[str, Any], path: str) -> None:
    with pytest.raises(ParameterError) as caught:
        gradcheck([Relu()], np.ones((2, 3)), **asked)
    assert caught.value.path[0] == path


FLAT = np.full((1, 1, 4, 5), 0.3)
ROUGH = np.random.default_rng(4).random((1, 1, 4, 5))
SURE = Dense(np.random.default_rng(1).normal(size=(4, 20)) * 200)
ROUNDED: dict[str, tuple[list[Layer], np.ndarray, Loss]] = {
    "terms that cancel": ([Conv2d([[0.1, 0.2, -0.3]])], FLAT, L2()),
    "a class that is certain": ([SURE], ROUGH, CrossEntropy(0)),
    "a class that is excluded": ([SURE], ROUGH, CrossEntropy(1)),
    "moves that are swallowed": ([Sigmoid(), Conv2d([[1.0, 2.0]])], ROUGH * 200 - 100, Sum()),
    "a curve at its flat point": ([Gelu(), Square()], FLAT * 0, Mean()),
}


@pytest.mark.parametrize("case", ROUNDED)
def test_a_right_gradient_that_is_0_but_for_rounding_is_no_failure(case: str) -> None:
    layers, x, loss = ROUNDED[case]
    assert {check.verdict for check in gradcheck(layers, x, loss)} == {"pass"}


def test_a_kink_under_a_large_step_does_not_pass_for_a_curve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = gradcheck_module.backward

    def wrong(*arguments: Any) -> Backward:
        result = right(*arguments)
        return replace(result, gradients={k: v * 1.0005 for k, v in result.gradients.items()})

    monkeypatch.setattr(gradcheck_module, "backward", wrong)
    # All steps but the last, of 1e-5, cross the kink; that one disagrees by 0.05 %.
    (check,) = gradcheck([LeakyRelu(-1.0)], np.array([[5e-5]]), Sum(), indices=[(0, 0)], step=1.0)
    assert check.verdict == "fail"
    assert check.numeric == pytest.approx(1.0)


def test_a_loss_of_huge_numbers_is_checked_in_silence() -> None:
    x = np.full((1, 3, 1, 2), 1.7e308) * np.reshape([1, -1, 0.5], (1, 3, 1, 1))
    assert len(gradcheck([Abs(), Identity()], -x, CrossEntropy(0))) == 6
    assert gradcheck([Identity()], x, CrossEntropy(0))[0].verdict in ("pass", "fail")
