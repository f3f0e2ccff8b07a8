"""Whole networks, from the classics to ones drawn at random."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.conformance.case import Case, Spec, random_for

CLASSIFIED = {"type": "cross_entropy", "target": 2}


def cases() -> Iterator[Case]:
    """Yield all networks."""
    yield from _lenet()
    yield from _classifiers()
    yield from _autoencoder()
    yield from _sequences()
    for number in range(60):
        yield _drawn(number)


def _case(name: str, layers: list[Spec], shape: tuple[int, ...], *losses: Spec) -> Iterator[Case]:
    x = random_for(name).normal(size=shape)
    for loss in losses or ({"type": "upstream"}, {"type": "l2"}):
        yield Case("stack", f"{name}, {loss['type']}", layers, x, loss)


def _conv(
    random: np.random.Generator, filters: int, channels: int, *size: int, **fields: Any
) -> Spec:
    """Return a convolution whose output is about as large as its input."""
    kernel = random.normal(size=(filters, channels, *size)) / (channels * np.prod(size)) ** 0.5
    return {
        "type": "conv2d" if len(size) == 2 else "conv1d",
        "kernel": kernel,
        "bias": random.normal(size=filters) / 10,
        **fields,
    }


def _dense(random: np.random.Generator, outputs: int, inputs: int) -> Spec:
    weight = random.normal(size=(outputs, inputs)) / inputs**0.5
    return {"type": "dense", "weight": weight, "bias": random.normal(size=outputs) / 10}


def _norm(random: np.random.Generator, channels: int) -> Spec:
    return {
        "type": "batch_norm",
        "mean": random.normal(size=channels) / 4,
        "variance": random.uniform(0.5, 2, channels),
        "weight": random.normal(size=channels),
        "bias": random.normal(size=channels) / 4,
    }


def _lenet() -> Iterator[Case]:
    random = random_for("lenet")
    layers = [
        _conv(random, 6, 1, 5, 5, padding=2),
        {"type": "tanh"},
        {"type": "avg_pool2d", "size": 2},
        _conv(random, 16, 6, 5, 5),
        {"type": "tanh"},
        {"type": "avg_pool2d", "size": 2},
        {"type": "flatten"},
        _dense(random, 30, 16 * 5 * 7),
        {"type": "tanh"},
        _dense(random, 10, 30),
    ]
    losses: list[Spec] = [CLASSIFIED, {"type": "sum", "select": {"channels": [7]}}, {"type": "l2"}]
    yield from _case("LeNet", layers, (2, 1, 28, 36), *losses)


def _classifiers() -> Iterator[Case]:
    random = random_for("vgg")
    vgg = [
        _conv(random, 8, 3, 3, 3, padding="same"),
        {"type": "relu"},
        _conv(random, 8, 8, 3, 3, padding="same", padding_mode="reflect"),
        {"type": "relu"},
        {"type": "max_pool2d", "size": 2},
        _conv(random, 16, 8, 3, 3, padding=1),
        {"type": "relu"},
        {"type": "max_pool2d", "size": 3, "stride": 2, "ceil_mode": True, "padding": 1},
        _dense(random, 5, 16 * 6 * 7),
    ]
    yield from _case("VGG-like", vgg, (2, 3, 20, 27), CLASSIFIED, {"type": "upstream"})
    random = random_for("mobilenet")
    mobilenet = [
        _conv(random, 8, 3, 3, 3, stride=2, padding="same"),
        _norm(random, 8),
        {"type": "silu"},
        _conv(random, 8, 1, 3, 3, groups=8, padding=1),
        _norm(random, 8),
        {"type": "gelu"},
        _conv(random, 12, 8, 1, 1),
        {"type": "global_avg_pool"},
        {"type": "flatten"},
        _dense(random, 4, 12),
        {"type": "log_softmax"},
    ]
    yield from _case("MobileNet-like", mobilenet, (3, 3, 17, 22))


def _autoencoder() -> Iterator[Case]:
    random = random_for("autoencoder stack")
    layers = [
        _conv(random, 6, 2, 4, 3, stride=2, padding=1),
        {"type": "leaky_relu"},
        _conv(random, 9, 2, 3, 3, dilation=2, padding="same", groups=3),
        {"type": "prelu", "weight": random.uniform(0, 0.5, 9)},
        {
            "type": "conv_transpose2d",
            "kernel": random.normal(size=(9, 2, 4, 3)) / 6,
            "stride": 2,
            "padding": 1,
            "output_padding": (1, 0),
        },
        {"type": "sigmoid"},
    ]
    yield from _case("autoencoder", layers, (2, 2, 13, 19))


def _sequences() -> Iterator[Case]:
    random = random_for("wavenet")
    layers = [
        _conv(random, 4, 2, 3, padding=[2, 0]),
        {"type": "tanh"},
        _conv(random, 4, 4, 3, padding=[4, 0], dilation=2),
        {"type": "softplus"},
        {"type": "max_pool1d", "size": 3, "stride": 2, "padding": 1},
        _conv(random, 6, 4, 5, stride=2, padding="same", padding_mode="circular"),
        {"type": "avg_pool1d", "size": 2, "ceil_mode": True},
        {"type": "global_max_pool"},
        _dense(random, 3, 6),
    ]
    yield from _case("WaveNet-like", layers, (2, 2, 37), CLASSIFIED, {"type": "upstream"})


def _drawn(number: int) -> Case:
    """A network of two to six random layers that keep the map large enough for the next."""
    random = random_for("drawn", number)
    channels = int(random.integers(1, 5))
    x = random.normal(size=(int(random.integers(1, 3)), channels, 19, 24))
    layers: list[Spec] = []
    for _ in range(random.integers(2, 7)):
        layer, channels = _random_layer(random, channels)
        layers.append(layer)
    return Case("stack", f"drawn network {number}", layers, x)


def _random_layer(random: np.random.Generator, channels: int) -> tuple[Spec, int]:
    kind = random.integers(6)
    if kind < 2:
        filters, rows, cols = (int(n) for n in random.integers(1, 5, 3))
        mode = random.choice(["zeros", "reflect", "replicate", "circular"])
        padding = ["same", "same_lower", [[1, 0], [0, 2]]][random.integers(3)]
        conv = _conv(random, filters, channels, rows, cols, padding=padding, padding_mode=str(mode))
        return {**conv, "flip": bool(random.integers(2))}, filters
    if kind == 2:
        plain = ["relu", "abs", "square", "elu", "gelu", "silu", "tanh", "softplus", "identity"]
        return {"type": str(random.choice(plain))}, channels
    if kind == 3:
        op = str(random.choice(["max_pool2d", "avg_pool2d"]))
        return {"type": op, "size": [3, 2], "stride": [1, 2], "padding": [1, 0]}, channels
    if kind == 4:
        return _norm(random, channels), channels
    filters = int(random.integers(1, 4))
    kernel = random.normal(size=(channels, filters, 2, 3)) / (2 * channels) ** 0.5
    return {"type": "conv_transpose2d", "kernel": kernel, "padding": (0, 1)}, filters
