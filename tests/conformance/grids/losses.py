"""Every loss, with every kind of selection, on maps, sequences and vectors."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from tests.conformance.case import Case, Spec, random_for

SELECTED_2D: list[Spec | None] = [
    None,
    {},
    {"channels": [1]},
    {"channels": [3, 0]},
    {"rows": [1, 3]},
    {"cols": [2, 5]},
    {"channels": [2], "rows": [1, 2], "cols": [3, 4]},
    {"layer": 0},
    {"layer": 1, "channels": [1], "rows": [2, 6], "cols": [0, 3]},
    {"layer": 2, "rows": [0, 2]},
]
SELECTED_1D: list[Spec | None] = [None, {"channels": [2, 1]}, {"cols": [1, 4]}, {"layer": 0}]
SELECTED_0D: list[Spec | None] = [None, {"channels": [2]}, {"channels": [4, 0]}, {"layer": 0}]


def cases() -> Iterator[Case]:
    """Yield all loss cases."""
    nets = [
        (_pictures(), (2, 3, 8, 11), (2, 4, 3, 5), SELECTED_2D),
        (_sequences(), (3, 2, 15), (3, 4, 6), SELECTED_1D),
        (_vectors(), (4, 7), (4, 5), SELECTED_0D),
    ]
    for layers, x_shape, output_shape, selections in nets:
        random = random_for("losses", x_shape)
        x = random.normal(size=x_shape)
        for kind, select in product(["sum", "mean", "l2"], selections):
            loss: dict[str, Any] = {"type": kind}
            if select is not None:
                loss["select"] = select
            yield Case(f"loss {kind}", f"{kind} of {select} of {x_shape}", layers, x, loss)
        target = random.normal(size=output_shape)
        mse = {"type": "mse", "target": target}
        yield Case("loss mse", f"mse of {x_shape}", layers, x, mse)
        for target_class in range(output_shape[1]):
            loss = {"type": "cross_entropy", "target": target_class}
            name = f"cross_entropy {target_class} of {x_shape}"
            yield Case("loss cross_entropy", name, layers, x, loss)
        places = (output_shape[0], *output_shape[2:])
        classes = random.integers(output_shape[1], size=places)
        loss = {"type": "cross_entropy", "target": classes}
        yield Case("loss cross_entropy", f"cross_entropy of {x_shape}", layers, x, loss)
        yield Case("loss upstream", f"upstream of {x_shape}", layers, x)
        values = {"type": "upstream", "values": random.normal(size=output_shape)}
        yield Case("loss upstream", f"given upstream of {x_shape}", layers, x, values)
    yield from _autoencoder()
    yield from _one_hot()


def _pictures() -> list[Spec]:
    random = random_for("loss of pictures")
    return [
        {"type": "conv2d", "kernel": random.normal(size=(4, 3, 3, 2)), "padding": "same"},
        {"type": "tanh"},
        {"type": "avg_pool2d", "size": [2, 3], "stride": 2, "ceil_mode": False},
        {"type": "conv2d", "kernel": random.normal(size=(4, 2, 2, 1)), "groups": 2},
    ]


def _sequences() -> list[Spec]:
    random = random_for("loss of sequences")
    return [
        {"type": "conv1d", "kernel": random.normal(size=(4, 2, 4)), "stride": 2},
        {"type": "sigmoid"},
    ]


def _vectors() -> list[Spec]:
    random = random_for("loss of vectors")
    return [
        {"type": "dense", "weight": random.normal(size=(6, 7)), "bias": random.normal(size=6)},
        {"type": "elu"},
        {"type": "dense", "weight": random.normal(size=(5, 6))},
    ]


def _autoencoder() -> Iterator[Case]:
    """The target is the picture itself, as it is for an autoencoder."""
    random = random_for("autoencoder")
    x = random.normal(size=(2, 3, 7, 9))
    down, up = random.normal(size=(5, 3, 3, 3)), random.normal(size=(5, 3, 3, 3))
    layers: list[Spec] = [
        {"type": "conv2d", "kernel": down, "stride": 2},
        {"type": "silu"},
        {"type": "conv_transpose2d", "kernel": up, "stride": 2},
    ]
    yield Case("loss mse", "mse to the input", layers, x, {"type": "mse", "target": x})


def _one_hot() -> Iterator[Case]:
    """Confident scores, right and wrong."""
    x = random_for("one hot").normal(size=(3, 6)) * 40
    identity = [{"type": "dense", "weight": random_for("one hot weight").normal(size=(6, 6))}]
    for target in range(6):
        loss = {"type": "cross_entropy", "target": target}
        yield Case("loss cross_entropy", f"confident scores, class {target}", identity, x, loss)
