"""The shapes of the answers, for the API's description; a test holds real answers against them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = float | None  # null where the number is not finite
Shape = list[int]
Pair = tuple[int, int]
Data = Annotated[Any, Field(description="Nested lists; null where a number is not finite.")]


class AnswerModel(BaseModel):
    """Nothing beyond these members."""

    model_config = ConfigDict(extra="forbid")


class Stats(AnswerModel):
    """One channel over the batch; the first four are of its finite values."""

    min: Number
    max: Number
    mean: Number
    std: Number
    zeros: int
    nonfinite: int


class ReceptiveFieldAnswer(AnswerModel):
    """What one unit sees of the input; `start` is the first unit's first cell."""

    size: Pair
    stride: Pair
    start: Pair


class Values(AnswerModel):
    """An array on its way out."""

    stats: list[Stats]
    data: Data = None
    data_shape: Annotated[
        Shape, Field(description="Shape of the array, where channels or max_side changed it.")
    ] = []
    scale: Annotated[
        list[float], Field(description="For uint8 and uint16, one a map in order of (n, channel).")
    ] = []
    offset: Annotated[
        list[float], Field(description="value = offset + scale · code; one a map, alike.")
    ] = []


class InputAnswer(AnswerModel):
    """The network's input."""

    shape: Shape


class LayerTold(AnswerModel):
    """What a layer does, told without values."""

    index: int
    type: str
    name: str | None
    input_shape: Shape | None
    output_shape: Shape | None
    padding: tuple[Pair, Pair] | None
    receptive_field: ReceptiveFieldAnswer | None
    parameters: int
    multiply_adds: int


class Algorithm(AnswerModel):
    """Which algorithm ran, and why."""

    name: str
    reason: str


class LayerAnswer(LayerTold, Values):
    """One layer of a forward pass."""

    algorithm: Algorithm
    elapsed_ms: float
    cached: Annotated[bool, Field(description="Whether the layer was known and not run again.")]


class ForwardAnswer(AnswerModel):
    """The answer of `POST /forward`."""

    input: InputAnswer
    layers: list[LayerAnswer]


class GradientAnswer(Values):
    """One gradient."""

    name: str
    shape: Shape


class BackwardAnswer(AnswerModel):
    """The answer of `POST /backward`."""

    loss: Number
    gradients: list[GradientAnswer]


class MisfitAnswer(AnswerModel):
    """A kernel or window that spans more than its padded input has, along one axis.

    `size` cells, `dilation` steps apart, take a `span` of the input, which has `padded` cells.
    """

    what: Literal["kernel", "window"]
    axis: Literal["rows", "cols", "length"]
    size: int
    dilation: int
    span: int
    padded: int
    legal_span: int


class LayerFault(AnswerModel):
    """What is illegal about a layer; the numbers of a misfit stand beside their sentence."""

    pointer: str
    detail: str
    legal: str
    misfit: MisfitAnswer | None = None


class LayerProspect(LayerTold):
    """What a layer would do, or what is wrong with it."""

    formula: str
    working_bytes: int
    legal: dict[str, str]
    errors: list[LayerFault]


class ShapesAnswer(AnswerModel):
    """The answer of `POST /shapes`; `estimated` bytes of memory stand beside their `limit`."""

    input: InputAnswer
    layers: list[LayerProspect]
    estimated: int
    limit: int


class FactorAnswer(AnswerModel):
    """One factor of a term, and where it stands."""

    name: str
    position: list[int]
    value: Number


class TermAnswer(AnswerModel):
    """One product."""

    left: FactorAnswer
    right: FactorAnswer
    product: Number
    padding: bool


class ExplainAnswer(AnswerModel):
    """The answer of `POST /explain`."""

    of: str
    layer: int
    position: list[int]
    terms: list[TermAnswer]
    bias: Number
    sum: Number
    value: Number


class CheckAnswer(AnswerModel):
    """One element of a gradient, computed in two ways."""

    index: list[int]
    analytic: Number
    numeric: Number
    absolute: Number
    relative: Number
    verdict: Literal["pass", "kink", "fail"]
    note: str


class GradcheckAnswer(AnswerModel):
    """The answer of `POST /gradcheck`."""

    wrt: str
    step: float
    verdict: Literal["pass", "fail"]
    checks: list[CheckAnswer]
