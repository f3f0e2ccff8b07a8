"""The network spec and what stands beside it, as strict models that become engine dataclasses."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from app.engine.geometry import PADDING_NAMES
from app.engine.layers import LAYER_TYPES, Layer
from app.web.fields import (
    Axis,
    ConvKernel,
    DenseWeight,
    Geometry,
    Index,
    NumberOrVector,
    Padding,
    PresetForm,
    RandomKernelForm,
    RandomWeightForm,
    Strict,
    Vector,
    told,
)

STRIDE = told("an integer ≥ 1, or in 2-D a pair (rows, cols) of them")
POOL_STRIDE = told("null, an integer ≥ 1, or in 2-D a pair (rows, cols) of them")
CONV_PADDING = told(
    f"an integer ≥ 0, a pair, [[top, bottom], [left, right]], or one of {', '.join(PADDING_NAMES)}"
)
TRANSPOSED_PADDING = told("an integer ≥ 0, a pair, [[top, bottom], [left, right]], or valid (none)")
OUTPUT_PADDING = told(
    "an integer from 0, less than the larger of stride and dilation, "
    "or in 2-D a pair (rows, cols) of them"
)
POOL_PADDING = told("an integer from 0 to size/2, or in 2-D a pair (rows, cols) of them")
GROUPS = told("an integer ≥ 1 that divides the channels")
BIAS = told("null, or a list of numbers, one an output channel")
PER_CHANNEL = told("a number, or a list of numbers, one a channel")
MAYBE_PER_CHANNEL = told("null, a number, or a list of numbers, one a channel")


class LayerModel(Strict):
    """What every layer may carry."""

    name: Annotated[str, Field(max_length=100)] | None = None

    def to_engine(self) -> Layer:
        """Return the engine's dataclass of the same fields."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        layer_type = LAYER_TYPES[fields.pop("type")]
        for name, value in fields.items():
            if isinstance(value, RandomKernelForm | RandomWeightForm | PresetForm):
                fields[name] = value.to_engine()
        return layer_type(**fields)


class Conv(LayerModel):
    """Cross-correlation, or with `flip` mathematical convolution."""

    type: Literal["conv2d", "conv1d"]
    kernel: ConvKernel
    bias: Annotated[Vector | None, BIAS] = None
    stride: Annotated[Geometry, STRIDE] = 1
    padding: Annotated[Padding, CONV_PADDING] = 0
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"
    dilation: Annotated[Geometry, STRIDE] = 1
    groups: Annotated[Index, GROUPS] = 1
    flip: bool = False


class ConvTranspose(LayerModel):
    """Transposed convolution: the adjoint of a convolution as a layer of its own."""

    type: Literal["conv_transpose2d", "conv_transpose1d"]
    kernel: ConvKernel
    bias: Annotated[Vector | None, BIAS] = None
    stride: Annotated[Geometry, STRIDE] = 1
    padding: Annotated[Padding, TRANSPOSED_PADDING] = 0
    output_padding: Annotated[Geometry, OUTPUT_PADDING] = 0
    dilation: Annotated[Geometry, STRIDE] = 1
    groups: Annotated[Index, GROUPS] = 1


class MaxPool(LayerModel):
    """The largest value of each window."""

    type: Literal["max_pool2d", "max_pool1d"]
    size: Annotated[Geometry, STRIDE]
    stride: Annotated[Geometry | None, POOL_STRIDE] = None
    padding: Annotated[Geometry, POOL_PADDING] = 0
    dilation: Annotated[Geometry, STRIDE] = 1
    ceil_mode: bool = False


class AvgPool(LayerModel):
    """The mean of each window."""

    type: Literal["avg_pool2d", "avg_pool1d"]
    size: Annotated[Geometry, STRIDE]
    stride: Annotated[Geometry | None, POOL_STRIDE] = None
    padding: Annotated[Geometry, POOL_PADDING] = 0
    ceil_mode: bool = False
    count_include_pad: bool = True


class Plain(LayerModel):
    """A layer without parameters."""

    type: Literal[
        "global_avg_pool",
        "global_max_pool",
        "relu",
        "elu",
        "sigmoid",
        "tanh",
        "softplus",
        "gelu",
        "silu",
        "abs",
        "square",
        "identity",
        "flatten",
    ]


class LeakyRelu(LayerModel):
    """x where positive, slope · x elsewhere."""

    type: Literal["leaky_relu"]
    slope: float = 0.01


class Prelu(LayerModel):
    """Leaky ReLU with a slope that is learned: one number, or one a channel."""

    type: Literal["prelu"]
    weight: Annotated[NumberOrVector, PER_CHANNEL]


class BatchNorm(LayerModel):
    """Batch normalisation with fixed statistics, as in inference."""

    type: Literal["batch_norm"]
    mean: Annotated[NumberOrVector, PER_CHANNEL]
    variance: Annotated[NumberOrVector, PER_CHANNEL]
    weight: Annotated[NumberOrVector | None, MAYBE_PER_CHANNEL] = None
    bias: Annotated[NumberOrVector | None, MAYBE_PER_CHANNEL] = None
    eps: Annotated[float, told("a number ≥ 0")] = 1e-5


class Dense(LayerModel):
    """A fully connected layer."""

    type: Literal["dense"]
    weight: DenseWeight
    bias: Annotated[Vector | None, told("null, or a list of numbers, one an output")] = None


class Softmax(LayerModel):
    """Softmax or its logarithm along one axis."""

    type: Literal["softmax", "log_softmax"]
    axis: Axis = 1


AnyLayer = Annotated[
    Conv
    | ConvTranspose
    | MaxPool
    | AvgPool
    | Plain
    | LeakyRelu
    | Prelu
    | BatchNorm
    | Dense
    | Softmax,
    Discriminator("type"),
]
