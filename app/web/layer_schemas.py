"""The network spec and what stands beside it, as strict models that become engine dataclasses."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

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
)


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
    bias: Vector | None = None
    stride: Geometry = 1
    padding: Padding = 0
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"
    dilation: Geometry = 1
    groups: Index = 1
    flip: bool = False


class ConvTranspose(LayerModel):
    """Transposed convolution: the adjoint of a convolution as a layer of its own."""

    type: Literal["conv_transpose2d", "conv_transpose1d"]
    kernel: ConvKernel
    bias: Vector | None = None
    stride: Geometry = 1
    padding: Padding = 0
    output_padding: Geometry = 0
    dilation: Geometry = 1
    groups: Index = 1


class MaxPool(LayerModel):
    """The largest value of each window."""

    type: Literal["max_pool2d", "max_pool1d"]
    size: Geometry
    stride: Geometry | None = None
    padding: Padding = 0
    dilation: Geometry = 1
    ceil_mode: bool = False


class AvgPool(LayerModel):
    """The mean of each window."""

    type: Literal["avg_pool2d", "avg_pool1d"]
    size: Geometry
    stride: Geometry | None = None
    padding: Padding = 0
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
    weight: NumberOrVector


class BatchNorm(LayerModel):
    """Batch normalisation with fixed statistics, as in inference."""

    type: Literal["batch_norm"]
    mean: Vector
    variance: Vector
    weight: Vector | None = None
    bias: Vector | None = None
    eps: float = 1e-5


class Dense(LayerModel):
    """A fully connected layer."""

    type: Literal["dense"]
    weight: DenseWeight
    bias: Vector | None = None


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
