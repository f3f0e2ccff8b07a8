"""Random weights: the distributions that networks begin with."""

import math

import numpy as np
from numpy.typing import NDArray

from app.engine.arguments import as_integer
from app.engine.errors import ParameterError

INITIALISERS = ("he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "normal", "uniform")


def random_kernel(
    shape: tuple[int, ...], init: str, seed: int, fan_in: int, fan_out: int
) -> NDArray[np.float64]:
    """Return random weights, shape `shape`.

    | init | distribution |
    | --- | --- |
    | he_normal | normal, standard deviation sqrt(2 / fan_in) |
    | he_uniform | uniform in ±sqrt(6 / fan_in) |
    | xavier_normal | normal, standard deviation sqrt(2 / (fan_in + fan_out)) |
    | xavier_uniform | uniform in ±sqrt(6 / (fan_in + fan_out)) |
    | normal | normal, mean 0, standard deviation 1 |
    | uniform | uniform in [0, 1) |

    Args:
        shape: Shape of the weights.
        init: One of `INITIALISERS`.
        seed: At least 0.
        fan_in: How many inputs one output sums; for a convolution C/groups · KH · KW.
        fan_out: How many outputs one input feeds; for a convolution O/groups · KH · KW.

    Raises:
        ParameterError: Unknown `init`, or a negative seed.

    Source: He et al. 2015, section 2.2 (arXiv:1502.01852); Glorot and Bengio 2010, equation 16.
    """
    check_random(init, seed)
    generator = np.random.default_rng(seed)
    if init == "normal":
        return generator.standard_normal(shape)
    if init == "uniform":
        return generator.random(shape)
    # Weights of no inputs are no numbers; dividing by their fan would fail all the same.
    fans = max(fan_in if init.startswith("he") else fan_in + fan_out, 1)
    if init.endswith("normal"):
        return generator.standard_normal(shape) * math.sqrt(2 / fans)
    return generator.uniform(-1, 1, shape) * math.sqrt(6 / fans)


def check_random(init: object, seed: object) -> None:
    """Raise ParameterError unless `init` is known and `seed` is an integer of at least 0."""
    if init not in INITIALISERS:
        legal = ", ".join(INITIALISERS)
        raise ParameterError(f"init {init!r} is unknown; legal are {legal}.", ("init",), legal)
    as_integer(seed, "seed", 0)
