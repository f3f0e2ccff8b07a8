"""The layer types, one frozen dataclass each, with the field names of the network spec."""

from app.engine.layers.base import Bounds, Inference, Layer, Result
from app.engine.layers.convolutions import Conv1d, Conv2d
from app.engine.layers.global_pools import GlobalAvgPool, GlobalMaxPool
from app.engine.layers.pointwise import (
    Abs,
    Elu,
    Gelu,
    Identity,
    LeakyRelu,
    Prelu,
    Relu,
    Sigmoid,
    Silu,
    Softplus,
    Square,
    Tanh,
)
from app.engine.layers.pools import (
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from app.engine.layers.transposed import ConvTranspose1d, ConvTranspose2d
from app.engine.layers.vectors import BatchNorm, Dense, Flatten, LogSoftmax, Softmax
from app.engine.layers.view import View, Window

LAYER_TYPES: dict[str, type[Layer]] = {
    layer.type: layer
    for layer in (
        Conv2d,
        Conv1d,
        ConvTranspose2d,
        ConvTranspose1d,
        MaxPool2d,
        MaxPool1d,
        AvgPool2d,
        AvgPool1d,
        GlobalAvgPool,
        GlobalMaxPool,
        Relu,
        LeakyRelu,
        Prelu,
        Elu,
        Sigmoid,
        Tanh,
        Softplus,
        Gelu,
        Silu,
        Abs,
        Square,
        Identity,
        BatchNorm,
        Flatten,
        Dense,
        Softmax,
        LogSoftmax,
    )
}

__all__ = [
    "LAYER_TYPES",
    "Abs",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm",
    "Bounds",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dense",
    "Elu",
    "Flatten",
    "Gelu",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Identity",
    "Inference",
    "Layer",
    "LeakyRelu",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Prelu",
    "Relu",
    "Result",
    "Sigmoid",
    "Silu",
    "Softmax",
    "Softplus",
    "Square",
    "Tanh",
    "View",
    "Window",
]
