"""Convolution geometries that the engine's tests share: a fixed broad grid and random ones."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

SEED = 20240229


@dataclass(frozen=True)
class Case:
    """A convolution with every parameter given in full."""

    size: tuple[int, int] = (7, 6)
    kernel: tuple[int, int] = (3, 2)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    padding_mode: str = "zeros"
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    flip: bool = False
    batch: int = 2
    group_channels: int = 1
    group_filters: int = 2
    seed: int = field(default=SEED, compare=False)

    @property
    def keywords(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "padding_mode": self.padding_mode,
            "dilation": self.dilation,
            "groups": self.groups,
            "flip": self.flip,
        }

    @property
    def output(self) -> tuple[int, int]:
        rows, cols = (
            (n + a + b - d * (k - 1) - 1) // s + 1
            for n, (a, b), d, k, s in zip(
                self.size, self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        )
        return rows, cols

    def arrays(
        self, dtype: str = "float64"
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return x, kernel, bias and upstream, all random."""
        rng = np.random.default_rng(self.seed)
        filters = self.groups * self.group_filters
        shapes = (
            (self.batch, self.groups * self.group_channels, *self.size),
            (filters, self.group_channels, *self.kernel),
            (filters,),
            (self.batch, filters, *self.output),
        )
        x, kernel, bias, upstream = (rng.standard_normal(s).astype(dtype) for s in shapes)
        return x, kernel, bias, upstream


GRID = [
    Case(),
    Case(kernel=(1, 1), batch=1),
    Case(size=(1, 1), kernel=(1, 1)),
    Case(size=(1, 1), kernel=(3, 3), padding=((1, 1), (1, 1))),
    Case(size=(3, 5), kernel=(3, 5)),
    Case(size=(5, 9), kernel=(1, 4), padding=((0, 0), (3, 0))),
    Case(size=(9, 5), kernel=(4, 1), padding=((0, 2), (0, 0)), stride=(3, 1)),
    Case(size=(8, 7), kernel=(2, 4), padding=((0, 1), (1, 2))),
    Case(size=(7, 8), kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), group_channels=3),
    Case(size=(7, 8), kernel=(2, 2), stride=(3, 3), group_channels=2),
    Case(size=(6, 9), kernel=(2, 3), stride=(3, 2), dilation=(2, 3), padding=((1, 0), (2, 3))),
    Case(size=(9, 8), kernel=(3, 2), stride=(2, 3), dilation=(2, 2), groups=2, group_channels=2),
    Case(size=(6, 7), kernel=(3, 3), padding=((1, 1), (1, 1)), groups=3, group_filters=1),
    Case(size=(6, 7), kernel=(3, 3), stride=(2, 1), groups=4, group_channels=2, group_filters=1),
    Case(size=(5, 6), kernel=(5, 5), padding=((4, 4), (4, 4)), batch=1),
    Case(size=(4, 3), kernel=(2, 2), padding=((5, 0), (0, 6))),
    Case(size=(4, 5), kernel=(3, 2), flip=True, group_channels=2, stride=(1, 2)),
    Case(size=(12, 13), kernel=(7, 7), padding=((3, 3), (3, 3)), batch=1, group_filters=1),
    Case(size=(6, 7), kernel=(3, 3), group_channels=4, group_filters=5, padding=((1, 1), (1, 1))),
    Case(size=(5, 6), kernel=(3, 4), padding=((2, 1), (0, 3)), padding_mode="reflect"),
    Case(size=(5, 6), kernel=(3, 4), padding=((7, 1), (0, 8)), padding_mode="replicate"),
    Case(size=(5, 6), kernel=(3, 4), padding=((5, 1), (0, 6)), padding_mode="circular"),
    Case(
        size=(5, 6),
        kernel=(2, 2),
        stride=(2, 3),
        dilation=(2, 1),
        padding=((4, 4), (5, 5)),
        padding_mode="reflect",
        groups=2,
        group_channels=2,
        flip=True,
    ),
    Case(
        size=(4, 7),
        kernel=(3, 3),
        stride=(2, 2),
        padding=((1, 2), (2, 1)),
        padding_mode="circular",
        groups=2,
        group_filters=3,
    ),
    Case(batch=0),
    Case(batch=0, padding=((1, 1), (1, 1)), padding_mode="reflect", groups=2),
]


@st.composite
def random_cases(
    draw: st.DrawFn, modes: tuple[str, ...] = ("zeros", "reflect", "replicate", "circular")
) -> Case:
    """Draw a geometry whose output has at least one cell."""
    small = st.integers(1, 3)
    mode = draw(st.sampled_from(modes))
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(small, small))
    pads = []
    for length, taps, gap in zip(size, kernel, dilation, strict=True):
        reach = {"zeros": 9, "reflect": length - 1, "replicate": 9, "circular": length}[mode]
        before, after = draw(st.integers(0, min(4, reach))), draw(st.integers(0, min(4, reach)))
        lacking = gap * (taps - 1) + 1 - length - before - after
        if lacking > 0:
            mode_free = mode in ("zeros", "replicate")
            after += lacking if mode_free else 0
            if not mode_free:
                taps_fit = (length + before + after - 1) // gap + 1
                kernel = tuple(
                    min(k, taps_fit) if i == len(pads) else k for i, k in enumerate(kernel)
                )
        pads.append((before, after))
    return Case(
        size=size,
        kernel=kernel,
        stride=draw(st.tuples(small, small)),
        padding=(pads[0], pads[1]),
        padding_mode=mode,
        dilation=dilation,
        groups=draw(small),
        flip=draw(st.booleans()),
        batch=draw(st.integers(0, 2)),
        group_channels=draw(small),
        group_filters=draw(small),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Assert the engine's promise: 2e-5 of the largest magnitude in float32, 1e-10 in float64."""
    assert actual.shape == expected.shape
    if actual.size:
        tolerance = 2e-5 if actual.dtype == np.float32 else 1e-10
        assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()
