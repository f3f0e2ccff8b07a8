"""Every algorithm against the reference over every geometry it claims, alone and shared."""

import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import conv2d, conv2d_backward, interrupt, plan, reference, threads
from app.engine.algorithms import (
    channel_sum,
    fft,
    im2col,
    kernel_sums,
    products,
    row_gemm,
    row_windows,
    separable,
)
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
    monkeypatch.setattr(row_windows, "SHARED_WORK", 0)
    monkeypatch.setattr(products, "SMALL_PRODUCT", 60)
    monkeypatch.setattr(products, "PRODUCT_ROWS", 2)
    monkeypatch.setattr(products, "VECTOR_COLS", 2)
    monkeypatch.setattr(products, "HALF_COLS", 1)
    monkeypatch.setattr(kernel_sums, "SMALL_PRODUCT", 60)
    monkeypatch.setattr(kernel_sums, "UNTURNED_RESULT", 8)
    monkeypatch.setattr(kernel_sums, "PART_BYTES", 100)
    monkeypatch.setattr(kernel_sums, "KEPT_BYTES", 200)
    monkeypatch.setattr(separable, "SHARED_CELLS", 0)
    monkeypatch.setattr(separable, "BLOCK_ROWS", 16)
    monkeypatch.setattr(im2col, "BLOCK_BYTES", 600)
    monkeypatch.setattr(im2col, "SHARED_WORK", 0)
    monkeypatch.setattr(row_windows, "CACHE_BYTES", 600)
    monkeypatch.setattr(row_windows, "BUFFER_BYTES", 600)
    monkeypatch.setattr(row_windows, "MAX_BLOCK_ROWS", 5)
    row_windows.recipe.cache_clear()
    im2col._plan.cache_clear()
    yield
    row_windows.recipe.cache_clear()
    im2col._plan.cache_clear()


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


def rank_one(kernel: np.ndarray) -> np.ndarray:
    columns, rows = kernel[:, :, :, :1], kernel[:, :, :1]
    return columns * rows


SEPARABLE = [
    Case(size=(1, 1), kernel=(1, 1), group_filters=1),
    Case(size=(5, 70), kernel=(3, 4), padding=((1, 1), (2, 3)), group_filters=1),
    Case(size=(67, 13), kernel=(5, 3), padding=((0, 4), (2, 0)), group_filters=1, batch=1),
    Case(size=(18, 64), kernel=(3, 1), padding=((20, 0), (0, 0)), group_filters=1),
    Case(size=(20, 64), kernel=(1, 1), group_filters=1, batch=0),
    Case(size=(17, 31), kernel=(5, 32), padding=((2, 2), (1, 0)), group_filters=1),
    Case(size=(3, 4), kernel=(2, 2), padding=((9, 0), (0, 9)), group_filters=1, groups=3),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", SEPARABLE, ids=repr)
@pytest.mark.usefixtures("small_tiles")
def test_two_passes_agree_with_the_reference(case: Case, dtype: str) -> None:
    x, kernel, bias, _ = case.arrays(dtype)
    kernel = rank_one(kernel)
    problem = problem_of(case, x, kernel)
    assert separable.claims(problem, kernel)
    for added in (None, bias):
        out = np.full(problem.output_shape, np.nan, dtype)
        separable.forward(problem, x, kernel, added, out)
        assert_close(out, reference.conv2d(x, kernel, added, **case.keywords))


@pytest.mark.parametrize(
    ("kernel", "separates"),
    [
        ([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], True),
        ([[1, 2, 1], [0, 0, 0], [-1, -2, -1.001]], False),
        ([[0, 0], [0, 0]], False),
        ([[0, 0], [0, 3]], True),
        ([[1, np.nan], [1, 1]], False),
        ([[1, np.inf], [1, 1]], False),
    ],
    ids=repr,
)
def test_kernel_is_separable_only_if_it_is_of_rank_one(
    kernel: list[list[float]], separates: bool
) -> None:
    with np.errstate(all="ignore"):
        assert (separable.factors(np.array(kernel, float)[None, None]) is not None) == separates


def test_two_passes_claim_neither_steps_nor_several_channels() -> None:
    for case in (
        Case(group_filters=1, stride=(1, 2)),
        Case(group_filters=1, dilation=(2, 1)),
        Case(group_filters=2),
        Case(group_filters=1, group_channels=2),
    ):
        x, kernel, *_ = case.arrays()
        assert not separable.claims(problem_of(case, x, kernel), rank_one(kernel))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "case",
    [
        *[c for c in ZERO_PADDED if c.stride == c.dilation == (1, 1)],
        Case(size=(6, 150), kernel=(1, 33), padding=((0, 0), (16, 16)), batch=1),
        Case(size=(80, 6), kernel=(9, 1), padding=((8, 8), (0, 0)), batch=1, groups=2),
    ],
    ids=repr,
)
def test_frequency_domain_agrees_with_the_reference(
    case: Case, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fft, "SMALLEST_TILE", 16)
    check(case, dtype, fft.forward)


@pytest.mark.parametrize("forward", [fft.forward, separable.forward])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_large_kernel_does_not_spread_what_is_not_finite(
    forward: Callable[..., None], value: float
) -> None:
    x = np.ones((1, 1, 80, 200), np.float32)
    x[0, 0, 40, 100] = value
    kernel = np.ones((1, 1, 11, 13), np.float32)
    problem = setting_2d(x, kernel, 1, "same", "zeros", 1, 1, False).problem
    out = np.empty(problem.output_shape, np.float32)
    with np.errstate(all="ignore"):
        forward(problem, x, kernel, None, out)
    touched = np.zeros(out.shape, bool)
    touched[0, 0, 35:46, 94:107] = True
    assert np.array_equal(~np.isfinite(out), touched)
    assert out[0, 0, 20, 20] == pytest.approx(143)


def test_frequency_domain_is_left_where_its_rounding_would_drown_the_result() -> None:
    rng = np.random.default_rng(4)
    x = (1000 + rng.standard_normal((1, 1, 60, 60))).astype(np.float32)
    kernel = rng.integers(-8, 9, (1, 1, 11, 11)).astype(np.float32)
    kernel[0, 0, 5, 5] -= kernel.sum()
    problem = setting_2d(x, kernel, 1, 0, "zeros", 1, 1, False).problem
    out = np.empty(problem.output_shape, np.float32)
    fft.forward(problem, x, kernel, None, out)
    direct = np.empty_like(out)
    row_gemm.run(problem, x, kernel, None, direct, 1, 11)
    assert np.array_equal(out, direct)


@pytest.mark.parametrize(
    ("x_shape", "kernel_shape", "options", "algorithm"),
    [
        ((1, 1, 40, 50), (1, 1, 3, 3), {}, "im2col"),
        ((1, 1, 300, 350), (1, 1, 3, 3), {}, "row_gemm"),
        ((9, 1, 40, 50), (1, 1, 3, 3), {}, "row_gemm"),
        ((1, 3, 340, 350), (8, 3, 3, 3), {"stride": 2}, "row_gemm"),
        ((1, 3, 240, 150), (8, 3, 3, 3), {"dilation": 2}, "row_gemm"),
        ((1, 60, 12, 300), (3, 60, 9, 8), {"dilation": 2, "padding": 8}, "row_gemm"),
        ((1, 8, 12, 300), (3, 8, 5, 5), {"dilation": 2, "padding": 4}, "im2col"),
        ((1, 3, 340, 350), (8, 3, 3, 3), {"dilation": 2, "stride": 2}, "im2col"),
        ((1, 64, 14, 14), (64, 64, 3, 3), {"padding": 1}, "im2col"),
        ((4, 64, 14, 14), (64, 64, 3, 3), {"padding": 1}, "im2col"),
        ((1, 40, 500, 11), (40, 1, 3, 3), {"groups": 40}, "im2col"),
        ((1, 40, 50, 11), (40, 1, 3, 3), {"groups": 40}, "row_gemm"),
        ((1, 1, 170, 170), (1, 1, 33, 35), {}, "fft"),
        ((1, 1, 60, 60), (1, 1, 33, 35), {}, "row_gemm"),
        ((1, 1, 170, 170), (1, 1, 33, 35), {"stride": 2}, "row_gemm"),
    ],
    ids=repr,
)
def test_plan_for_a_shape(
    x_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    options: dict[str, int],
    algorithm: str,
) -> None:
    rng = np.random.default_rng(6)
    x, kernel = rng.standard_normal(x_shape, np.float32), rng.standard_normal(kernel_shape)
    with plan.recording() as plans:
        maps = conv2d(x, kernel, **options)
    assert [ran.algorithm for ran in plans] == [algorithm]
    assert plans[0].reason.endswith(".")
    assert_close(maps, conv2d(x.astype(np.float64), kernel, **options))


def test_plan_for_a_kernel_of_rank_one() -> None:
    taps = np.array([1, 8, 28, 56, 70, 56, 28, 8, 1]) / 256
    x = np.random.default_rng(6).standard_normal((1, 3, 140, 150), np.float32)
    kernel = np.broadcast_to(np.outer(taps, taps), (3, 1, 9, 9))
    with plan.recording() as plans:
        conv2d(x, kernel, groups=3)
        conv2d(x[..., :30, :40], kernel, groups=3)
    assert plans[0].algorithm == "separable"
    assert "9 + 9 products a pixel, not 81" in plans[0].reason
    assert plans[1].algorithm == "im2col"


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


@pytest.mark.parametrize("height", [8, 9])
def test_groups_computed_together_do_not_spread_what_is_not_finite(height: int) -> None:
    case = Case(size=(height, 8), kernel=(3, 3), padding=((1, 1), (1, 1)), groups=5)
    x, kernel, bias, _ = case.arrays("float32")
    x[1, 3, 4, 5] = np.nan
    out = np.empty((2, 10, height, 8), np.float32)
    problem = problem_of(case, x, kernel)
    assert row_windows.recipe(problem, 4, 3).layout.groups == 5
    with np.errstate(all="ignore"):
        row_gemm.run(problem, x, kernel, bias, out, 4, 3)
    touched = np.zeros(out.shape, bool)
    touched[1, 6:8, 3:6, 4:7] = True
    assert np.array_equal(np.isnan(out), touched)
    x[1, 3, 4, 5] = 0
    assert_close(out[~touched], reference.conv2d(x, kernel, bias, **case.keywords)[~touched])


@pytest.mark.parametrize("rows", [1, 7, 8, 13, 64, 67])
@pytest.mark.parametrize(
    ("depth", "cols"), [(9, 28), (576, 56), (576, 392), (27, 4000), (9000, 70)]
)
def test_products_stay_below_what_blas_packs_and_cover_the_result(
    rows: int, depth: int, cols: int
) -> None:
    parts = products.parts_of(rows, depth, cols)
    covered = np.zeros((rows, cols), int)
    for part in parts:
        covered[part.rows, part.cols] += 1
        assert (part.rows.stop - part.rows.start) % part.each == 0
        wide = part.cols.stop - part.cols.start
        assert part.each * depth * wide <= products.SMALL_PRODUCT
    assert (covered == 1).all()


@pytest.mark.parametrize("turned", [1, 99])
@pytest.mark.parametrize("filters", [1, 5, 40])
@pytest.mark.usefixtures("small_tiles")
def test_sums_of_products_are_those_of_the_whole(
    filters: int, turned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_sums, "TURNED_FILTERS", turned)
    rng = np.random.default_rng(7)
    windows, sent = rng.standard_normal((3, 14, 17)), rng.standard_normal((filters, 3, 17))
    sums = kernel_sums.summed_products(windows, sent)
    assert_close(sums, np.einsum("nkp,fnp->kf", windows, sent))


def test_operands_of_products_begin_a_cache_line() -> None:
    for size in range(1, 40):
        array = products.aligned_zeros((3, size), np.dtype(np.float32))
        assert array.ctypes.data % products.LINE == 0
        assert array.shape == (3, size)


@pytest.fixture
def always_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add up channels that share a kernel however small the picture, in blocks of one row."""
    monkeypatch.setattr(channel_sum, "LEAST_WORK", 0)
    monkeypatch.setattr(channel_sum, "LEAST_TAPS", 0)
    monkeypatch.setattr(channel_sum, "BLOCK_VALUES", 1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("case", ZERO_PADDED, ids=repr)
@pytest.mark.usefixtures("always_added_up")
def test_channels_that_share_a_kernel_are_added_up_first(case: Case, dtype: str) -> None:
    case = Case(**{**vars(case), "group_channels": 3})
    x, kernel, bias, upstream = case.arrays("float32" if dtype == "uint8" else dtype)
    x = np.abs(90 * x).astype(dtype) if dtype == "uint8" else x
    kernel[...] = kernel[:, :1]
    with plan.recording() as plans:
        maps = conv2d(x, kernel, bias, **case.keywords)
    assert plans[0].reason.startswith("3 channels share a kernel and are added up first; ")
    assert_close(maps, reference.conv2d(x.astype(kernel.dtype), kernel, bias, **case.keywords))
    grads = conv2d_backward(upstream, x, kernel, **case.keywords)
    expected = reference.conv2d_backward(upstream, x, kernel, **case.keywords)
    assert_close(grads.input, expected[0])
    assert_close(grads.kernel, expected[1])


@pytest.mark.usefixtures("always_added_up")
@pytest.mark.parametrize("value", [np.nan, np.inf, np.float32(3e38)])
def test_channels_whose_sum_is_not_finite_are_weighted_first(value: float) -> None:
    case = Case(size=(9, 8), kernel=(3, 3), padding=((1, 1), (1, 1)), group_channels=2)
    x, kernel, *_ = case.arrays("float32")
    x[1, :, 4, 5] = value
    kernel[...] = kernel[:, :1] * 1e-3
    with np.errstate(all="ignore"):
        expected = reference.conv2d(x, kernel, **case.keywords)
    with plan.recording() as plans:
        maps = conv2d(x, kernel, **case.keywords)
    assert "added up" not in plans[0].reason
    np.testing.assert_allclose(maps, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "stride"), [((3, 4, 3, 3), 1), ((3, 4, 1, 2), 1), ((1, 4, 3, 3), 2)], ids=repr
)
def test_channels_are_added_up_only_where_it_pays(shape: tuple[int, ...], stride: int) -> None:
    kernel = np.ones(shape, np.float32)
    x = np.ones((1, 4, 400, 400), np.float32)
    problem = setting_2d(x, kernel, stride, 0, "zeros", 1, 1, False).problem
    paid = shape[0] * shape[2] * shape[3] // stride**2 >= channel_sum.LEAST_TAPS
    assert (channel_sum.common_taps(problem, kernel) is not None) == paid
    kernel[-1, -1, -1, -1] = 2
    assert channel_sum.common_taps(problem, kernel) is None


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
    own = {f"engine-{cpu}" for cpu in os.sched_getaffinity(0)}
    assert asked_in
    assert asked_in <= own | {threading.current_thread().name}


def both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[Iterator[int]], None]:
    """Return a task of two numbers, each of which waits until the other has been drawn too."""
    meeting = threading.Barrier(2)

    def task(numbers: Iterator[int]) -> None:
        for number in numbers:
            meeting.wait(10)
            (first, second)[number]()

    return task


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the caller have a helper, however many processors the machine has."""
    monkeypatch.setattr(threads, "_processors", lambda: [0, 1])
    monkeypatch.delattr(os, "sched_setaffinity")
    threads._forget()
    yield
    threads._forget()


@pytest.mark.usefixtures("two_processors")
def test_helper_asks_the_scope_of_its_caller() -> None:
    asked_in: list[str] = []
    with interrupt.scope(lambda: asked_in.append(threading.current_thread().name)):
        threads.share(both(lambda: None, lambda: None), 2)
    assert len(set(asked_in)) == 2


@pytest.mark.usefixtures("two_processors")
@pytest.mark.parametrize("failing", [0, 1])
def test_nobody_still_runs_when_one_has_failed(failing: int) -> None:
    ended: list[int] = []

    def fail() -> None:
        raise ValueError("the failing part")

    def end() -> None:
        time.sleep(0.05)
        ended.append(1)

    with pytest.raises(ValueError, match="the failing part"):
        threads.share(both(*((fail, end) if failing == 0 else (end, fail))), 2)
    assert ended == [1]


@pytest.mark.usefixtures("two_processors")
def test_what_is_left_is_dropped_when_one_has_failed() -> None:
    drawn: list[int] = []

    def task(numbers: Iterator[int]) -> None:
        for number in numbers:
            drawn.append(number)
            raise ValueError(number)

    with pytest.raises(ValueError, match=r"[01]"):
        threads.share(task, 100)
    assert len(drawn) <= 2


@pytest.mark.usefixtures("two_processors")
def test_work_of_who_computes_alone_stays_there_and_is_shared_again_after() -> None:
    names: list[str] = []

    def inner(numbers: Iterator[int]) -> None:
        names.extend(threading.current_thread().name for _ in numbers)

    def run() -> None:
        with threads.alone():
            threads.share(inner, 50)
            with threads.alone():
                pass
            threads.share(inner, 50)
        threads.share(both(lambda: None, lambda: names.append("both")), 2)

    thread = threading.Thread(target=run, name="a helper")
    thread.start()
    thread.join()
    assert names == [*["a helper"] * 100, "both"]


@pytest.mark.usefixtures("two_processors")
def test_caller_does_all_of_it_while_the_helper_is_busy() -> None:
    blocked, release = threading.Event(), threading.Event()

    def block(numbers: Iterator[int]) -> None:
        for _ in numbers:
            if threading.current_thread().name.startswith("engine"):
                blocked.set()
            release.wait(10)

    others = [threading.Thread(target=threads.share, args=(block, 2)) for _ in range(2)]
    for other in others:
        other.start()
    try:
        assert blocked.wait(10)
        drawn: list[int] = []
        threads.share(drawn.extend, 20)
        assert drawn == list(range(20))
    finally:
        release.set()
        for other in others:
            other.join()


def test_caller_that_may_use_one_processor_gets_no_help() -> None:
    allowed = os.sched_getaffinity(0)
    parts: list[list[int]] = []
    os.sched_setaffinity(0, {min(allowed)})
    try:
        threads.share(lambda numbers: parts.append(list(numbers)), 7)
    finally:
        os.sched_setaffinity(0, allowed)
    assert parts == [[0, 1, 2, 3, 4, 5, 6]]


def test_processors_are_counted_where_affinity_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.setattr(threads, "_getcpu", None)
    threads._forget()
    drawn: list[int] = []
    threads.share(drawn.extend, 3)
    threads._forget()
    assert sorted(drawn) == [0, 1, 2]


def test_large_picture_is_shared_by_two_passes_and_by_one_alike() -> None:
    taps = np.linspace(-1, 2, 9, dtype=np.float32)
    kernel = np.outer(taps, taps[::-1])[None, None]
    picture = np.random.default_rng(8).standard_normal((1, 1, 650, 640), np.float32)
    problem = setting_2d(picture, kernel, 1, "same", "zeros", 1, 1, False).problem
    passes, rows = np.empty(problem.output_shape, "f4"), np.empty(problem.output_shape, "f4")
    separable.forward(problem, picture, kernel, None, passes)
    row_gemm.forward(problem, picture, kernel, None, rows)
    assert_close(passes, rows)


@pytest.mark.parametrize(("groups", "filters", "channels"), [(3, 3, 1), (1, 3, 3)])
def test_photo_takes_little_memory_beside_its_maps(
    groups: int, filters: int, channels: int
) -> None:
    photo = np.ones((1, 3, 1500, 2000), np.float32)
    kernel = np.ones((filters, channels, 3, 3), np.float32)
    conv2d(photo[..., :100], kernel, groups=groups, padding=1)
    tracemalloc.start()
    try:
        maps = conv2d(photo, kernel, groups=groups, padding=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert maps.shape == photo.shape
    assert peak <= 1.5 * maps.nbytes


@pytest.mark.parametrize(("channels", "side"), [(1, 3), (1, 9), (3, 3)])
def test_photo_of_bytes_is_never_turned_into_floats_as_a_whole(channels: int, side: int) -> None:
    photo = np.random.default_rng(3).integers(0, 256, (1, 3, 1500, 2000), np.uint8)
    kernel = np.random.default_rng(4).standard_normal((3, channels, side, 1), np.float32)
    kernel = kernel * kernel.swapaxes(2, 3) if channels == 1 else kernel
    groups = 3 // channels
    tracemalloc.start()
    try:
        maps = conv2d(photo, kernel, groups=groups, padding="same")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= maps.nbytes + 24 * 2**20
    part = photo[..., :40, :50].astype(np.float32)
    expected = conv2d(part, kernel, groups=groups, padding="same")
    assert_close(maps[..., :30, :40], expected[..., :30, :40])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float16, np.int32])
@pytest.mark.parametrize(
    ("size", "stride", "mode"),
    [(9, 1, "zeros"), (9, 2, "reflect"), (150, 1, "zeros"), (150, 2, "circular")],
)
def test_every_kind_of_number_is_turned_into_floats_on_the_way(
    dtype: type, size: int, stride: int, mode: str
) -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(0, 2 if dtype is bool else 100, (1, 2, size, 2 * size)).astype(dtype)
    kernel = rng.standard_normal((3, 2, 3, 3))
    options = {"stride": stride, "padding": 1, "padding_mode": mode}
    maps = conv2d(x, kernel, **options)
    floats = x.astype(np.float64 if dtype is np.int32 else np.float32)
    assert maps.dtype == floats.dtype
    assert_close(maps, conv2d(floats, kernel, **options))


def test_forked_child_computes_with_workers_of_its_own() -> None:
    conv2d(LARGE, FILTERS)
    threads._forget()
    assert conv2d(LARGE, FILTERS).shape == (1, 16, 298, 398)
