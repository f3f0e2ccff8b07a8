"""Sizes, paddings and receptive fields, by hand and against brute force."""

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import geometry, interrupt
from app.engine.errors import EngineError, Misfit, NetworkError, ParameterError, ShapeError
from app.engine.geometry import ReceptiveField, resolve_padding, resolve_padding_1d


def windows(padded: int, span: int, stride: int) -> int:
    return len([start for start in range(0, padded, stride) if start + span <= padded])


@settings(deadline=None)
@given(*[st.integers(1, 12)] * 2, *[st.integers(1, 4)] * 2, *[st.integers(0, 5)] * 2)
def test_output_size_counts_the_windows_that_fit(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int
) -> None:
    count = windows(size + before + after, dilation * (kernel - 1) + 1, stride)
    if count:
        assert geometry.output_size(size, kernel, stride, dilation, before, after) == count
    else:
        with pytest.raises(ShapeError, match=r"rows .* = -?\d+: .* legal is a span of at most"):
            geometry.output_size(size, kernel, stride, dilation, before, after)


def test_size_formula_has_the_numbers_in_it() -> None:
    assert geometry.size_formula(5, 3, 2, 1, 1, 0) == "floor((5 + 1 + 0 − 1·(3−1) − 1) / 2) + 1"
    assert geometry.size_formula(5, 3, 2, 1, 1, 0, True).startswith("ceil(")


@pytest.mark.parametrize(
    ("numbers", "ceil_mode", "expected"),
    [
        ((9, 4, 4, 1, 2, 2), False, 3),
        ((9, 4, 4, 1, 2, 2), True, 3),
        ((5, 2, 2, 1, 0, 0), False, 2),
        ((5, 2, 2, 1, 0, 0), True, 3),
        ((5, 2, 2, 1, 1, 1), True, 3),
        ((4, 1, 3, 1, 0, 0), True, 2),
        ((3, 1, 3, 1, 0, 0), True, 1),
        ((7, 3, 2, 2, 0, 0), False, 2),
    ],
)
def test_pooled_size(numbers: tuple[int, ...], ceil_mode: bool, expected: int) -> None:
    assert geometry.pooled_size(*numbers, ceil_mode=ceil_mode) == expected


@pytest.mark.parametrize(("ceil_mode", "fits"), [(False, 3), (True, 4)])
def test_window_that_does_not_fit_is_refused(ceil_mode: bool, fits: int) -> None:
    assert geometry.pooled_size(3, fits, 2, 1, 0, 0, ceil_mode, "cols") == 1
    with pytest.raises(
        ShapeError, match=rf"cols .* a window of {fits + 1} .* at most {fits}"
    ) as caught:
        geometry.pooled_size(3, fits + 1, 2, 1, 0, 0, ceil_mode, "cols")
    assert caught.value.path == ("size",)
    assert caught.value.misfit == Misfit("window", "cols", fits + 1, 1, fits + 1, 3, fits)


def test_kernel_that_does_not_fit_tells_its_numbers_wherever_it_goes() -> None:
    with pytest.raises(ShapeError, match="a kernel of 4 at dilation 3 spans 10") as caught:
        geometry.output_size(5, 4, 2, 3, 1, 2, "cols")
    wanted = Misfit("kernel", "cols", size=4, dilation=3, span=10, padded=8, legal_span=8)
    both = NetworkError([caught.value]).under("layers", 2)
    told = [caught.value, caught.value.at(("kernel_rows",)), *both.errors]
    assert [one.misfit for one in map(copy.copy, told)] == [wanted] * 3
    assert [one.path for one in told] == [("kernel",), ("kernel_rows",), ("layers", 2, "kernel")]


@pytest.mark.parametrize(
    ("name", "size", "kernel", "stride", "dilation", "expected"),
    [
        ("valid", 9, 3, 1, 1, (0, 0)),
        ("same", 5, 3, 1, 1, (1, 1)),
        ("same", 5, 4, 1, 1, (1, 2)),
        ("same_lower", 5, 4, 1, 1, (2, 1)),
        ("same", 224, 7, 2, 1, (2, 3)),
        ("same", 9, 1, 3, 1, (0, 0)),
        ("same", 8, 3, 1, 3, (3, 3)),
        ("full", 8, 3, 1, 3, (6, 6)),
        ("keep", 5, 3, 1, 1, (1, 1)),
        ("keep", 5, 3, 2, 1, (3, 3)),
        ("keep", 4, 3, 2, 1, (2, 3)),
    ],
)
def test_named_padding(
    name: str, size: int, kernel: int, stride: int, dilation: int, expected: tuple[int, int]
) -> None:
    assert geometry.named_padding(name, size, kernel, stride, dilation) == expected


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4))
def test_same_and_keep_give_the_sizes_they_promise(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    numbers = (size, kernel, stride, dilation)
    for name, expected in (
        ("same", -(-size // stride)),
        ("same_lower", -(-size // stride)),
        ("keep", size),
    ):
        pads = geometry.named_padding(name, *numbers)
        assert geometry.output_size(*numbers, *pads) == expected


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        (2, ((2, 2), (2, 2))),
        (np.int64(2), ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (np.array([1, 2]), ((1, 1), (2, 2))),
        ([[1, 2], [3, 4]], ((1, 2), (3, 4))),
        (np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))),
        ("same", ((1, 1), (0, 1))),
    ],
    ids=repr,
)
def test_forms_of_padding(padding: Any, expected: Any) -> None:
    assert resolve_padding(padding, (5, 5), (3, 2), (1, 1), (1, 1)) == expected


@pytest.mark.parametrize(
    ("padding", "expected"),
    [(2, (2, 2)), ([2], (2, 2)), ((1, 2), (1, 2)), ([[1, 2]], (1, 2)), ("same", (0, 1))],
    ids=repr,
)
def test_forms_of_padding_in_one_dimension(padding: Any, expected: Any) -> None:
    assert resolve_padding_1d(padding, 5, 2, 1, 1) == expected


@pytest.mark.parametrize(
    "padding", [None, 1.5, True, [], [1, 2, 3], [[1, 2]], {"top": 1}, [1, [2, 3]]], ids=repr
)
def test_no_form_of_padding(padding: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        resolve_padding(padding, (5, 5), (3, 3), (1, 1), (1, 1))
    assert caught.value.path == ("padding",)
    assert caught.value.legal


def test_one_number_of_a_pair_may_stand_alone() -> None:
    assert geometry.as_pair(3, "stride", 1) == (3, 3)
    assert geometry.as_pair(np.int32(3), "stride", 1) == (3, 3)
    assert geometry.as_single([3], "stride", 1) == 3
    assert geometry.as_single(3, "stride", 1) == 3


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_reach_of_a_padding_mode_is_that_of_numpy_and_no_more(mode: str) -> None:
    reach = {"reflect": 3, "circular": 4}[mode]
    pads = ((reach, 0), (0, 1))
    assert resolve_padding(pads, (4, 5), (1, 1), (1, 1), (1, 1), mode) == pads
    with pytest.raises(ParameterError, match=f"input of 4; legal: 0 to {reach}"):
        resolve_padding(((reach + 1, 0), (0, 1)), (4, 5), (1, 1), (1, 1), (1, 1), mode)


def test_receptive_field_of_a_stack_covers_the_cells_that_reach_it() -> None:
    first = ReceptiveField().then((3, 3), (2, 1), (1, 2), ((1, 1), (0, 0)))
    assert first == ReceptiveField((3, 5), (2, 1), (-1, 0))
    second = first.then((2, 3), (1, 2), padding=((0, 0), (2, 1)))
    assert second == ReceptiveField((5, 7), (2, 2), (-1, -2))


def test_error_carries_its_path_through_the_layers() -> None:
    error = ParameterError("stride is 0.", ("stride",), "≥ 1").under("layers", 2)
    assert type(error) is ParameterError
    assert error.path == ("layers", 2, "stride")
    assert repr(error) == "ParameterError('Stride is 0.', path=('layers', 2, 'stride'))"
    both = NetworkError([error, ShapeError("kernel_size is 9", ("kernel",))])
    assert both.message == "Stride is 0. The kernel_size is 9."
    assert [e.path for e in both.under("spec").errors] == [
        ("spec", *error.path),
        ("spec", "kernel"),
    ]
    assert [e.message for e in copy.copy(both).errors] == [
        "Stride is 0.",
        "The kernel_size is 9.",
    ]
    assert isinstance(both, EngineError)
    assert isinstance(both, ValueError)


def test_interrupt_asks_every_scope_it_is_in() -> None:
    asked: list[str] = []
    interrupt.check()
    with interrupt.scope(lambda: asked.append("outer")):
        with interrupt.scope(None), interrupt.scope(lambda: asked.append("inner")):
            interrupt.check()
            assert interrupt.current() is not None
        interrupt.check()
    assert asked == ["outer", "inner", "outer"]
    assert interrupt.current() is None
