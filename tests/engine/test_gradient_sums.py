"""Gradients of kernels over more pictures than a sum has parts, whichever way they are summed."""

from collections.abc import Callable

import numpy as np
import pytest

from app.engine import reference
from app.engine.algorithms import im2col, row_gemm
from app.engine.setting import setting_2d
from tests.engine.cases import Case, assert_close


@pytest.mark.parametrize("batch", [1, 3, 11])
@pytest.mark.parametrize("sums", [im2col.kernel_gradient, row_gemm.kernel_gradient])
def test_every_picture_of_a_batch_adds_to_the_kernels_gradient(
    sums: Callable[..., np.ndarray], batch: int
) -> None:
    case = Case(batch=batch, groups=2, group_channels=2, padding=((1, 0), (0, 2)))
    x, kernel, _, upstream = case.arrays()
    problem = setting_2d(x, kernel, 1, case.padding, "zeros", 1, 2, False).problem
    expected = reference.conv2d_backward(upstream, x, kernel, **case.keywords)[1]
    assert_close(sums(problem, x, upstream), expected)
