"""Transposed convolution against the reference and as the adjoint of convolution."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import (
    EngineError,
    ShapeError,
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose1d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
    reference,
)
from tests.engine.cases import assert_close

RNG = np.random.default_rng(11)
X = RNG.standard_normal((2, 4, 3, 5))
KERNEL = RNG.standard_normal((4, 3, 2, 3))

GRID: list[dict[str, Any]] = [
    {},
    {"stride": (2, 3)},
    {"stride": (3, 2), "output_padding": (2, 1)},
    {"stride": (2, 2), "padding": ((1, 0), (2, 1)), "output_padding": (1, 0)},
    {"dilation": (3, 2), "padding": ((2, 1), (1, 2))},
    {"dilation": (3, 4), "output_padding": (2, 3)},
    {"stride": (2, 1), "dilation": (5, 2), "output_padding": (4, 1), "padding": ((2, 3), (0, 1))},
    {"groups": 2, "stride": (2, 2)},
    {"groups": 4, "stride": (1, 3), "dilation": (2, 1), "output_padding": (1, 2)},
]


def check_against_reference(
    x: np.ndarray, kernel: np.ndarray, options: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    bias = rng.standard_normal(kernel.shape[1] * options.get("groups", 1)).astype(x.dtype)
    out = conv_transpose2d(x, kernel, bias, **options)
    assert out.dtype == x.dtype
    assert_close(out, reference.conv_transpose2d(x, kernel, bias, **options))
    upstream = rng.standard_normal(out.shape).astype(x.dtype)
    grads = conv_transpose2d_backward(upstream, x, kernel, **options)
    explicit = {k: v for k, v in options.items() if k in ("stride", "padding", "dilation")}
    expected = reference.conv_transpose2d_backward(upstream, x, kernel, **explicit)
    for grad, oracle in zip((grads.input, grads.kernel, grads.bias), expected, strict=True):
        assert grad is not None
        assert grad.dtype == x.dtype
        assert_close(grad, oracle)
    scale = np.abs(upstream).sum() * np.abs(out).max(initial=1) + 1
    tolerance = scale * (1e-5 if x.dtype == np.float32 else 1e-13)
    unbiased = out - bias[:, None, None]
    for grad, at in ((grads.input, x), (grads.kernel, kernel)):
        assert abs(np.vdot(unbiased, upstream) - np.vdot(grad, at)) <= tolerance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", GRID, ids=repr)
def test_grid_of_geometries_agrees_with_the_reference(options: dict[str, Any], dtype: str) -> None:
    check_against_reference(X.astype(dtype), KERNEL.astype(dtype), options, 1)


@st.composite
def geometries(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, dict[str, Any], int]:
    small = st.integers(1, 3)
    groups, channels, maps = draw(small), draw(small), draw(small)
    size, kernel = draw(st.tuples(small, small)), draw(st.tuples(small, small))
    stride, dilation = draw(st.tuples(small, small)), draw(st.tuples(small, small))
    pads, extra = [], []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        more = draw(st.integers(0, max(s, d) - 1))
        room = (n - 1) * s + d * (k - 1) + more
        before = draw(st.integers(0, room))
        pads.append((before, draw(st.integers(0, room - before))))
        extra.append(more)
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    options = {
        "stride": stride,
        "padding": tuple(pads),
        "output_padding": tuple(extra),
        "dilation": dilation,
        "groups": groups,
    }
    x = rng.standard_normal((draw(st.integers(0, 2)), groups * channels, *size))
    return x, rng.standard_normal((groups * channels, maps, *kernel)), options, seed


@settings(max_examples=60, deadline=None)
@given(geometries())
def test_random_geometry_agrees_with_the_reference(
    drawn: tuple[np.ndarray, np.ndarray, dict[str, Any], int],
) -> None:
    check_against_reference(*drawn)


def test_transposed_convolution_is_the_adjoint_of_convolution() -> None:
    pictures = RNG.standard_normal((2, 3, 6, 13))
    options: dict[str, Any] = {"stride": (2, 3), "padding": (1, 2)}
    maps = conv2d(pictures, KERNEL, **options)
    upstream = RNG.standard_normal(maps.shape)
    spread = conv_transpose2d(upstream, KERNEL, output_padding=(0, 2), **options)
    assert spread.shape == pictures.shape
    assert np.vdot(maps, upstream) == pytest.approx(np.vdot(pictures, spread), rel=1e-12)


@pytest.mark.parametrize("taps", [1, 2, 3])
def test_cells_that_only_output_padding_adds_hold_what_is_sent_there_for_every_map(
    taps: int,
) -> None:
    # A reused buffer is clean for the first map, so that one map would not tell.
    options: dict[str, Any] = {"dilation": (1, 3), "output_padding": (0, 2)}
    for width in (4, 7, 13):
        x, kernel = RNG.standard_normal((3, 4, 6, width)), RNG.standard_normal((4, 2, taps, taps))
        out = conv_transpose2d(x, kernel, **options)
        assert_close(out, reference.conv_transpose2d(x, kernel, None, **options))


def test_one_dimension_is_one_row_of_two() -> None:
    x, kernel = RNG.standard_normal((2, 4, 5)), RNG.standard_normal((4, 3, 4))
    options: dict[str, Any] = {"stride": 3, "dilation": 2, "groups": 2, "output_padding": 2}
    flat = {"stride": (1, 3), "dilation": (1, 2), "groups": 2, "output_padding": (0, 2)}
    out = conv_transpose1d(x, kernel, np.arange(6.0), padding=(1, 2), **options)
    pads = ((0, 0), (1, 2))
    rows = (x[:, :, None], kernel[:, :, None])
    assert_close(
        out[:, :, None], reference.conv_transpose2d(*rows, np.arange(6.0), padding=pads, **flat)
    )
    upstream = RNG.standard_normal(out.shape)
    grads = conv_transpose1d_backward(upstream, x, kernel, padding=(1, 2), **options)
    expected = reference.conv_transpose2d_backward(
        upstream[:, :, None], *rows, stride=(1, 3), dilation=(1, 2), padding=pads
    )
    assert_close(grads.input[:, :, None], expected[0])
    assert_close(grads.kernel[:, :, None], expected[1])
    assert_close(grads.bias, expected[2])


def test_doubled_sequence_by_hand() -> None:
    x, kernel = np.array([[[1, 2, 3]]]), np.array([[[1, 10]]])
    assert conv_transpose1d(x, kernel, stride=2).tolist() == [[[1, 10, 2, 20, 3, 30]]]
    assert conv_transpose1d(x, kernel, padding="valid").tolist() == [[[1, 12, 23, 30]]]


def test_upscaling_undoes_the_shape_of_a_strided_convolution() -> None:
    for length in (7, 8):
        maps = conv1d(np.ones((1, 1, length)), np.ones((1, 1, 3)), stride=2, padding=1)
        back = conv_transpose1d(
            maps, np.ones((1, 1, 3)), stride=2, padding=1, output_padding=1 - length % 2
        )
        assert back.shape == (1, 1, length)


def test_only_the_wanted_gradients_are_computed() -> None:
    upstream = RNG.standard_normal(conv_transpose2d(X, KERNEL).shape)
    grads = conv_transpose2d_backward(upstream, X, KERNEL, wanted=[])
    assert (grads.input, grads.kernel, grads.bias) == (None, None, None)
    flat = conv_transpose1d_backward(np.ones((1, 1, 4)), np.ones((1, 1, 3)), [[[1, 2]]], wanted=[])
    assert (flat.input, flat.kernel, flat.bias) == (None, None, None)


@pytest.mark.parametrize(
    ("options", "path", "quoted"),
    [
        ({"padding": "same"}, "padding", "'same' has no meaning"),
        ({"padding": 4}, "padding", "(3−1)·1 − 4 − 4 + 1·(2−1) + 0 + 1 = -4"),
        ({"output_padding": 1}, "output_padding", "stride 1 and dilation 1; legal: 0"),
        ({"output_padding": -1}, "output_padding", "≥ 0"),
        ({"groups": 3}, "groups", "divisors of 4"),
        ({"kernel": KERNEL[:3]}, "kernel", "input's 4 channels"),
        ({"kernel": KERNEL[0]}, "kernel", "(C, O/groups, rows, cols)"),
        ({"bias": np.ones(4)}, "bias", "(3,)"),
    ],
    ids=repr,
)
def test_illegal_call_names_the_offending_and_the_legal_numbers(
    options: dict[str, Any], path: str, quoted: str
) -> None:
    with pytest.raises(EngineError) as caught:
        conv_transpose2d(**{"x": X, "kernel": KERNEL, **options})
    assert caught.value.path == (path,)
    assert quoted in caught.value.message


def test_upstream_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(EngineError, match=r"\(2, 3, 4, 6\).*\(2, 3, 4, 7\)"):
        conv_transpose2d_backward(np.ones((2, 3, 4, 6)), X, KERNEL)
    with pytest.raises(EngineError, match=r"\(1, 1, 3\).*\(1, 1, 4\)"):
        conv_transpose1d_backward(np.ones((1, 1, 3)), np.ones((1, 1, 3)), [[[1, 2]]])


def test_padding_that_cuts_off_the_last_cell_is_refused() -> None:
    x, kernel = np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1))
    assert conv_transpose2d(x, kernel, padding=((0, 0), (1, 0))).shape == (1, 1, 2, 1)
    with pytest.raises(ShapeError, match=r"= 0; legal is a total padding of at most 1\."):
        conv_transpose2d(x, kernel, padding=((0, 0), (1, 1)))
