"""The memory that is foretold against that which is used, as tracemalloc counts it."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.kernels import RandomKernel, RandomWeight
from app.engine.layers import LAYER_TYPES, Layer
from app.engine.losses import L2, CrossEntropy, Loss, Mse, Sum, Upstream
from app.imaging import Rendering
from app.service.answers import backward_answer, forward_answer
from app.service.compute import Compute
from app.service.errors import TooMuchWork
from app.service.memory import OVERHEAD_BYTES, Writing
from app.service.pictures import Pictures
from app.service.specs import ArrayInput, Returning, Spec
from app.service.store import ImageStore
from app.settings import Settings
from app.web.answering import writing
from app.web.picturing import write
from tests.imaging.pictures import read_small

JSON, SAFETENSORS, NPZ, PNG = (
    "application/json",
    "application/x-safetensors",
    "application/x-npz",
    "image/png",
)
PICTURE = (1, 3, 500, 700)


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[Compute]:
    settings = Settings(store_dir=tmp_path)
    store = ImageStore(tmp_path, quota=settings.store_bytes, days=settings.store_days)
    yield Compute(settings, Pictures(store, read_small, settings.decoded_bytes))
    gc.collect()


def spec_of(layers: list[Layer], shape: tuple[int, ...], dtype: str, seed: int = 5) -> Spec:
    x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return Spec(ArrayInput(x), tuple(layers), np.dtype(dtype))


def peak(work: Callable[[], object]) -> int:
    """Bytes allocated at the same time while `work` runs."""
    gc.collect()
    tracemalloc.start()
    try:
        result = work()
        del result
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


ATTEMPTS = 6


def check_foretold(told: int, run: Callable[[int], int], slack: float = 1.25) -> None:
    """Look that no run needs more than was told, and that one comes near it.

    How much of their work threads do at the same time is the machine's to say, so that a single
    run may need less. Every run has numbers of its own: what it computes is not kept from another.
    """
    most = 0
    for seed in range(ATTEMPTS):
        most = max(most, run(seed))
        if told <= slack * most + OVERHEAD_BYTES:
            break
    assert most <= told <= slack * most + OVERHEAD_BYTES


def made(name: str, *values: Any, **fields: Any) -> Layer:
    return LAYER_TYPES[name](*values, **fields)


def conv(filters: int = 3, size: Any = 3, **fields: Any) -> Layer:
    return made("conv2d", RandomKernel(filters, size), **fields)


SAME = {"padding": "same"}
STACK = [conv(8, **SAME), made("relu"), made("max_pool2d", 2), conv(4, stride=2)]
NETWORKS: dict[str, list[Layer]] = {
    "conv": [conv(**SAME)],
    "depthwise": [made("conv2d", np.ones((3, 3)), **SAME)],
    "stride": [conv(stride=2, padding=1)],
    "reflect": [conv(padding=1, padding_mode="reflect")],
    "wide": [conv(size=9, **SAME)],
    "frequencies": [conv(1, size=41, **SAME)],
    "transposed": [made("conv_transpose2d", RandomKernel(3, 3), stride=2)],
    "stack": STACK,
    "average": [made("avg_pool2d", 3, 1, 1), made("batch_norm", [0.0] * 3, [1.0] * 3)],
    "curves": [made("gelu"), made("leaky_relu"), made("softmax")],
    "classes": [made("avg_pool2d", 8), made("flatten"), made("dense", RandomWeight(9))],
    "none": [],
}
# How many threads transform tiles at the same time is theirs to say.
SLACK = {"frequencies": 2.5}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_peak_of_a_forward_pass_is_foretold(compute: Compute, name: str, dtype: str) -> None:
    how = writing(SAFETENSORS, Returning(), Rendering())

    def measured(seed: int) -> int:
        spec = spec_of(NETWORKS[name], PICTURE, dtype, seed)

        def work() -> bytes:
            run = compute.forward(spec, how)
            return write(forward_answer(spec, run, Returning()), SAFETENSORS, Rendering(), np.array)

        return peak(work) + spec.input.values.nbytes  # type: ignore[union-attr]

    told = compute.refuse(spec_of(NETWORKS[name], PICTURE, dtype)).forward_bytes(how)
    check_foretold(told, measured, SLACK.get(name, 1.25))


LOSSES: dict[str, Callable[[tuple[int, ...]], Loss]] = {
    "sum": lambda shape: Sum(),
    "l2": lambda shape: L2(),
    "mse": lambda shape: Mse(np.zeros(shape, np.float32)),
    "upstream": lambda shape: Upstream(np.ones(shape, np.float32)),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_peak_of_the_way_back_is_foretold(compute: Compute, name: str, loss: str) -> None:
    prospect = compute.refuse(spec_of(NETWORKS[name], PICTURE, "float32"))
    output = prospect.reports[-1].output_shape if prospect.reports else PICTURE
    assert output is not None
    chosen, returning = LOSSES[loss](output), Returning(max_side=300, dtype="uint8")
    how, wanted = writing(SAFETENSORS, returning, Rendering()), ("input",)

    def measured(seed: int) -> int:
        spec = spec_of(NETWORKS[name], PICTURE, "float32", seed)

        def work() -> bytes:
            result = compute.backward(spec, chosen, wanted, how)
            answer = backward_answer(result, returning)
            return write(answer, SAFETENSORS, Rendering(), np.array)

        return peak(work) + spec.input.values.nbytes  # type: ignore[union-attr]

    told = prospect.backward_bytes(chosen, wanted, how, compute.settings.prefix_bytes)
    check_foretold(told, measured, SLACK.get(name, 1.25))


RETURNED = {
    "json": (JSON, Returning()),
    "codes as json": (JSON, Returning(dtype="uint8")),
    "tensors": (SAFETENSORS, Returning()),
    "every layer": (SAFETENSORS, Returning(layers="all")),
    "one channel": (SAFETENSORS, Returning(channels=(0,))),
    "codes": (SAFETENSORS, Returning(dtype="uint8")),
    "double": (SAFETENSORS, Returning(dtype="float64")),
    "thumbnails": (JSON, Returning(layers=(0, -1), max_side=50)),
    "archive": (NPZ, Returning(dtype="uint16")),
    "picture": (PNG, Returning()),
    "no values": (JSON, Returning(values=False)),
}


@pytest.mark.parametrize("name", RETURNED)
def test_the_peak_follows_what_is_returned(compute: Compute, name: str) -> None:
    media_type, returning = RETURNED[name]
    layers = [made("relu"), conv(6, **SAME)]
    how = writing(media_type, returning, Rendering())

    def measured(seed: int) -> int:
        spec = spec_of(layers, PICTURE, "float32", seed)

        def work() -> bytes:
            run = compute.forward(spec, how)
            return write(forward_answer(spec, run, returning), media_type, Rendering(), np.array)

        return peak(work) + spec.input.values.nbytes  # type: ignore[union-attr]

    told = compute.refuse(spec_of(layers, PICTURE, "float32")).forward_bytes(how)
    check_foretold(told, measured, 1.3)


def test_gradients_of_kernels_and_maps_are_foretold(compute: Compute) -> None:
    wanted = ("layers.0.kernel", "layers.1.output", "layers.3.kernel")
    how = writing(SAFETENSORS, Returning(), Rendering())

    def measured(seed: int) -> int:
        spec = spec_of(STACK, PICTURE, "float32", seed)

        def work() -> bytes:
            result = compute.backward(spec, Sum(), wanted, how)
            return write(backward_answer(result, Returning()), SAFETENSORS, Rendering(), np.array)

        return peak(work) + spec.input.values.nbytes  # type: ignore[union-attr]

    prospect = compute.refuse(spec_of(STACK, PICTURE, "float32"))
    check_foretold(prospect.backward_bytes(Sum(), wanted, how, 2**30), measured)


def test_a_loss_of_classes_is_not_told_too_low(compute: Compute) -> None:
    spec = spec_of([made("relu")], (1, 20, 100, 200), "float32")
    loss, how = CrossEntropy(3), Writing(Returning(values=False))
    needed = peak(lambda: compute.backward(spec, loss, ("input",), how))
    assert compute.refuse(spec).backward_bytes(loss, ("input",), how, 0) >= needed


def test_what_is_not_there_needs_no_memory(compute: Compute) -> None:
    spec = spec_of([made("relu")], PICTURE, "float32")
    prospect, how = compute.refuse(spec), writing(SAFETENSORS, Returning(), Rendering())
    nothing = prospect.backward_bytes(Sum(), (), how, 0)
    assert prospect.backward_bytes(Sum(), ("layers.9.kernel",), how, 0) == nothing
    assert prospect.backward_bytes(Sum(), ("layers.x.kernel",), how, 0) > nothing


def test_a_gradient_of_a_photo_of_12_megapixels_is_within_the_limit(compute: Compute) -> None:
    kernel = np.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
    shape = (1, 3, 3000, 4000)
    x = np.broadcast_to(np.float32(0), shape)
    returning = Returning(max_side=1200, dtype="uint8")
    how = writing(SAFETENSORS, returning, Rendering())
    for kernel_form in (kernel, RandomKernel(3, 3)):
        spec = Spec(ArrayInput(x), (made("conv2d", kernel_form, **SAME),), np.dtype(np.float32))
        told = compute.refuse_backward(spec, Sum(), ("input",), how)
        assert told.backward_bytes(Sum(), ("input",), how, 2**28) < 700 * 2**20
    large = Spec(ArrayInput(x), tuple([made("relu")] * 8), np.dtype(np.float32))
    with pytest.raises(TooMuchWork):
        compute.refuse_backward(large, Sum(), ("input",), how)
