"""Every algorithm against the reference over every geometry it claims, alone and shared."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import conv2d, conv2d_backward, interrupt, reference, threads
from app.engine.algorithms import im2col, row_gemm
from app.engine.problem import Problem
from app.engine.setting import setting_2d
from tests.engine.cases import GRID, Case, assert_close, random_cases

ZERO_PADDED = [case for case in GRID if case.padding_mode == "zeros" and not case.flip]


def problem_of(case: Case, x: np.ndarray, kernel: np.ndarray) -> Problem:
    given = case.keywords
    return setting_2d(
        x,
        kernel,
        given["stride"],
        given["padding"],
        "zeros",
        given["dilation"],
        given["groups"],
        False,
    ).problem


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every computation a shared one of many small tiles."""
    for module in (im2col, row_gemm):
        monkeypatch.setattr(module, "SHARED_WORK", 0)
        monkeypatch.setattr(module, "SMALL_PRODUCT", 2)
    monkeypatch.setattr(im2col, "BLOCK_BYTES", 600)
    monkeypatch.setattr(row_gemm, "BUFFER_BYTES", 600)
    monkeypatch.setattr(row_gemm, "MAX_BLOCK_ROWS", 5)
    row_gemm.recipe.cache_clear()
    yield
    row_gemm.recipe.cache_clear()


def check(case: Case, dtype: str, forward: Callable[..., None]) -> None:
    x, kernel, bias, _ = case.arrays(dtype)
    problem = problem_of(case, x, kernel)
    for added in (None, bias):
        out = np.full(problem.output_shape, np.nan, dtype)
        forward(problem, x, kernel, added, out)
        assert_close(out, reference.conv2d(x, kernel, added, **case.keywords))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ZERO_PADDED, ids=repr)
@pytest.mark.usefixtures("small_tiles")
def test_im2col_in_small_tiles_agrees_with_the_reference(case: Case, dtype: str) -> None:
    check(case, dtype, im2col.forward)


@pytest.mark.parametrize("stack", [1, 2, 4])
@pytest.mark.parametrize(
    "case", [c for c in ZERO_PADDED if c.stride[0] == 1 or c.dilation[0] == 1], ids=repr
)
@pytest.mark.usefixtures("small_tiles")
def test_row_gemm_in_small_tiles_agrees_with_the_reference(case: Case, stack: int) -> None:
    all_strips = case.kernel[1]
    for strips in range(1, all_strips + 1) if case.stride[1] == 1 else [all_strips]:
        check(case, "float32", lambda *args, q=strips: row_gemm.run(*args, stack, q))  # type: ignore[misc]


@settings(max_examples=40, deadline=None)
@given(random_cases(modes=("zeros",)), st.sampled_from([1, 2, 3, 4]), st.integers(1, 4))
def test_row_gemm_agrees_with_the_reference_in_random_geometries(
    case: Case, stack: int, strips: int
) -> None:
    case = Case(**{**vars(case), "flip": False})
    x, kernel, *_ = case.arrays()
    if not row_gemm.claims(problem_of(case, x, kernel)):
        return
    strips = min(strips, case.kernel[1]) if case.stride[1] == 1 else case.kernel[1]
    check(case, "float64", lambda *args: row_gemm.run(*args, stack, strips))


@pytest.mark.parametrize("case", ZERO_PADDED, ids=repr)
@pytest.mark.usefixtures("small_tiles")
def test_gradients_in_small_tiles_agree_with_the_reference(case: Case) -> None:
    x, kernel, _, upstream = case.arrays()
    grads = conv2d_backward(upstream, x, kernel, **case.keywords)
    expected = reference.conv2d_backward(upstream, x, kernel, **case.keywords)
    assert_close(grads.input, expected[0])
    assert_close(grads.kernel, expected[1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("stack", "strips"), [(1, 3), (4, 3), (2, 2), (1, 1), (4, 1)])
def test_stacked_rows_do_not_spread_what_is_not_finite(
    stack: int, strips: int, value: float
) -> None:
    case = Case(size=(9, 8), kernel=(3, 3), padding=((1, 1), (1, 1)), group_channels=2)
    x, kernel, bias, _ = case.arrays("float32")
    x[0, 1, 4, 5] = value
    out = np.empty((2, 2, 9, 8), np.float32)
    with np.errstate(all="ignore"):
        row_gemm.run(problem_of(case, x, kernel), x, kernel, bias, out, stack, strips)
    touched = np.zeros(out.shape, bool)
    touched[0, :, 3:6, 4:7] = True
    assert np.array_equal(~np.isfinite(out), touched)


def test_upstream_that_is_not_finite_stays_local_at_a_stride() -> None:
    case = Case(size=(9, 8), kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)))
    x, kernel, _, upstream = case.arrays()
    upstream[1, 0, 2, 2] = np.nan
    grad = conv2d_backward(upstream, x, kernel, **case.keywords).input
    touched = np.zeros(grad.shape, bool)
    touched[1, :, 3:6, 3:6] = True
    assert np.array_equal(np.isnan(grad), touched)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("filters", [2, 20])
def test_products_split_by_filters_and_cols_fit_together(filters: int) -> None:
    case = Case(size=(3, 150), kernel=(2, 3), group_filters=filters, batch=1)
    check(case, "float32", im2col.forward)
    check(case, "float32", row_gemm.forward)
    x, kernel, _, upstream = case.arrays()
    expected = reference.conv2d_backward(upstream, x, kernel)
    for gradient in (row_gemm.kernel_gradient, im2col.kernel_gradient):
        assert_close(gradient(problem_of(case, x, kernel), x, upstream), expected[1])


LARGE = np.random.default_rng(1).standard_normal((1, 3, 300, 400), np.float32)
FILTERS = np.random.default_rng(2).standard_normal((16, 3, 3, 3), np.float32)


def test_shared_work_gives_the_same_values_as_one_thread() -> None:
    threads.limit(1)
    alone = conv2d(LARGE, FILTERS, padding=1)
    threads.limit(threads.WORKERS)
    assert np.array_equal(conv2d(LARGE, FILTERS, padding=1), alone)


def test_several_callers_at_once_do_not_disturb_each_other() -> None:
    pictures = [LARGE * factor for factor in (1, 2, 3, 4)]
    alone = [conv2d(picture, FILTERS, padding="same") for picture in pictures]
    with ThreadPoolExecutor(4) as callers:
        for _ in range(3):
            at_once = callers.map(lambda p: conv2d(p, FILTERS, padding="same"), pictures)
            for actual, expected in zip(at_once, alone, strict=True):
                assert np.array_equal(actual, expected)


def test_workers_ask_the_scope_of_their_caller() -> None:
    asked_in: set[str] = set()
    with interrupt.scope(lambda: asked_in.add(threading.current_thread().name)):
        conv2d(LARGE, FILTERS)
    own = {f"engine-{cpu}_0" for cpu in os.sched_getaffinity(0)}
    assert asked_in
    assert asked_in <= own | {threading.current_thread().name}


def test_no_part_still_runs_when_one_has_failed() -> None:
    ended: list[int] = []

    def task(first: int, end: int) -> None:
        if first == 0:
            raise ValueError("the first part")
        time.sleep(0.05)
        ended.append(end)

    if len(os.sched_getaffinity(0)) > 1:
        with pytest.raises(ValueError, match="the first part"):
            threads.share(task, 2)
        assert ended == [2]


def test_shared_work_inside_a_worker_stays_there() -> None:
    names: list[str] = []

    def inner(first: int, end: int) -> None:
        names.append(threading.current_thread().name)

    def outer(first: int, end: int) -> None:
        threads.share(inner, 5)

    threads.share(outer, 2)
    assert len(names) in (1, 2)
    assert len(set(names)) == len(names)


def test_caller_that_may_use_one_processor_gets_no_help() -> None:
    allowed = os.sched_getaffinity(0)
    parts: list[tuple[int, int]] = []
    os.sched_setaffinity(0, {min(allowed)})
    try:
        threads.share(lambda first, end: parts.append((first, end)), 7)
    finally:
        os.sched_setaffinity(0, allowed)
    assert parts == [(0, 7)]


def test_processors_are_counted_where_affinity_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity")
    parts: list[tuple[int, int]] = []
    threads.share(lambda first, end: parts.append((first, end)), 3)
    assert sorted(parts) in ([(0, 3)], [(0, 1), (1, 3)])


def test_forked_child_computes_with_workers_of_its_own() -> None:
    conv2d(LARGE, FILTERS)
    threads._forget()
    assert conv2d(LARGE, FILTERS).shape == (1, 16, 298, 398)
