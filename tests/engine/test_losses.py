"""Losses: values by hand, gradients by differences, selections, and what is refused."""

import math

import numpy as np
import pytest

from app.engine.errors import ParameterError, ShapeError
from app.engine.losses import L2, CrossEntropy, Loss, Mean, Mse, Sum, Upstream
from app.engine.selection import Select

RNG = np.random.default_rng(31)
MAPS = RNG.standard_normal((2, 3, 4, 5))
SCORES = RNG.standard_normal((4, 3))
PART = Select(channels=[2, 0], rows=(1, 3), cols=(4, 5))


def log_share(scores: np.ndarray, target: int) -> float:
    return float(scores[target] - math.log(sum(math.exp(s) for s in scores)))


CASES: list[tuple[Loss, np.ndarray, float]] = [
    (Sum(), MAPS, MAPS.sum()),
    (Sum(PART), MAPS, MAPS[:, [2, 0], 1:3, 4:5].sum()),
    (Mean(), MAPS, MAPS.mean()),
    (Mean(PART), MAPS, MAPS[:, [2, 0], 1:3, 4:5].mean()),
    (L2(), MAPS, (MAPS**2).sum() / 2),
    (L2(Select(channels=[1])), SCORES, (SCORES[:, 1] ** 2).sum() / 2),
    (L2(Select(cols=(1, 3))), MAPS[0], (MAPS[0, :, :, 1:3] ** 2).sum() / 2),
    (Mse(MAPS[::-1]), MAPS, ((MAPS - MAPS[::-1]) ** 2).mean()),
    (Mse(MAPS[0]), MAPS[1:], ((MAPS[1:] - MAPS[0]) ** 2).mean()),
    (Mse(1.5), MAPS, ((MAPS - 1.5) ** 2).mean()),
    (CrossEntropy(2), SCORES, -np.mean([log_share(s, 2) for s in SCORES])),
    (
        CrossEntropy([2, 0, 1, 0]),
        SCORES,
        -np.mean([log_share(s, t) for s, t in zip(SCORES, [2, 0, 1, 0], strict=True)]),
    ),
    (
        CrossEntropy([2, 0, 1, 0]),
        SCORES[:, :, None, None],
        -np.mean([log_share(s, t) for s, t in zip(SCORES, [2, 0, 1, 0], strict=True)]),
    ),
    (
        CrossEntropy(np.arange(40).reshape(2, 4, 5) % 3),
        MAPS,
        -np.mean(
            [
                log_share(MAPS[n, :, i, j], (n * 20 + i * 5 + j) % 3)
                for n, i, j in np.ndindex(2, 4, 5)
            ]
        ),
    ),
    (Upstream(MAPS[::-1]), MAPS, (MAPS * MAPS[::-1]).sum()),
    (Upstream(2.5), np.array([[[[3.0]]]]), 7.5),
]


@pytest.mark.parametrize(("loss", "output", "expected"), CASES)
def test_value_is_what_the_definition_says(loss: Loss, output: np.ndarray, expected: float) -> None:
    assert loss.value(output) == pytest.approx(expected, rel=1e-12)
    assert isinstance(loss.value(output.astype(np.float32)), float)


@pytest.mark.parametrize(("loss", "output", "expected"), CASES)
def test_upstream_is_the_losses_gradient(loss: Loss, output: np.ndarray, expected: float) -> None:
    del expected
    upstream = loss.upstream(output)
    for _ in range(3):
        direction = RNG.standard_normal(output.shape)
        rise = loss.value(output + 1e-5 * direction) - loss.value(output - 1e-5 * direction)
        assert rise / 2e-5 == pytest.approx((upstream * direction).sum(), rel=1e-7, abs=1e-9)
    assert loss.upstream(output.astype(np.float32)).dtype == np.float32
    assert not np.shares_memory(upstream, output)


@pytest.mark.parametrize(("loss", "output", "expected"), CASES)
def test_change_is_the_difference_of_two_values(
    loss: Loss, output: np.ndarray, expected: float
) -> None:
    after = output + RNG.standard_normal(output.shape)
    assert loss.change(after, output) == pytest.approx(loss.value(after) - expected, rel=1e-9)


def test_upstream_values_are_copied() -> None:
    values = MAPS.copy()
    Upstream(values).upstream(MAPS)[...] = 7
    np.testing.assert_array_equal(values, MAPS)


def test_losses_of_nothing_are_zero_or_no_number() -> None:
    empty = np.empty((0, 3))
    assert Sum().value(empty) == 0
    for loss in (Mean(), Mse(empty), CrossEntropy(1)):
        assert math.isnan(loss.value(empty))
        assert loss.upstream(empty).shape == (0, 3)


def test_sums_of_single_precision_are_added_up_in_double() -> None:
    ones = np.full((1, 1, 1, 3), 2.0**24, np.float32)
    ones[..., 1:] = 1
    assert Sum().value(ones) == 2**24 + 2


@pytest.mark.parametrize(
    ("select", "output", "field", "legal"),
    [
        (Select(rows=(0, 5)), MAPS, "rows", "to ≤ 4"),
        (Select(rows=(2, 2)), MAPS, "rows", "from < to"),
        (Select(cols=(-1, 2)), MAPS, "cols", "0 ≤ from"),
        (Select(cols=(1, 2, 3)), MAPS, "cols", "to ≤ 5"),  # type: ignore[arg-type]
        (Select(rows=(0, 1)), MAPS[0], "rows", "has none"),
        (Select(cols=(0, 1)), SCORES, "cols", "has none"),
        (Select(channels=[3]), MAPS, "channels", "indices, 0 to 2"),
        (Select(channels=[-1]), MAPS, "channels", "indices, 0 to 2"),
        (Select(channels=[1, 1]), MAPS, "channels", "different"),
        (Select(channels=[]), MAPS, "channels", "indices"),
    ],
)
def test_a_selection_outside_of_the_map_is_refused_with_the_legal_range(
    select: Select, output: np.ndarray, field: str, legal: str
) -> None:
    with pytest.raises(ParameterError, match=legal) as caught:
        L2(select).value(output)
    assert caught.value.path == ("select", field)


@pytest.mark.parametrize("target", [3, -1, 1.0, [0, 1, 2, 3]])
def test_a_class_that_is_not_there_is_refused(target: object) -> None:
    with pytest.raises(ParameterError, match="0 to 2") as caught:
        CrossEntropy(target).value(SCORES)  # type: ignore[arg-type]
    assert caught.value.path == ("target",)


@pytest.mark.parametrize(
    ("loss", "field"),
    [
        (CrossEntropy([0, 1]), "target"),
        (Mse(MAPS[:1]), "target"),
        (Mse(SCORES), "target"),
        (Upstream(np.ones((1, 3, 4, 5))), "values"),
        (Upstream(np.ones((1, 2, 3, 4, 5))), "values"),
        (Upstream(1.0), "values"),
    ],
)
def test_arrays_are_never_broadcast(loss: Loss, field: str) -> None:
    output = SCORES if isinstance(loss, CrossEntropy) else MAPS
    with pytest.raises(ShapeError, match="legal") as caught:
        loss.value(output)
    assert caught.value.path == (field,)


def test_change_of_cross_entropy_tells_what_the_two_values_round_away() -> None:
    scores = np.array([[90.0, 0.0, 2.0]])
    moved = scores + np.array([[0.0, 0.0, 1e-3]])
    loss = CrossEntropy(0)
    assert loss.value(moved) == loss.value(scores)
    assert loss.change(moved, scores) == pytest.approx(math.exp(-88) * math.expm1(1e-3), rel=1e-9)
    far = scores + np.array([[0.0, 1000.0, 0.0]])
    assert loss.change(far, scores) == 910
