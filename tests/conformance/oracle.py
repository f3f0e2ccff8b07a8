"""The right answer: PyTorch's autograd in float64."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tests.conformance.case import Array, Case, Numbers, Spec
from tests.conformance.torch_layers import APPLY, parameters

torch.set_num_threads(1)


def answer(case: Case) -> tuple[Case, Numbers]:
    """Return the case with its upstream gradient drawn, and every number it should give.

    Raises:
        Refused: The case is illegal by the API's rules.
    """
    x = leaf(case.x)
    weights: list[dict[str, Tensor]] = []
    outputs: list[Tensor] = []
    current = x
    for layer in case.layers:
        given = parameters(layer, current.shape[1])
        weights.append({key: leaf(value) for key, value in given.items()})
        current = APPLY[layer["type"]](layer, current, weights[-1])
        current.retain_grad()
        outputs.append(current)
    case = case.with_upstream(current.shape)
    loss = loss_of(case.loss, outputs)
    loss.backward()
    numbers = {f"layers.{index}": output for index, output in enumerate(outputs)}
    numbers["loss"] = loss
    sources = {"input": x}
    for index, output in enumerate(outputs):
        sources[f"layers.{index}.output"] = output
        sources |= {f"layers.{index}.{key}": value for key, value in weights[index].items()}
    for name in case.gradients:
        numbers[f"gradient of {name}"] = gradient(sources[name])
    return case, {name: value.detach().numpy() for name, value in numbers.items()}


def leaf(array: Array | Tensor) -> Tensor:
    """Return a float64 copy that collects a gradient."""
    return torch.tensor(np.asarray(array), dtype=torch.float64, requires_grad=True)


def gradient(tensor: Tensor) -> Tensor:
    """Return the gradient that arrived at a tensor; zeros where none did."""
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def loss_of(loss: Spec, outputs: list[Tensor]) -> Tensor:
    """Return the loss of the layers' outputs."""
    select = loss.get("select") or {}
    layer = select.get("layer")
    return LOSSES[loss["type"]](loss, part(outputs[-1 if layer is None else layer], select))


def part(output: Tensor, select: Spec) -> Tensor:
    """Return the part of an output that a loss looks at."""
    if select.get("channels") is not None:
        output = output[:, list(select["channels"])]
    if select.get("rows") is not None:
        output = output[:, :, slice(*select["rows"])]
    if select.get("cols") is not None:
        output = output[..., slice(*select["cols"])]
    return output


def _mse(loss: Spec, output: Tensor) -> Tensor:
    return functional.mse_loss(output, torch.tensor(loss["target"], dtype=torch.float64))


def _cross_entropy(loss: Spec, output: Tensor) -> Tensor:
    places = (output.shape[0], *output.shape[2:])
    target = torch.tensor(loss["target"], dtype=torch.int64).expand(places)
    return functional.cross_entropy(output, target)


def _upstream(loss: Spec, output: Tensor) -> Tensor:
    return (output * torch.tensor(loss["values"], dtype=torch.float64)).sum()


LOSSES: dict[str, Callable[[Spec, Tensor], Tensor]] = {
    "sum": lambda _, output: output.sum(),
    "mean": lambda _, output: output.mean(),
    "l2": lambda _, output: output.square().sum() / 2,
    "mse": _mse,
    "cross_entropy": _cross_entropy,
    "upstream": _upstream,
}
