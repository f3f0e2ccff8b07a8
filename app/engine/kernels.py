"""Kernels: the forms a caller may write, and what each of them is for an input."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.engine.arguments import as_extent, written
from app.engine.errors import EngineError, ParameterError, ShapeError
from app.engine.geometry import Pair, as_pair, as_single
from app.engine.initialisers import check_random, random_kernel
from app.engine.presets import PRESETS, Preset

__all__ = [
    "PRESETS",
    "KernelLike",
    "Preset",
    "PresetKernel",
    "RandomKernel",
    "RandomWeight",
    "WeightLike",
    "expand_kernel",
    "filters_by_itself",
    "full_kernel_shape",
    "real_array",
    "transposed_kernel_shape",
]


@dataclass(frozen=True)
class PresetKernel:
    """A kernel of `PRESETS`, by name."""

    name: str


@dataclass(frozen=True)
class RandomKernel:
    """Randomly initialised filters.

    Attributes:
        filters: How many filters, i.e. output channels.
        size: Kernel (rows, cols); one number stands for both.
        init: One of `INITIALISERS`.
        seed: The same seed gives the same numbers.
    """

    filters: int
    size: int | Pair | tuple[int]
    init: str = "he_normal"
    seed: int = 0


@dataclass(frozen=True)
class RandomWeight:
    """A randomly initialised weight matrix of a dense layer with `features` outputs."""

    features: int
    init: str = "he_normal"
    seed: int = 0


_MOST_WEIGHTS = 2**31  # on each channel

KernelLike = ArrayLike | PresetKernel | RandomKernel
WeightLike = ArrayLike | RandomWeight


def real_array(value: ArrayLike, field: str) -> NDArray[Any]:
    """Return `value` as an array of real numbers or booleans, without a copy where possible.

    Raises:
        ParameterError: It is ragged, or holds something else than real numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # NumPy's word for a ragged list
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiub":
        raise ParameterError(
            f"{field} must be an array of real numbers, every row as long as the others.",
            (field,),
            "an array of real numbers",
        )
    return array


def _written_shape(kernel: KernelLike, rank: int) -> tuple[int, ...]:
    if isinstance(kernel, PresetKernel):
        return _preset(kernel.name, rank).shape
    shape = real_array(kernel, "kernel").shape  # type: ignore[arg-type]
    if not rank <= len(shape) <= rank + 2:
        forms = _forms(rank)
        raise ShapeError(
            f"the kernel has {len(shape)} axes, shape {shape}; legal are {forms}.",
            ("kernel",),
            forms,
        )
    if 0 in shape:
        raise ShapeError(
            f"the kernel's shape {shape} has an empty axis; every axis must be at least 1.",
            ("kernel",),
            _forms(rank),
        )
    return shape


def _forms(rank: int) -> str:
    taps = "KH, KW" if rank == 2 else "K"
    return f"(O, C/groups, {taps}), (C, {taps}) and ({taps}{',' * (rank == 1)})"


def _preset(name: str, rank: int) -> NDArray[np.float64]:
    names = [n for n, preset in PRESETS.items() if preset.matrix.ndim == rank]
    if name not in names:
        legal = ", ".join(names)
        raise ParameterError(
            f"there is no {rank}-D preset kernel {name!r}; legal are {legal}.", ("kernel",), legal
        )
    return PRESETS[name].matrix


def _random_shape(kernel: RandomKernel, channels: int, groups: int, rank: int) -> tuple[int, ...]:
    try:
        filters = as_extent(kernel.filters, "filters", 1)
        check_random(kernel.init, kernel.seed)
        taps: tuple[int, ...] = (
            as_pair(kernel.size, "size", 1) if rank == 2 else (as_single(kernel.size, "size", 1),)
        )
        weights = filters * math.prod(taps)
        if weights > _MOST_WEIGHTS:
            raise ParameterError(
                f"size {written(kernel.size)} has {weights} weights on each channel for {filters} "
                f"filters, but there can be at most {_MOST_WEIGHTS}.",
                ("size",),
                f"at most {_MOST_WEIGHTS // filters} cells",
            )
    except EngineError as error:
        raise error.under("kernel", "random") from None
    return (filters, channels // groups, *taps)


def filters_by_itself(kernel: KernelLike, rank: int = 2) -> int | None:
    """Return how many filters O a convolution's kernel has whatever the input and the groups.

    Returns:
        O; None for the forms that are applied to each channel by itself.

    Raises:
        ParameterError, ShapeError: The kernel is illegal for every input.
    """
    if isinstance(kernel, RandomKernel):
        return _random_shape(kernel, 1, 1, rank)[0]
    shape = _written_shape(kernel, rank)
    return {rank + 2: shape[0], rank + 1: 1}.get(len(shape))


def full_kernel_shape(
    kernel: KernelLike, channels: int, groups: int, rank: int = 2
) -> tuple[tuple[int, ...], int]:
    """Return the full form's shape (O, C/groups, KH, KW) or (O, C/groups, K), and the groups.

    A depthwise kernel makes as many groups as there are channels.

    Args:
        kernel: Any form: rank+2 axes in full; rank+1 axes (C, …) for one filter across all
            channels; rank axes applied to each channel by itself; a preset (as rank axes); or
            random.
        channels: Channels C of the input.
        groups: The groups asked for; a divisor of C.
        rank: 2 for pictures, 1 for sequences.

    Raises:
        ParameterError: An unknown preset or initialiser.
        ShapeError: The shape does not fit the channels and groups.
    """
    if isinstance(kernel, RandomKernel):
        return _checked(_random_shape(kernel, channels, groups, rank), channels, groups)
    shape = _written_shape(kernel, rank)
    if len(shape) > rank:
        full = shape if len(shape) == rank + 2 else (1, *shape)
        return _checked(full, channels, groups)
    if groups not in (1, channels):
        raise ParameterError(
            f"groups is {groups}, but a kernel of shape {shape} is applied to each of the "
            f"{channels} channels by itself; legal are 1 and {channels}.",
            ("groups",),
            f"1 or {channels}",
        )
    return (channels, 1, *shape), channels


def _checked(shape: tuple[int, ...], channels: int, groups: int) -> tuple[tuple[int, ...], int]:
    if shape[1] * groups != channels:
        raise ShapeError(
            f"the kernel's shape {shape} has {shape[1]} on its channel axis, but the input has "
            f"C = {channels} channels in {groups} groups; legal is C/groups = {channels}/{groups}.",
            ("kernel",),
            f"{channels // groups} on the channel axis",
        )
    if shape[0] % groups:
        raise ShapeError(
            f"the kernel has {shape[0]} filters, which {groups} groups cannot share alike; legal "
            f"are multiples of {groups}.",
            ("kernel",),
            f"a multiple of {groups} filters",
        )
    return shape, groups


def transposed_kernel_shape(
    kernel: KernelLike, channels: int, groups: int, rank: int = 2
) -> tuple[tuple[int, ...], int]:
    """Return a transposed convolution's full kernel shape (C, O/groups, …), and the groups.

    rank+1 axes (C, …) make one output map; rank axes (or a preset) spread each channel by itself.

    Args:
        kernel: Any form.
        channels: Channels C of the input.
        groups: The groups asked for; a divisor of C.
        rank: 2 for pictures, 1 for sequences.

    Raises:
        ParameterError, ShapeError: As `full_kernel_shape`.
    """
    if isinstance(kernel, RandomKernel):
        # Checked as the convolution that has as many inputs as filters here.
        shape, _ = full_kernel_shape(kernel, channels, groups, rank)
        return (channels, shape[0] // groups, *shape[2:]), groups
    shape = _written_shape(kernel, rank)
    if len(shape) == rank:
        return full_kernel_shape(kernel, channels, groups, rank)
    full = shape if len(shape) == rank + 2 else (shape[0], 1, *shape[1:])
    if full[0] != channels:
        raise ShapeError(
            f"the kernel's shape {shape} begins with {full[0]}, but a transposed convolution's "
            f"kernel begins with the input's channels; legal is {channels}.",
            ("kernel",),
            f"{channels} first",
        )
    return full, groups


def expand_kernel(
    kernel: KernelLike, channels: int, groups: int = 1, rank: int = 2, transposed: bool = False
) -> tuple[NDArray[Any], int]:
    """Return the kernel in full form, shape (O, C/groups, KH, KW) or (O, C/groups, K), and groups.

    Args:
        kernel: Any form that `full_kernel_shape` knows.
        channels: Channels C of the input.
        groups: The groups asked for.
        rank: 2 for pictures, 1 for sequences.
        transposed: Whether the full form is (C, O/groups, …) instead.

    Raises:
        ParameterError, ShapeError: As `full_kernel_shape`.
    """
    rule = transposed_kernel_shape if transposed else full_kernel_shape
    shape, groups = rule(kernel, channels, groups, rank)
    if isinstance(kernel, RandomKernel):
        taps = math.prod(shape[2:])
        fan_out, fan_in = shape[0] // groups * taps, shape[1] * taps
        if transposed:
            fan_in, fan_out = fan_out, fan_in
        return random_kernel(shape, kernel.init, kernel.seed, fan_in, fan_out), groups
    if isinstance(kernel, PresetKernel):
        array: NDArray[Any] = _preset(kernel.name, rank)
    else:
        array = real_array(kernel, "kernel")
    return (array.reshape(shape) if array.ndim > rank else np.broadcast_to(array, shape)), groups
