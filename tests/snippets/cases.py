"""Networks whose snippets are run, a fact of a layer each; no input is square or symmetric."""

from typing import Any

import numpy as np

Spec = dict[str, Any]
random = np.random.default_rng(11)


def drawn(*shape: int) -> Any:
    """Numbers with two decimals, as a person would type them."""
    return np.round(random.normal(size=shape), 2).tolist()


MATRIX = {"array": drawn(9, 12)}
COLOUR = {"array": drawn(1, 3, 8, 11)}
SIGNAL = {"array": drawn(2, 13)}
KERNEL = drawn(3, 2)


def conv(**fields: Any) -> Spec:
    return {"type": "conv2d", "kernel": KERNEL, **fields}


PLAIN: dict[str, tuple[Spec, list[Spec]]] = {
    "same": (MATRIX, [conv(padding="same")]),
    "stride and uneven padding": (
        MATRIX,
        [conv(stride=[2, 3], padding=[[2, 0], [1, 3]], bias=[0.25])],
    ),
    "reflect": (MATRIX, [conv(padding="full", padding_mode="reflect")]),
    "replicate": (MATRIX, [conv(padding=[3, 2], padding_mode="replicate", stride=2)]),
    "circular": (MATRIX, [conv(padding=[[1, 2], [0, 4]], padding_mode="circular")]),
    "dilation": (MATRIX, [conv(dilation=[2, 3], padding=3)]),
    "flip": (MATRIX, [conv(flip=True, padding="same_lower")]),
    "one matrix for every channel": (COLOUR, [conv(padding="keep", stride=2)]),
    "filters across channels": (
        COLOUR,
        [{"type": "conv2d", "kernel": drawn(4, 3, 3, 2), "bias": drawn(4), "padding": 1}],
    ),
    "groups": (
        {"array": drawn(1, 4, 7, 6)},
        [{"type": "conv2d", "kernel": drawn(6, 2, 2, 3), "groups": 2, "flip": True}],
    ),
    "random weights and two layers": (
        COLOUR,
        [
            {"type": "conv2d", "kernel": {"random": {"filters": 5, "size": [3, 2]}}, "padding": 1},
            {"type": "tanh"},
            {
                "type": "conv2d",
                "kernel": {
                    "random": {"filters": 4, "size": [2, 2], "init": "xavier_uniform", "seed": 3}
                },
            },
        ],
    ),
    "random weights of a transposed layer": (
        COLOUR,
        [
            {
                "type": "conv_transpose2d",
                "kernel": {"random": {"filters": 4, "size": [3, 2], "init": "he_uniform"}},
                "stride": 2,
            },
            {
                "type": "conv_transpose2d",
                "kernel": {"random": {"filters": 6, "size": 2, "init": "xavier_normal", "seed": 2}},
                "groups": 2,
            },
        ],
    ),
    "max pooling": (MATRIX, [{"type": "max_pool2d", "size": [2, 3], "stride": 2, "padding": 1}]),
    "max pooling, dilated and rounded up": (
        MATRIX,
        [{"type": "max_pool2d", "size": 2, "stride": 3, "dilation": [2, 3], "ceil_mode": True}],
    ),
    "average pooling": (MATRIX, [{"type": "avg_pool2d", "size": [3, 2], "padding": 1}]),
    "average pooling, rounded up": (
        MATRIX,
        [{"type": "avg_pool2d", "size": [2, 5], "stride": 3, "padding": [1, 2], "ceil_mode": True}],
    ),
    "average pooling without padding in the mean": (
        MATRIX,
        [{"type": "avg_pool2d", "size": 3, "padding": 1, "count_include_pad": False}],
    ),
    "global pools": (COLOUR, [{"type": "global_avg_pool"}]),
    "global maximum": (COLOUR, [{"type": "global_max_pool"}]),
    "1-D": (
        SIGNAL,
        [
            {
                "type": "conv1d",
                "kernel": drawn(3, 2, 4),
                "bias": drawn(3),
                "padding": "same",
                "flip": True,
            },
            {"type": "max_pool1d", "size": 2, "padding": 1},
            {"type": "avg_pool1d", "size": 2, "stride": 1},
        ],
    ),
    "dense": (
        COLOUR,
        [
            {
                "type": "batch_norm",
                "mean": drawn(3),
                "variance": [0.5, 2, 1],
                "weight": [1, -2, 3],
            },
            {"type": "flatten"},
            {"type": "batch_norm", "mean": -0.25, "variance": 0.5, "weight": 2, "bias": -1},
            {"type": "dense", "weight": {"random": {"features": 6}}, "bias": drawn(6)},
            {"type": "log_softmax"},
        ],
    ),
    "transposed, then a convolution": (
        COLOUR,
        [
            {
                "type": "conv_transpose2d",
                "kernel": drawn(3, 2, 3, 2),
                "bias": drawn(2),
                "stride": [2, 3],
                "padding": [[1, 0], [0, 1]],
                "output_padding": [1, 0],
            },
            conv(),
        ],
    ),
    "transposed in groups, of signals": (
        SIGNAL,
        [
            {
                "type": "conv_transpose1d",
                "kernel": drawn(2, 2, 3),
                "stride": 2,
                "padding": 1,
                "dilation": 3,
                "output_padding": 2,
                "groups": 2,
            }
        ],
    ),
    "a photo, small and coloured": (
        {"sample": "cat", "color": "rgb", "range": "signed", "max_side": 40},
        [conv(padding="same")],
    ),
    "a photo in gray": ({"sample": "cat", "color": "gray"}, [conv(padding=1, stride=5)]),
    "softmax over channels": (COLOUR, [{"type": "softmax"}]),
    "slopes": (
        COLOUR,
        [
            {"type": "leaky_relu", "slope": 0.2},
            {"type": "prelu", "weight": [0.1, 0.5, -1]},
            {"type": "prelu", "weight": 0.25},
        ],
    ),
}
POINTWISE = "relu elu sigmoid tanh softplus gelu silu abs square identity"
for name in POINTWISE.split():
    PLAIN[name] = (COLOUR, [{"type": name}, conv()])


def losses(rows: int, cols: int) -> list[Spec]:
    """Losses of the first layer's maps, which have this many rows and columns."""
    unit = {"rows": [rows // 2, rows // 2 + 1], "cols": [0, max(1, cols // 2)]}
    return [
        {"type": "l2"},
        {"type": "sum", "select": {"layer": 0, "channels": [0], **unit}},
        {"type": "mean", "select": {"layer": 0}},
    ]


SMALL_CAT = {"sample": "cat", "color": "gray", "max_side": 12}
TARGETS: dict[str, tuple[Spec, list[Spec], Spec]] = {
    "numbers to come to": (MATRIX, [conv(padding="same")], {"target": drawn(1, 1, 9, 12)}),
    "a picture to come to": (SMALL_CAT, [conv(padding="same")], {"target": SMALL_CAT}),
}
