"""One layer of every type, with an input it reads, for the tests of networks."""

import numpy as np

from app.engine import layers as kinds
from app.engine.kernels import PresetKernel, RandomKernel, RandomWeight
from app.engine.layers import Layer

RNG = np.random.default_rng(23)
PICTURE = RNG.standard_normal((2, 4, 6, 7))
SEQUENCE = RNG.standard_normal((2, 4, 9))


def vector(size: int) -> np.ndarray:
    return RNG.standard_normal(size)


EVERY: dict[str, tuple[Layer, np.ndarray]] = {
    "conv2d": (
        kinds.Conv2d(RandomKernel(6, (3, 2), seed=1), vector(6), (2, 1), "same", groups=2),
        PICTURE,
    ),
    "conv2d_flipped": (
        kinds.Conv2d(RandomKernel(3, 3), None, 1, ((1, 2), (0, 1)), "reflect", (1, 2), flip=True),
        PICTURE,
    ),
    "conv2d_depthwise": (kinds.Conv2d(PresetKernel("sobel_x"), padding="full"), PICTURE),
    "conv2d_one_filter": (kinds.Conv2d(RNG.standard_normal((4, 2, 3)), [0.5]), PICTURE),
    "conv1d": (
        kinds.Conv1d(RandomKernel(2, 3), vector(2), 2, (2, 1), "circular", groups=2),
        SEQUENCE,
    ),
    "conv_transpose2d": (
        kinds.ConvTranspose2d(RandomKernel(6, (3, 2)), vector(6), (2, 3), 1, 1, groups=2),
        PICTURE,
    ),
    "conv_transpose1d": (kinds.ConvTranspose1d(RandomKernel(3, 3), None, 2, (1, 0)), SEQUENCE),
    "conv_transpose2d_depthwise": (kinds.ConvTranspose2d(PresetKernel("box"), stride=2), PICTURE),
    "max_pool2d": (kinds.MaxPool2d((3, 2), (2, 1), 1, ceil_mode=True), PICTURE),
    "max_pool1d": (kinds.MaxPool1d(3, 2, 1, 2), SEQUENCE),
    "avg_pool2d": (kinds.AvgPool2d(3, 2, 1, True, False), PICTURE),
    "avg_pool1d": (kinds.AvgPool1d(2, None, 1), SEQUENCE),
    "global_avg_pool": (kinds.GlobalAvgPool(), PICTURE),
    "global_max_pool": (kinds.GlobalMaxPool(), SEQUENCE),
    "relu": (kinds.Relu(), PICTURE),
    "leaky_relu": (kinds.LeakyRelu(0.2), PICTURE),
    "prelu": (kinds.Prelu(vector(4)), SEQUENCE),
    "elu": (kinds.Elu(), PICTURE),
    "sigmoid": (kinds.Sigmoid(), PICTURE),
    "tanh": (kinds.Tanh(), PICTURE),
    "softplus": (kinds.Softplus(), PICTURE),
    "gelu": (kinds.Gelu(), PICTURE),
    "silu": (kinds.Silu(), PICTURE),
    "abs": (kinds.Abs(), PICTURE),
    "square": (kinds.Square(), PICTURE),
    "identity": (kinds.Identity(), PICTURE),
    "batch_norm": (
        kinds.BatchNorm(vector(4), RNG.random(4) + 0.2, vector(4), vector(4), 0.01),
        PICTURE,
    ),
    "batch_norm_plain": (kinds.BatchNorm(vector(4), RNG.random(4) + 0.2), SEQUENCE),
    "batch_norm_numbers": (kinds.BatchNorm(0.3, 2.0, -1.5, [0.5, 1, -1, 2]), PICTURE),
    "flatten": (kinds.Flatten(), PICTURE),
    "dense": (kinds.Dense(RandomWeight(5, seed=3), vector(5)), PICTURE),
    "dense_vector": (kinds.Dense(RNG.standard_normal((3, 7))), RNG.standard_normal((2, 7))),
    "softmax": (kinds.Softmax(), PICTURE),
    "log_softmax": (kinds.LogSoftmax(-2), PICTURE),
}
