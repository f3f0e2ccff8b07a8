"""Which shape the products of a convolution take, and that each gives the reference's numbers."""

import numpy as np
import pytest

from app.engine import plan, reference
from app.engine.algorithms import row_gemm
from app.engine.problem import Problem
from app.engine.setting import setting_2d
from tests.engine.cases import Case, assert_close


def problem_of(case: Case) -> Problem:
    x, kernel, _, _ = case.arrays()
    return setting_2d(x, kernel, 1, case.padding, "zeros", 1, case.groups, False).problem


@pytest.mark.parametrize(
    ("case", "shape"),
    [
        (Case(size=(11, 8), kernel=(3, 3), group_channels=2, group_filters=1), (4, 1)),
        (Case(size=(9, 8), kernel=(3, 3), group_channels=2, group_filters=1), (1, 1)),
        (Case(size=(4, 30), kernel=(2, 15), group_filters=2), (1, 15)),
        (Case(size=(4, 30), kernel=(2, 17), group_filters=2), (1, 9)),
    ],
)
def test_rows_share_products_where_there_are_enough_of_them(
    case: Case, shape: tuple[int, int]
) -> None:
    problem = problem_of(case)
    assert row_gemm.best_shape(problem) == shape
    x, kernel, bias, _ = case.arrays()
    out = np.full(problem.output_shape, np.nan)
    row_gemm.forward(problem, x, kernel, bias, out)
    assert_close(out, reference.conv2d(x, kernel, bias, **case.keywords))


@pytest.mark.parametrize(("cols", "algorithm"), [(62, "im2col"), (82, "row_gemm")])
def test_narrow_maps_of_many_filters_are_unfolded(cols: int, algorithm: str) -> None:
    case = Case(size=(42, cols), kernel=(3, 3), group_channels=48, group_filters=16, batch=1)
    x, kernel, bias, _ = case.arrays()
    chosen = plan.choose(problem_of(case), kernel)
    assert chosen.algorithm == algorithm
    out = np.full((1, 16, 40, cols - 2), np.nan)
    plan.ALGORITHMS[algorithm](problem_of(case), x, kernel, bias, out)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    expected = np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    assert_close(out, expected + bias[:, None, None])
