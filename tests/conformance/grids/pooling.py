"""Pools: overlap, padding, dilation, ceil_mode, ties."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.conformance.case import Case, Spec, random_for

SIZES_2D = [(7, 10), (9, 6), (5, 11), (12, 8), (4, 5)]
WINDOWS_2D = [2, 3, (2, 3), (4, 1), 4, (1, 5)]
STRIDES_2D = [None, 1, 2, (3, 2), (1, 4)]
PADDINGS_2D = [0, 1, (0, 1), (2, 0), 2]
DILATIONS_2D = [1, 2, (1, 3)]
SIZES_1D = [(9,), (10,), (5,), (17,)]
WINDOWS_1D = [2, 3, 4, 5]
STRIDES_1D = [None, 1, 2, 4]
PADDINGS_1D = [0, 1, 2]
DILATIONS_1D = [1, 2, 3]
CEIL_MODES = [True, False]
BATCHES = [(2, 3), (1, 2), (3, 1)]


def cases() -> Iterator[Case]:
    """Yield all pooling cases; about every second one is full of ties."""
    plane = (WINDOWS_2D, STRIDES_2D, PADDINGS_2D, CEIL_MODES)
    line = (WINDOWS_1D, STRIDES_1D, PADDINGS_1D, CEIL_MODES)
    for op, geometry, dilations, sizes in (
        ("max_pool2d", plane, DILATIONS_2D, SIZES_2D),
        ("max_pool1d", line, DILATIONS_1D, SIZES_1D),
    ):
        for *common, dilation in product(*geometry, dilations):
            yield _case(op, *common, {"dilation": dilation}, sizes)
    for op, geometry, sizes in (("avg_pool2d", plane, SIZES_2D), ("avg_pool1d", line, SIZES_1D)):
        for *common, inside in product(*geometry, [True, False]):
            yield _case(op, *common, {"count_include_pad": inside}, sizes)
    yield from _global()


def _case(
    op: str, window: Any, stride: Any, padding: Any, ceil_mode: bool, more: Spec, sizes: Any
) -> Case:
    name = f"{op} k{window} s{stride} p{padding} ceil_mode {ceil_mode} {more}"
    random = random_for(name)
    x_shape = (*random.choice(BATCHES).tolist(), *random.choice(sizes).tolist())
    tied = bool(random.integers(2))
    x = random.integers(-2, 3, x_shape).astype(float) if tied else random.normal(size=x_shape)
    layer = {"type": op, "size": window, "stride": stride, "padding": padding}
    name = f"{name} on {x_shape}{' tied' if tied else ''}"
    return Case(op, name, [{**layer, "ceil_mode": ceil_mode, **more}], x)


def _global() -> Iterator[Case]:
    shapes = [(2, 3, 5, 7), (1, 1, 1, 1), (3, 2, 1, 9), (2, 4, 11), (1, 2, 1), (0, 2, 4, 3)]
    for op, shape in product(["global_avg_pool", "global_max_pool"], shapes):
        random = random_for(op, shape)
        yield Case(op, f"{op} {shape}", [{"type": op}], random.normal(size=shape))
        tied = random.integers(-1, 2, shape).astype(float)
        yield Case(op, f"{op} {shape} tied", [{"type": op}], tied)
