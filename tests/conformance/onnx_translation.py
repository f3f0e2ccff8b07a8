"""ONNX nodes in the words of the API."""

from collections.abc import Callable

import numpy as np

from tests.conformance.case import Array
from tests.conformance.onnx_node import Node, NotApplicable, Translation, spatial_axes
from tests.conformance.onnx_windows import avg_pool, conv, conv_transpose, max_pool


def translate(node: Node) -> Translation:
    """Return the network that computes a node.

    Raises:
        NotApplicable: There is none.
    """
    return TRANSLATIONS[node.op](node)


def _batch_norm(node: Node) -> Translation:
    if node.get("training_mode"):
        raise NotApplicable("batch normalisation that trains")
    spatial_axes(node.x)
    _, weight, bias, mean, variance = node.inputs
    statistics = {"mean": mean, "variance": variance, "weight": weight, "bias": bias}
    layer = {"type": "batch_norm", "eps": node.get("epsilon", 1e-5), **statistics}
    return Translation([layer], node.x)


def _gemm(node: Node) -> Translation:
    x = node.x.T if node.get("transA") else node.x
    weight = node.inputs[1] if node.get("transB") else node.inputs[1].T
    bias = node.optional(2)
    if bias is not None:
        if bias.ndim == 2 and bias.shape[0] > 1:
            raise NotApplicable("a bias for each row of a batch")
        bias = np.broadcast_to(bias.reshape(-1), (weight.shape[0],)) * node.get("beta", 1.0)
    layer = {"type": "dense", "weight": weight * node.get("alpha", 1.0), "bias": bias}
    return Translation([layer], x)


def _matmul(node: Node) -> Translation:
    if [array.ndim for array in node.inputs] != [2, 2]:
        raise NotApplicable("products of stacks of matrices")
    return Translation([{"type": "dense", "weight": node.inputs[1].T}], node.x)


def _picture(x: Array) -> Array:
    if x.ndim > 4:
        raise NotApplicable(f"{x.ndim} axes")
    return x.reshape((1,) * (4 - x.ndim) + x.shape)


def _maps(kind: str) -> Callable[[Node], Translation]:
    def translation(node: Node) -> Translation:
        spatial_axes(node.x)
        return Translation([{"type": kind}], node.x)

    return translation


def _pointwise(kind: str) -> Callable[[Node], Translation]:
    return lambda node: Translation([{"type": kind}], _picture(node.x))


def _only(name: str, value: object, kind: str) -> Callable[[Node], Translation]:
    """Translate a node whose attribute has a fixed value in the API."""

    def translation(node: Node) -> Translation:
        if node.get(name, value) != value:
            raise NotApplicable(f"{node.op} with {name} other than {value}")
        return _pointwise(kind)(node)

    return translation


def _leaky_relu(node: Node) -> Translation:
    layer = {"type": "leaky_relu", "slope": node.get("alpha", 0.01)}
    return Translation([layer], _picture(node.x))


def _prelu(node: Node) -> Translation:
    slope, channels = node.inputs[1], node.x.shape[1]
    # Before opset 7 a vector of slopes meant the channels; it now lines up with the last axis.
    by_channel = slope.shape == (channels,) if node.opset < 7 else False
    if slope.size != 1 and not by_channel:
        raise NotApplicable("PRelu with slopes that are not one a channel")
    return Translation([{"type": "prelu", "weight": slope.reshape(-1)}], node.x)


def _flatten(node: Node) -> Translation:
    if node.get("axis", 1) % node.x.ndim != 1:
        raise NotApplicable("Flatten from another axis than 1")
    return Translation([{"type": "flatten"}], node.x)


def _softmax(kind: str) -> Callable[[Node], Translation]:
    def translation(node: Node) -> Translation:
        axes = node.x.ndim
        axis = node.get("axis", -1 if node.opset >= 13 else 1) % axes
        if node.opset < 13 and axis != axes - 1:
            raise NotApplicable("softmax over several axes at once, as before opset 13")
        picture = _picture(node.x)
        return Translation([{"type": kind, "axis": axis + 4 - axes}], picture)

    return translation


def _cross_entropy(node: Node) -> Translation:
    if node.get("reduction", "mean") != "mean" or len(node.inputs) > 2:
        raise NotApplicable("cross-entropy that is weighted or not averaged")
    if "ignore_index" in node.attributes or node.x.ndim > 4:
        raise NotApplicable("cross-entropy that ignores a class or has more than 4 axes")
    loss = {"type": "cross_entropy", "target": node.inputs[1]}
    return Translation([{"type": "identity"}], node.x, loss)


PAD_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _pad(node: Node) -> Translation:
    """Pad with a convolution that does nothing else."""
    flat = node.get("pads") or [int(cells) for cells in node.inputs[1]]
    fill = node.get("value", 0.0) or (node.inputs[2] if len(node.inputs) > 2 else 0.0)
    if len(node.inputs) > 3 or len(flat) != 8 or any([*flat[:2], *flat[4:6]]) or fill:
        raise NotApplicable("padding of other axes than rows and cols, or with other than zeros")
    layer = {
        "type": "conv2d",
        "kernel": np.ones((1, 1), np.float32),
        "padding": [[flat[2], flat[6]], [flat[3], flat[7]]],
        "padding_mode": PAD_MODES[node.get("mode", "constant")],
    }
    return Translation([layer], node.x)


TRANSLATIONS: dict[str, Callable[[Node], Translation]] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AveragePool": avg_pool,
    "GlobalMaxPool": _maps("global_max_pool"),
    "GlobalAveragePool": _maps("global_avg_pool"),
    "BatchNormalization": _batch_norm,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Pad": _pad,
    "Relu": _pointwise("relu"),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Elu": _only("alpha", 1.0, "elu"),
    "Sigmoid": _pointwise("sigmoid"),
    "Tanh": _pointwise("tanh"),
    "Softplus": _pointwise("softplus"),
    "Gelu": _only("approximate", "none", "gelu"),
    "Swish": _only("alpha", 1.0, "silu"),
    "Abs": _pointwise("abs"),
    "Identity": _pointwise("identity"),
    "Flatten": _flatten,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "SoftmaxCrossEntropyLoss": _cross_entropy,
}
