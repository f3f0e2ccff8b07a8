"""The single-node cases that the onnx package carries, put to the engine."""

import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import node as node_cases
from onnx.backend.test.loader import load_model_tests

from app.engine import network
from tests.conformance.case import Array, Case, Numbers
from tests.conformance.engine_subject import layer_of, loss_of
from tests.conformance.onnx_node import Node, NotApplicable
from tests.conformance.onnx_translation import TRANSLATIONS, translate
from tests.conformance.tally import Tally

# The package's modules by operator; importing one makes its cases, importing all takes long.
MODULES = [
    "abs", "averagepool", "batch_normalization", "conv", "convtranspose", "elu", "flatten", "gelu",
    "gemm", "globalaveragepool", "globalmaxpool", "identity", "leakyrelu", "logsoftmax", "matmul",
    "maxpool", "pad", "prelu", "relu", "sigmoid", "softmax", "softmax_cross_entropy_loss",
    "softplus", "swish", "tanh",
]  # fmt: skip
WAY = "ONNX, float32"
# Cases whose input and output stand in the source with four decimals each agree to so many.
ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 3}


def compare(tally: Tally) -> dict[str, list[str]]:
    """Judge every ONNX case; return the names of those without a counterpart, by reason."""
    left_out: dict[str, list[str]] = defaultdict(list)
    for name, node, expected in _cases():
        try:
            translation = translate(node)
        except NotApplicable as reason:
            left_out[str(reason)].append(name)
            continue
        case = Case(node.op, name, translation.layers, translation.x, translation.loss or {})
        output = "loss" if translation.loss else "output"
        lifted = expected.reshape((1,) * (case.x.ndim - node.x.ndim) + expected.shape)
        right = {output: _rounded(name, lifted).astype(np.float64)}
        tally.judge(WAY, case, "float32", right, _answer)
    return left_out


def _answer(case: Case) -> Numbers:
    layers = [layer_of(layer) for layer in case.layers]
    tape = network.forward(layers, case.x)
    if case.loss:
        return {"loss": np.asarray(network.backward(tape, loss_of(case.loss), ()).loss, np.float32)}
    return {"output": _rounded(case.name, tape.output)}


def _rounded(name: str, values: Array) -> Array:
    return values.round(ROUNDED[name]) if name in ROUNDED else values


def _cases() -> Iterator[tuple[str, Node, Array]]:
    """Yield name, node and expected first output of each case that is one node of a known op."""
    for module in MODULES:
        importlib.import_module(f"onnx.backend.test.case.node.{module}")
    for case in node_cases._NodeTestCases:
        inputs, outputs = case.data_sets[0]
        yield from _single(case.name, case.model, inputs, outputs)
    for kind in ("pytorch-converted", "pytorch-operator"):
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir)
            files = folder / "test_data_set_0"
            model = onnx.load(folder / "model.onnx")
            inputs, outputs = _arrays(files, "input"), _arrays(files, "output")
            yield from _single(case.name, model, inputs, outputs)


def _single(
    name: str, model: Any, inputs: list[Any], outputs: list[Any]
) -> Iterator[tuple[str, Node, Array]]:
    (node, *more), opset = model.graph.node, model.opset_import[0].version
    is_array = all(isinstance(value, np.ndarray | np.generic) for value in (*inputs, *outputs))
    if more or node.op_type not in TRANSLATIONS or not is_array or name.endswith("_expanded"):
        return
    attributes = {a.name: _text(onnx.helper.get_attribute_value(a)) for a in node.attribute}
    known = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    free = [i.name for i in model.graph.input if i.name not in known]
    known |= dict(zip(free, inputs, strict=True))
    given = [known[key] for key in node.input if key]
    yield name, Node(node.op_type, attributes, given, opset), np.asarray(outputs[0])


def _arrays(folder: Path, kind: str) -> list[Array]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    names = [folder / f"{kind}_{index}.pb" for index in range(count)]
    return [numpy_helper.to_array(onnx.load_tensor(name)) for name in names]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
