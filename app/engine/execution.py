"""Running a resolved convolution: padding, the chosen algorithm, bias, and the way back."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from app.engine import adjoint, plan
from app.engine.errors import ParameterError
from app.engine.padding import extend, fold
from app.engine.problem import Array
from app.engine.setting import Setting

ALL_GRADIENTS = ("input", "kernel", "bias")


@dataclass(frozen=True)
class ConvGradients:
    """Gradients of a convolution; None where one was not asked for."""

    input: Array | None = None
    kernel: Array | None = None
    bias: Array | None = None

    def without_rows(self) -> "ConvGradients":
        """Return the gradients of the 1-D call that was computed as pictures one row high."""
        return ConvGradients(
            None if self.input is None else self.input[:, :, 0],
            None if self.kernel is None else self.kernel[:, :, 0],
            self.bias,
        )


def check_wanted(wanted: Collection[str]) -> None:
    """Raise ParameterError where `wanted` names something else than input, kernel and bias."""
    for name in wanted:
        if name not in ALL_GRADIENTS:
            legal = ", ".join(ALL_GRADIENTS)
            raise ParameterError(
                f"wanted names {name!r}; legal names are {legal}.", ("wanted",), legal
            )


def convolve(setting: Setting, x: Array, kernel: Array, bias: Array | None) -> Array:
    """Return the feature maps of pictures x, shape (N, O, OH, OW)."""
    problem = setting.problem
    if setting.mode != "zeros":
        x = extend(x, setting.padding, setting.mode)
    if setting.flip:
        kernel = kernel[:, :, ::-1, ::-1]
    out = np.empty(problem.output_shape, problem.dtype)
    with np.errstate(all="ignore"):
        plan.run(problem, x, kernel, bias, out)
    return out


def gradients(
    setting: Setting, upstream: Array, x: Array, kernel: Array, wanted: Collection[str]
) -> ConvGradients:
    """Return the wanted gradients, given that of the loss with respect to the feature maps."""
    check_wanted(wanted)
    return ConvGradients(
        input_gradient(setting, upstream, kernel) if "input" in wanted else None,
        kernel_gradient(setting, x, upstream) if "kernel" in wanted else None,
        bias_gradient(upstream) if "bias" in wanted else None,
    )


def bias_gradient(upstream: Array) -> Array:
    """Return the sum of the upstream gradient over each map, shape (O,)."""
    with np.errstate(all="ignore"):
        grad: Array = upstream.sum(axis=(2, 3)).sum(axis=0)
    return grad


def input_gradient(setting: Setting, upstream: Array, kernel: Array) -> Array:
    """Return the gradient with respect to the unpadded input."""
    problem = setting.problem
    if setting.flip:
        kernel = kernel[:, :, ::-1, ::-1]
    grad = np.empty(problem.x_shape, problem.dtype)
    with np.errstate(all="ignore"):
        adjoint.input_gradient(problem, upstream, kernel, grad)
    return grad if setting.mode == "zeros" else fold(grad, setting.padding, setting.mode)


def kernel_gradient(setting: Setting, x: Array, upstream: Array) -> Array:
    """Return the gradient with respect to the kernel as the caller gave it."""
    if setting.mode != "zeros":
        x = extend(x, setting.padding, setting.mode)
    with np.errstate(all="ignore"):
        grad = plan.kernel_gradient(setting.problem, x, upstream)
    if setting.flip:
        grad = grad[:, :, ::-1, ::-1]
    return np.ascontiguousarray(grad, setting.problem.dtype)
