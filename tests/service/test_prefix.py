"""Known beginnings of networks: what is computed again after an edit, and what is forgotten."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.layers import Conv2d, Layer, MaxPool2d, Relu
from app.engine.losses import Sum
from app.service.compute import Compute
from app.service.pictures import Pictures
from app.service.prefix import PrefixCache, chain_keys, input_key
from app.service.specs import ArrayInput, PictureInput, Spec
from app.service.store import ImageStore
from app.settings import Settings
from tests.imaging.pictures import read_small

KERNEL = np.array([[0, 1, -2], [3, 0.5, 1], [1, 1, -1]], np.float32)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    def build(**limits: Any) -> Compute:
        settings = Settings(store_dir=tmp_path, **limits)
        store = ImageStore(tmp_path, quota=10**9, days=1)
        return Compute(settings, Pictures(store, read_small, 10**8))

    return build


def spec(*layers: Layer, values: np.ndarray | None = None) -> Spec:
    if values is None:
        values = np.arange(1 * 2 * 9 * 7, dtype=np.float32).reshape(1, 2, 9, 7)
    return Spec(ArrayInput(values), layers, values.dtype)


def stack(kernel: np.ndarray = KERNEL, slope: int = 2) -> tuple[Layer, ...]:
    return (Conv2d(kernel), Relu(), MaxPool2d(slope))


def test_editing_a_layer_computes_from_that_layer_on(make: Any) -> None:
    compute = make()
    assert compute.forward(spec(*stack())).known == 0
    assert compute.forward(spec(*stack())).known == 3
    edited = compute.forward(spec(*stack(slope=3)))
    assert edited.known == 2
    assert compute.forward(spec(*stack(kernel=KERNEL + 1))).known == 0
    assert compute.forward(spec(*stack(), Relu())).known == 3


def test_known_layers_give_the_same_numbers_as_fresh_ones(make: Any) -> None:
    compute, fresh = make(), make(prefix_bytes=0)
    compute.forward(spec(*stack()))
    warm = compute.forward(spec(*stack(slope=3)))
    cold = fresh.forward(spec(*stack(slope=3)))
    assert cold.known == 0
    np.testing.assert_array_equal(warm.tape.output, cold.tape.output)
    wanted = ("input", "layers.0.kernel")
    one, other = (
        which.backward(spec(*stack(slope=3)), Sum(), wanted).gradients for which in (compute, fresh)
    )
    for name in wanted:
        np.testing.assert_array_equal(one[name], other[name])


def test_gradients_reuse_the_tape(make: Any) -> None:
    compute = make()
    steps = [layer.step for layer in compute.forward(spec(*stack())).layers]
    compute.backward(spec(*stack()), Sum(), ("input",))
    again = compute.forward(spec(*stack()))
    assert [layer.step for layer in again.layers] == steps


def test_name_of_a_layer_does_not_make_it_another(make: Any) -> None:
    compute = make()
    compute.forward(spec(Conv2d(KERNEL, name="before")))
    assert compute.forward(spec(Conv2d(KERNEL, name="after"))).known == 1


@pytest.mark.parametrize(
    "other",
    [
        (Conv2d(KERNEL, padding=1),),
        (Conv2d(KERNEL, flip=True),),
        (Conv2d(KERNEL.T.copy()),),
        (Conv2d(KERNEL.reshape(1, 1, 3, 3), groups=2),),
        (Conv2d(KERNEL.astype(np.float64)),),
        (Relu(),),
    ],
)
def test_any_other_field_makes_another_layer(other: tuple[Layer, ...]) -> None:
    start = input_key("x")
    assert chain_keys(start, (Conv2d(KERNEL),))[1] != chain_keys(start, other)[1]


def test_inputs_that_differ_in_anything_have_different_keys() -> None:
    array = np.arange(6.0)
    keys = [
        input_key(PictureInput(sample="cat")),
        input_key(PictureInput(image="cat")),
        input_key(PictureInput(sample="cat", color="gray")),
        input_key(PictureInput(sample="cat", max_side=3)),
        input_key("array", array),
        input_key("array", array.reshape(2, 3)),
        input_key("array", array.astype(np.float32)),
        input_key("array", array + 1),
    ]
    assert len(set(keys)) == len(keys)


def test_memory_stays_within_the_limit_and_the_oldest_goes_first(make: Any) -> None:
    compute = make(prefix_bytes=3000)
    x = np.ones((1, 1, 10, 10), np.float32)
    inputs = [x + number for number in range(20)]
    for values in inputs:
        compute.forward(spec(Relu(), values=values))
        assert compute.prefixes.nbytes <= 3000
    assert compute.forward(spec(Relu(), values=inputs[-1])).known == 1
    assert compute.forward(spec(Relu(), values=inputs[0])).known == 0


def test_only_the_latest_variants_of_a_layer_are_kept(make: Any) -> None:
    compute = make()
    for step in range(50):
        compute.forward(spec(Conv2d(KERNEL + step), Relu()))
    one = compute.forward(spec(Conv2d(KERNEL + 49), Relu()))
    assert one.known == 2
    assert compute.prefixes.nbytes == 4 * sum(layer.nbytes for layer in one.layers)
    assert compute.forward(spec(Conv2d(KERNEL), Relu())).known == 0


def test_result_larger_than_the_limit_is_not_kept(make: Any) -> None:
    compute = make(prefix_bytes=100)
    compute.forward(spec(*stack()))
    assert compute.prefixes.nbytes == 0


def test_empty_cache_knows_nothing() -> None:
    assert PrefixCache(100).longest([b"input", b"layer"]) == []
