"""What is told of a network without computing it: costs, formulas, errors, legal ranges."""

import time
from typing import Any

import numpy as np
import pytest

from app.engine.errors import EngineError, NetworkError, ParameterError, ShapeError
from app.engine.geometry import ReceptiveField
from app.engine.inspection import inspect
from app.engine.kernels import PresetKernel, RandomKernel, RandomWeight
from app.engine.layers import (
    AvgPool2d,
    BatchNorm,
    Bounds,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Dense,
    Elu,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    Layer,
    LeakyRelu,
    LogSoftmax,
    MaxPool1d,
    MaxPool2d,
    Prelu,
    Relu,
    Softmax,
    View,
)
from app.engine.losses import Upstream
from app.engine.network import backward, forward

SHAPE = (2, 3, 8, 9)


def test_costs_and_formulas_are_those_of_a_hand_calculation() -> None:
    conv, pool, dense = inspect(
        [
            Conv2d(RandomKernel(4, (3, 2)), np.ones(4), stride=(1, 2), padding=((1, 0), (2, 1))),
            AvgPool2d(2, ceil_mode=True),
            Dense(RandomWeight(5), np.ones(5)),
        ],
        SHAPE,
    )
    assert conv.output_shape == (2, 4, 7, 6)
    assert conv.padding == ((1, 0), (2, 1))
    assert conv.parameters == 4 * 3 * 3 * 2 + 4
    assert conv.multiply_adds == 2 * 4 * 7 * 6 * 3 * 3 * 2
    assert conv.formula == (
        "rows: floor((8 + 1 + 0 − 1·(3−1) − 1) / 1) + 1 = 7; "
        "cols: floor((9 + 2 + 1 − 1·(2−1) − 1) / 2) + 1 = 6"
    )
    assert conv.working_bytes > 4 * (2 * 4 * 7 * 6 + conv.parameters)
    assert pool.output_shape == (2, 4, 4, 3)
    assert pool.multiply_adds == 2 * 4 * 4 * 3 * 4
    assert pool.formula.startswith("rows: ceil(")
    assert dense.parameters == 5 * 48 + 5
    assert dense.multiply_adds == 2 * 5 * 48
    assert dense.formula == "features: 48 to 5"


def test_double_precision_takes_twice_the_memory() -> None:
    single, double = (inspect([Relu()], SHAPE, dtype)[0] for dtype in (np.float32, np.float64))
    assert double.working_bytes == 2 * single.working_bytes == 8 * np.prod(SHAPE)


def test_receptive_fields_grow_through_the_stack() -> None:
    layers = [
        Conv2d(PresetKernel("sobel_x"), stride=2, padding=1),
        Relu(),
        MaxPool2d((2, 3), (2, 1)),
        Conv2d(PresetKernel("box"), dilation=(1, 2)),
    ]
    fields = [report.receptive_field for report in inspect(layers, (1, 1, 40, 50))]
    assert fields == [
        ReceptiveField((3, 3), (2, 2), (-1, -1)),
        ReceptiveField((3, 3), (2, 2), (-1, -1)),
        ReceptiveField((5, 7), (4, 2), (-1, -1)),
        ReceptiveField((13, 15), (4, 2), (-1, -1)),
    ]


def test_a_sequence_counts_as_one_row() -> None:
    report = inspect([Conv1d([1.0, 2, 3], padding=(2, 1), stride=2)], (1, 1, 9))[0]
    assert report.output_shape == (1, 1, 5)
    assert report.padding == ((0, 0), (2, 1))
    assert report.receptive_field == ReceptiveField((1, 3), (1, 2), (0, -2))
    assert report.formula == "length: floor((9 + 2 + 1 − 1·(3−1) − 1) / 2) + 1 = 5"


def test_a_transposed_layer_tells_its_own_formula_and_costs() -> None:
    report = inspect([ConvTranspose2d(RandomKernel(2, 3), np.ones(2), 2, 1, 1)], SHAPE)[0]
    assert report.output_shape == (2, 2, 16, 18)
    assert report.parameters == 3 * 2 * 9 + 2
    assert report.multiply_adds == np.prod(SHAPE) * 2 * 9
    assert report.formula.startswith("rows: (8−1)·2 − 1 − 1 + 1·(3−1) + 1 + 1 = 16; cols: ")


def test_an_illegal_layer_is_reported_in_place_and_the_next_ones_as_far_as_they_can_be() -> None:
    first, bad, unreached, worse = inspect(
        [Relu(), MaxPool2d(20), Relu(), AvgPool2d(0, stride=-1)], SHAPE
    )
    assert first.error is None
    assert bad.input_shape == SHAPE
    assert bad.output_shape is None
    assert isinstance(bad.error, NetworkError)  # both axes
    assert bad.legal["size"] == "integers, rows 1 to 8, cols 1 to 9"
    assert unreached.input_shape is None
    assert unreached.error is None
    assert isinstance(worse.error, NetworkError)
    assert [error.path for error in worse.error.errors] == [("size",), ("stride",)]


@pytest.mark.parametrize(
    ("layer", "fields"),
    [
        (Conv2d([[1.0]], stride=0, groups=0), {"stride", "groups"}),
        (
            ConvTranspose2d([[1.0]], dilation=0, padding="same", groups=0),
            {"dilation", "padding", "groups"},
        ),
        (MaxPool2d(0, dilation=0), {"size", "dilation"}),
        (LeakyRelu(float("inf")), {"slope"}),
        (Relu(), set()),
    ],
)
def test_behind_an_illegal_layer_what_needs_no_shape_is_still_checked(
    layer: Layer, fields: set[str]
) -> None:
    error = inspect([MaxPool1d(2), layer], SHAPE)[1].error
    errors = error.errors if isinstance(error, NetworkError) else (error,) if error else ()
    assert {path for (path,) in (e.path for e in errors)} == fields


NAN = float("nan")
MOST = "at most 16777216"
ILLEGAL: list[tuple[Layer, tuple[str, ...], type[EngineError], str]] = [
    (Conv2d(np.ones((3, 3)), groups=2), ("groups",), ParameterError, "3"),
    (Conv2d(np.ones((9, 3))), ("kernel",), ShapeError, "at most 8"),
    (
        Conv2d(np.ones((3, 3)), padding=9, padding_mode="circular"),
        ("padding",),
        ParameterError,
        "8",
    ),
    (Conv2d(np.ones((3, 3)), [1, 2]), ("bias",), ShapeError, "3"),
    (
        ConvTranspose2d(np.ones((3, 3)), stride=2, output_padding=2),
        ("output_padding",),
        ParameterError,
        "0 to 1",
    ),
    (ConvTranspose2d(np.ones((3, 3)), padding="same"), ("padding",), ParameterError, "valid"),
    (ConvTranspose2d(np.ones((3, 3)), groups=2), ("groups",), ParameterError, "3"),
    (ConvTranspose2d(np.ones((3, 2, 3, 3)), [1.0]), ("bias",), ShapeError, "2"),
    (ConvTranspose2d(np.ones((1, 1)), padding=((9, 0), (0, 0))), ("padding",), ShapeError, "7"),
    (MaxPool2d(3, padding=2), ("padding",), ParameterError, "rows 0 to 1, cols 0 to 1"),
    (MaxPool2d(2, ceil_mode=1), ("ceil_mode",), ParameterError, "true or false"),  # type: ignore[arg-type]
    (AvgPool2d(2, count_include_pad=0), ("count_include_pad",), ParameterError, "true or false"),  # type: ignore[arg-type]
    (LeakyRelu(NAN), ("slope",), ParameterError, "finite"),
    (LeakyRelu(True), ("slope",), ParameterError, "finite"),
    (Prelu([1.0, 2]), ("weight",), ShapeError, "1 or 3"),
    (Prelu([[1.0]]), ("weight",), ParameterError, "one per channel"),
    (Prelu([NAN]), ("weight",), ParameterError, "finite"),
    (BatchNorm([0.0] * 3, [1.0] * 2), ("variance",), ShapeError, "3"),
    (BatchNorm([0.0] * 3, [1.0, 1, -1]), ("variance",), ParameterError, "above 0"),
    (BatchNorm([0.0, 0, NAN], [1.0] * 3), ("mean",), ParameterError, "finite"),
    (BatchNorm(NAN, 1.0), ("mean",), ParameterError, "finite"),
    (BatchNorm([0.0] * 3, [1.0] * 3, eps=-1), ("eps",), ParameterError, "≥ 0"),
    (Dense(np.ones((2, 7))), ("weight",), ShapeError, "216"),
    (Dense(np.ones(7)), ("weight",), ShapeError, r"\(O, I\)"),
    (Dense(RandomWeight(2), [1.0]), ("bias",), ShapeError, "2"),
    (Dense(RandomWeight(0)), ("weight", "random", "features"), ParameterError, "1"),
    (Dense(RandomWeight(2, "zeros")), ("weight", "random", "init"), ParameterError, "he_normal"),
    (Softmax(4), ("axis",), ParameterError, "-4 to 3"),
    (LogSoftmax(1.5), ("axis",), ParameterError, "-4"),  # type: ignore[arg-type]
    (Conv2d(np.ones((3, 3)), stride=10**30), ("stride",), ParameterError, MOST),
    (Conv2d(np.ones((3, 3)), padding=2**31), ("padding",), ParameterError, MOST),
    (ConvTranspose2d(np.ones((3, 3)), dilation=10**30), ("dilation",), ParameterError, MOST),
    (MaxPool2d(2, stride=(1, 10**30)), ("stride",), ParameterError, MOST),
    (AvgPool2d((10**30, 1)), ("size",), ParameterError, MOST),
    (Conv2d(RandomKernel(10**30, 3)), ("kernel", "random", "filters"), ParameterError, MOST),
    (
        ConvTranspose2d(RandomKernel(2, 2**20)),
        ("kernel", "random", "size"),
        ParameterError,
        "2147483648",
    ),
    (Dense(RandomWeight(10**30)), ("weight", "random", "features"), ParameterError, MOST),
    (Conv1d([1.0]), (), ShapeError, r"\(N, C, L\)"),
    (ConvTranspose1d([1.0]), (), ShapeError, r"\(N, C, L\)"),
    (MaxPool1d(2), (), ShapeError, r"\(N, C, L\)"),
]


@pytest.mark.parametrize(("layer", "path", "kind", "legal"), ILLEGAL)
def test_an_illegal_field_is_named_with_its_legal_range(
    layer: Layer, path: tuple[str, ...], kind: type[EngineError], legal: str
) -> None:
    report = inspect([layer], SHAPE)[0]
    assert isinstance(report.error, kind)
    assert report.error.path == path
    assert legal.replace("\\", "") in report.error.message
    assert report.error.legal


@pytest.mark.parametrize("layer", [GlobalAvgPool(), GlobalMaxPool()])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 0)])
def test_a_global_pool_needs_maps(layer: Layer, shape: tuple[int, ...]) -> None:
    assert isinstance(inspect([layer], shape)[0].error, ShapeError)


@pytest.mark.parametrize(
    "layer",
    [Conv2d(RandomKernel(2, 1)), Conv2d(np.ones((1, 1)), padding=1), ConvTranspose2d([[1.0]])],
)
@pytest.mark.parametrize("shape", [(1, 0, 3, 3), (1, 1, 0, 3), (0, 0, 0, 0)])
def test_a_convolution_of_no_channels_or_no_cells_is_reported_in_place(
    layer: Layer, shape: tuple[int, ...]
) -> None:
    report = inspect([layer], shape)[0]
    assert isinstance(report.error, EngineError)
    assert report.legal["groups"]


def test_dense_random_weights_of_no_inputs_are_legal() -> None:
    assert inspect([Dense(RandomWeight(2))], (3, 0))[0].output_shape == (3, 2)


LEGAL: list[tuple[Layer, tuple[int, ...], dict[str, str]]] = [
    (
        Conv2d(np.ones((4, 3, 3, 2)), padding=((1, 2), (0, 0))),
        SHAPE,
        {
            "kernel": "(O, 3, KH, KW), (3, KH, KW) or (KH, KW), a preset, or random; "
            "taps: rows 1 to 11, cols 1 to 9",
            "bias": "null, or 4 numbers",
            "dilation": "integers, rows 1 to 5, cols 1 to 8",
            "groups": "1 or 3",
        },
    ),
    (
        Conv2d(np.ones((3, 1)), padding="valid", padding_mode="reflect"),
        SHAPE,
        {
            "padding": "integers, rows 0 to 7, cols 0 to 8, a pair (rows, cols), "
            "((top, bottom), (left, right)), or valid, same, same_lower, full, keep",
            "dilation": "integers, rows 1 to 3, cols ≥ 1",
        },
    ),
    (
        Conv1d(np.ones((2, 2, 3)), groups=5),
        (1, 6, 9),
        {
            "kernel": "(O, 6, K), (6, K) or (K), a preset, or random",
            "bias": "null, or O numbers",
            "groups": "1, 2, 3 or 6",
        },
    ),
    (
        ConvTranspose2d(RandomKernel(4, 3), stride=3),
        (1, 6, 5, 4),
        {
            "kernel": "(6, O/groups, KH, KW), (6, KH, KW) or (KH, KW), a preset, or random",
            "bias": "null, or 4 numbers",
            "output_padding": "integers, rows 0 to 2, cols 0 to 2",
        },
    ),
    (ConvTranspose1d([1.0], groups=4), (1, 6, 5), {"bias": "null, or O numbers"}),
    (
        MaxPool2d((4, 3), 5, (1, 0), (1, 2)),
        SHAPE,
        {
            "size": "integers, rows 1 to 10, cols 1 to 5",
            "padding": "integers, rows 0 to 2, cols 0 to 1, or a pair (rows, cols)",
        },
    ),
    (MaxPool1d(4), (1, 1, 9), {"size": "integers, 1 to 9", "padding": "integers, 0 to 2"}),
    (AvgPool2d(2), SHAPE, {"count_include_pad": "true or false"}),
    (Prelu([1.0]), SHAPE, {"weight": "1 or 3 finite numbers"}),
    (Softmax(), (2, 7), {"axis": "integers, -2 to 1"}),
    (Dense(RandomWeight(3)), SHAPE, {"weight": "(O, 216), or random"}),
    (BatchNorm([0.0], [1.0]), SHAPE, {"variance": "1 or 3 finite numbers ≥ 0"}),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), LEGAL)
def test_legal_ranges_follow_from_the_input(
    layer: Layer, shape: tuple[int, ...], expected: dict[str, str]
) -> None:
    legal = inspect([layer], shape)[0].legal
    assert {field: legal[field] for field in expected} == expected


@pytest.mark.parametrize(
    "layer", [Conv2d([[1.0]]), ConvTranspose2d([[1.0]]), AvgPool2d(2), MaxPool2d(2)]
)
def test_a_layer_that_can_not_read_the_input_has_no_legal_ranges(layer: Layer) -> None:
    report = inspect([layer], (2, 5))[0]
    assert report.legal == {}
    assert isinstance(report.error, ShapeError)


def test_the_range_of_taps_is_exact() -> None:
    taps = inspect([Conv2d(np.ones((3, 3)), padding=1, dilation=2)], (1, 1, 6, 9))[0].legal[
        "kernel"
    ]
    assert taps.endswith("rows 1 to 4, cols 1 to 6")
    for rows, fits in ((4, True), (5, False)):
        layer = Conv2d(np.ones((rows, 6)), padding=1, dilation=2)
        assert (inspect([layer], (1, 1, 6, 9))[0].error is None) is fits


def cells(layers: list[Layer], shape: tuple[int, ...], unit: tuple[int, int]) -> list[list[int]]:
    view = inspect(layers, shape)[-1].view
    assert view is not None
    return [axis.tolist() for axis in view.cells(unit)]


STACKS: dict[str, tuple[list[Layer], tuple[int, ...]]] = {
    "zeros": ([Conv2d(RandomKernel(1, (3, 2)), padding=1, stride=2)] * 2, (1, 1, 9, 11)),
    "wide padding": ([Conv2d(RandomKernel(1, 2), padding=((4, 0), (0, 5)))], (1, 1, 4, 4)),
    "dilated": ([Conv2d(RandomKernel(1, 3), dilation=(2, 3)), Elu()], (1, 1, 8, 9)),
    "reflect": (
        [Conv2d(RandomKernel(1, 3), padding=3, padding_mode="reflect", dilation=2)] * 2,
        (1, 1, 7, 9),
    ),
    "circular": ([Conv2d(RandomKernel(1, 3), padding=2, padding_mode="circular")], (1, 1, 5, 6)),
    "transposed": (
        [
            ConvTranspose2d(RandomKernel(1, (2, 3)), stride=3, padding=1),
            Conv2d(RandomKernel(1, 3), dilation=2),
        ],
        (1, 1, 5, 6),
    ),
    "pools": ([AvgPool2d(3, 2, 1, ceil_mode=True), AvgPool2d(2)], (1, 1, 9, 12)),
    "whole": ([AvgPool2d(2), Flatten(), Dense(RandomWeight(1))], (1, 1, 7, 9)),
    "global": ([AvgPool2d(2), GlobalAvgPool()], (1, 1, 7, 9)),
    "softmax rows": ([Softmax(2)], (1, 1, 4, 5)),
    "softmax channels": ([Softmax(1)], (1, 2, 4, 5)),
    "softmax features": ([Flatten(), Softmax(1)], (1, 1, 4, 5)),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_receptive_field_is_where_the_gradient_is_not_zero(name: str) -> None:
    layers, shape = STACKS[name]
    tape = forward(layers, np.random.default_rng(3).standard_normal(shape))
    flat = tape.output.ndim == 2
    for place in np.ndindex(tape.output.shape[2:]):
        upstream = np.zeros(tape.output.shape)
        upstream[(0, 0, *place)] = 1
        grad = backward(tape, Upstream(upstream)).gradients["input"].sum(axis=(0, 1))
        seen = [
            np.flatnonzero(grad.any(axis=1)).tolist(),
            np.flatnonzero(grad.any(axis=0)).tolist(),
        ]
        if name == "softmax channels":
            seen = [[place[0]], [place[1]]]  # the gradient over the channels adds up to 0
        found = cells(layers, shape, (0, 0) if flat else place)
        # Where one axis sees padding alone, nothing is seen at all.
        assert seen == (found if all(found) else [[], []])


def test_a_sequence_softmax_sees_the_whole_length() -> None:
    assert cells([Softmax(2)], (1, 2, 6), (0, 3)) == [[0], list(range(6))]
    assert cells([Softmax(0)], (2, 6), (0, 0)) == [[0], [0]]


def test_behind_a_transposed_layer_the_field_is_the_largest_and_the_stride_may_be_a_half() -> None:
    up = ConvTranspose2d(np.ones((3, 2)), stride=2, padding=((1, 0), (0, 0)))
    field = inspect([up], (1, 1, 4, 5))[0].receptive_field
    assert field == ReceptiveField((2, 1), (0.5, 0.5), (0, 0))  # type: ignore[arg-type]
    down = Conv2d(np.ones((1, 1)), stride=2)
    field = inspect([up, down], (1, 1, 4, 5))[1].receptive_field
    assert field is not None
    assert field.stride == (1, 1)
    assert isinstance(field.stride[0], int)


def test_a_unit_that_no_input_reaches_sees_nothing() -> None:
    holes: Any = ConvTranspose2d([[1.0]], stride=3)
    assert cells([holes], (1, 1, 3, 3), (1, 0)) == [[], [0]]


def read_by(view: View, unit: int, axis: int) -> Any:
    """Return which cells a unit reads, padding included."""
    cells = np.array([unit])
    for window, _ in reversed(view.steps):
        cells = window.reads(cells, axis)
    return cells


def test_the_field_is_as_large_as_the_largest_that_any_unit_sees() -> None:
    up = ConvTranspose2d(np.ones((3, 2)), stride=(3, 2), padding=1)
    layers = [Conv2d(np.ones((2, 3)), dilation=2), up, Conv2d(np.ones((2, 2)), stride=2), up]
    for report in inspect(layers, (1, 1, 7, 9))[1:]:
        assert report.view is not None
        assert report.receptive_field is not None
        for axis, units in enumerate(report.output_shape[2:]):
            seen = [read_by(report.view, unit, axis) for unit in range(units)]
            extents = [cells[-1] - cells[0] + 1 for cells in seen if cells.size]
            assert report.receptive_field.size[axis] == max(extents)


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ([ConvTranspose2d(np.ones((2, 2)), stride=2**24)], False),
        ([ConvTranspose2d([[1.0]], stride=2**24)] * 2, False),
        ([ConvTranspose2d(np.ones((2, 2)), stride=2)] * 6, True),
        (
            [Conv2d(RandomKernel(1, (1, 63)), stride=(1, 64))] * 5 + [ConvTranspose2d([[1.0]])],
            False,
        ),
        (
            [Conv2d([[1.0]], stride=(1, 2**24))] * 3
            + [ConvTranspose2d([[1.0, 1.0]], stride=1, dilation=(1, 2**24))],
            False,
        ),
    ],
)
def test_a_field_that_would_take_too_long_to_tell_is_left_out(
    layers: list[Layer], told: bool
) -> None:
    started = time.perf_counter()
    report = inspect(layers, (1, 1, 3, 2**31 - 1))[-1]
    assert time.perf_counter() - started < 5
    assert report.error is None
    assert (report.receptive_field is not None) is told


def test_the_units_that_are_there_decide_the_field_not_the_stride() -> None:
    field = inspect([ConvTranspose2d([[1.0]], stride=2**24)], (1, 1, 1, 1))[0].receptive_field
    assert field is not None
    assert (field.size, field.start) == ((1, 1), (0, 0))


def test_the_divisors_of_a_huge_number_of_channels_are_told_at_once() -> None:
    started = time.perf_counter()
    report = inspect([Conv2d([[1.0]], groups=2)], (1, 2**31 - 1, 1, 1))[0]
    assert time.perf_counter() - started < 1
    assert report.legal["groups"] == "1 or 2147483647"


@pytest.mark.parametrize(
    "layer",
    [Prelu(0.1), Prelu([0.1]), BatchNorm([0.0], [1.0]), Relu(), Flatten(), Dense(RandomWeight(1))],
)
@pytest.mark.parametrize("shape", [(), (5,)])
def test_a_layer_of_channels_refuses_an_input_without_any(
    layer: Layer, shape: tuple[int, ...]
) -> None:
    report = inspect([layer], shape)[0]
    assert isinstance(report.error, ShapeError)
    assert "needs a batch and a channel axis" in report.error.message
    assert report.legal == {}


def test_the_padding_of_a_pool_is_refused_as_it_was_written_with_both_forms() -> None:
    pad: Any = [[1, 2], [3, 4]]
    for padding, said in (
        (pad, "Padding is [[1, 2], [3, 4]], but"),
        ((3, 0), "Padding is [3, 0],"),
    ):
        error = inspect([MaxPool2d(2, padding=padding)], SHAPE)[0].error
        assert error is not None
        assert error.message.startswith(said)
        assert "pair (rows, cols)" in error.message
        assert error.path == ("padding",)


def held(layer: Layer, shape: tuple[int, ...] = (1, 3, 400, 500)) -> Any:
    inference = inspect([layer], shape)[0].inference
    assert inference is not None
    return inference


def test_convolutions_count_the_copies_that_they_make_and_no_others() -> None:
    kernel, numbers = np.ones((3, 3)), 3 * 400 * 500
    zeros, padded = 404_000, 3 * 402 * 502
    assert held(Conv2d(kernel, padding=1)).scratch < zeros
    reflected = held(Conv2d(kernel, padding=1, padding_mode="reflect"))
    assert padded <= reflected.scratch < padded + zeros
    assert 2 * padded <= reflected.backward_scratch < 2 * padded + zeros
    stepping = held(Conv2d(kernel, stride=2))
    assert stepping.scratch < zeros
    assert numbers <= stepping.backward_scratch < numbers + zeros
    spread = held(ConvTranspose2d(kernel, stride=2))
    assert spread.scratch >= np.prod(spread.output_shape)
    assert spread.backward_scratch < zeros


def test_large_kernels_count_the_spectra_of_their_tiles() -> None:
    wide, widest = (held(Conv2d(np.ones((k, k)), padding="same")) for k in (31, 33))
    assert widest.scratch > 2 * wide.scratch


def test_pools_count_what_they_keep_for_the_way_back() -> None:
    pool = held(MaxPool2d(2))
    assert pool.kept == 2 * np.prod(pool.output_shape)
    assert held(AvgPool2d(2)).kept == 0
    row = held(MaxPool1d(2), (1, 3, 1000))
    assert row.scratch > held(MaxPool2d(2), (1, 3, 10, 100)).scratch


def test_weights_that_are_drawn_count_the_numbers_they_are_drawn_in() -> None:
    drawn, given = held(Dense(RandomWeight(4)), (1, 9)), held(Dense(np.ones((4, 9))), (1, 9))
    assert (drawn.scratch, given.scratch) == (2 * 4 * 9, 0)


def test_bounds_are_told_where_the_padding_leaves_the_taps_open() -> None:
    bounds = Bounds(stride=2, taps=5, filters=4)
    conv = Conv2d(np.ones((3, 3)), padding="same")
    legal = inspect([conv], SHAPE, bounds=bounds)[0].legal
    assert legal["kernel"].endswith("; filters: 1 to 4; taps: 1 to 5")
    assert legal["stride"] == "integers, 1 to 2, or a pair (rows, cols)"


def test_what_was_told_already_is_not_asked_again() -> None:
    layers, x = [Relu()], np.ones(SHAPE)
    reports = inspect(layers, x.shape)
    assert forward(layers, x, reports=reports).steps[0].report is reports[0]


def test_where_no_unit_sees_anything_the_field_is_empty() -> None:
    holes = ConvTranspose2d([[1.0]], stride=3, output_padding=2, padding=((1, 0), (0, 0)))
    report = inspect([holes], (1, 1, 1, 1))[0]
    assert report.output_shape == (1, 1, 2, 3)
    assert report.receptive_field is not None
    assert report.receptive_field.size == (0, 1)


@pytest.mark.parametrize("unit", [(6, 0), (0, 7), (-1, 0), (0.0, 0), (True, 0), (0,), 3])
def test_a_unit_that_the_map_does_not_have_sees_nothing(unit: Any) -> None:
    conv = Conv2d(np.ones((3, 3)), padding_mode="circular", padding=((0, 0), (1, 1)))
    (report,) = inspect([conv, Relu()], (1, 2, 8, 7))[1:]
    assert report.view is not None
    assert [cells.tolist() for cells in report.view.cells((5, 6))] == [[5, 6, 7], [0, 5, 6]]
    with pytest.raises(ParameterError, match="legal: rows 0 to 5, cols 0 to 6") as caught:
        report.view.cells(unit)
    assert caught.value.path == ("unit",)


@pytest.mark.parametrize(
    ("layer", "fields"),
    [
        (Conv2d([[1.0]], stride=0, padding=-1), {"stride", "padding"}),
        (Conv2d(PresetKernel("none"), padding="some"), {"kernel", "padding"}),
        (Conv2d([[1.0]], groups=5, padding=9, padding_mode="reflect"), {"groups", "padding"}),
        (Conv1d([1.0], [1.0], dilation=0, padding=[1, 2, 3]), {"bias", "dilation", "padding"}),
        (Conv2d(np.ones((2, 2, 1, 1)), [1.0], groups=5, padding=-1), {"bias", "groups", "padding"}),
        (Conv2d([[1.0]], [[1.0]], groups=5, padding=-1), {"bias", "groups", "padding"}),
        (Conv2d(PresetKernel("none"), groups=5, padding=-1), {"groups", "kernel", "padding"}),
        (
            ConvTranspose2d(RandomKernel(0, 3), [[1.0]], groups=5, padding=-1),
            {"bias", "groups", "kernel", "padding"},
        ),
        (ConvTranspose2d([[1.0]], stride=0, padding=-1), {"stride", "padding"}),
        (ConvTranspose2d([[1.0]], output_padding=1, padding="same"), {"output_padding", "padding"}),
    ],
)
def test_illegal_padding_is_told_beside_other_problems(layer: Layer, fields: set[str]) -> None:
    shape = (1, 2, 5, 6)[: 2 + (layer.reads or 0)]
    with pytest.raises(NetworkError) as caught:
        layer.infer(shape)
    assert sorted(str(error.path[0]) for error in caught.value.errors) == sorted(fields)


def test_softmax_over_channels_leaves_the_fields_of_a_sequence() -> None:
    (report,) = inspect([Softmax(1)], (1, 3, 5))
    assert report.receptive_field == ReceptiveField((1, 1), (1, 1), (0, 0))
