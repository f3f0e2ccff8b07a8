"""Convolution networks in NumPy, forward and backward; knows nothing of pictures or HTTP."""

from app.engine.convolution import conv1d, conv1d_backward, conv2d, conv2d_backward
from app.engine.errors import EngineError, NetworkError, ParameterError, ShapeError
from app.engine.execution import ConvGradients
from app.engine.transposed import (
    conv_transpose1d,
    conv_transpose1d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
)

__all__ = [
    "ConvGradients",
    "EngineError",
    "NetworkError",
    "ParameterError",
    "ShapeError",
    "conv1d",
    "conv1d_backward",
    "conv2d",
    "conv2d_backward",
    "conv_transpose1d",
    "conv_transpose1d_backward",
    "conv_transpose2d",
    "conv_transpose2d_backward",
]
