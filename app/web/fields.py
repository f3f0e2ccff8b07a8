"""The value types of the network spec that JSON Schema alone cannot tell apart."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from app.engine.geometry import PADDING_NAMES
from app.engine.kernels import PRESETS, PresetKernel, RandomKernel, RandomWeight
from app.web.arrays import LARGEST, Array, ArrayContext, Path, fault, read_array, unexpected

MOST_INDICES = 100_000
STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

Index = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Axis = Annotated[int, Field(ge=-4, le=3)]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]
Initialiser = Literal[
    "he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "normal", "uniform"
]


class Strict(BaseModel):
    """Nothing is coerced, nothing unknown is passed over."""

    model_config = STRICT


def _integer(value: object, path: Path = ()) -> int:
    if type(value) is not int or abs(value) > LARGEST:
        raise unexpected(path)
    return value


def _integers(value: object, path: Path = ()) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise unexpected(path)
    return _integer(value[0], (*path, 0)), _integer(value[1], (*path, 1))


def _geometry(value: object) -> int | tuple[int, int]:
    return _integers(value) if isinstance(value, list) else _integer(value)


def _padding(value: object) -> int | str | tuple[Any, Any]:
    if isinstance(value, str):
        if value not in PADDING_NAMES:
            raise unexpected(found="another string")
        return value
    if isinstance(value, list) and any(isinstance(entry, list) for entry in value):
        if len(value) != 2:
            raise unexpected()
        return _integers(value[0], (0,)), _integers(value[1], (1,))
    return _geometry(value)


def _numbers_of(*dimensions: int) -> Callable[[object, ValidationInfo], Array]:
    def read(value: object, info: ValidationInfo) -> Array:
        return read_array(value, info.context or ArrayContext(), dimensions)

    return read


def integers(*words: str) -> Callable[[object], str | tuple[int, ...]]:
    """Return a reader of a list of integers, or of one of these words instead."""

    def read(value: object) -> str | tuple[int, ...]:
        if isinstance(value, str) and value in words:
            return value
        if not isinstance(value, list) or len(value) > MOST_INDICES:
            raise unexpected()
        return tuple(_integer(entry, (index,)) for index, entry in enumerate(value))

    return read


INTEGER: dict[str, Any] = {"type": "integer"}
PAIR: dict[str, Any] = {"type": "array", "items": INTEGER, "minItems": 2, "maxItems": 2}
INTEGERS: dict[str, Any] = {"type": "array", "items": INTEGER, "maxItems": MOST_INDICES}
TENSOR: dict[str, Any] = {
    "type": "object",
    "properties": {"tensor": {"type": "string"}},
    "required": ["tensor"],
    "additionalProperties": False,
    "description": "A tensor of the same request, by name.",
}


def _array_schema(*dimensions: int) -> WithJsonSchema:
    """Return the schema of nested lists of these depths, or of a tensor's name."""
    nested: list[dict[str, Any]] = [{"type": "number"}]
    for _ in range(max(dimensions)):
        nested.append({"type": "array", "items": nested[-1], "minItems": 1})
    return WithJsonSchema({"anyOf": [*(nested[count] for count in dimensions), TENSOR]})


Geometry = Annotated[Any, PlainValidator(_geometry), WithJsonSchema({"anyOf": [INTEGER, PAIR]})]
Padding = Annotated[
    Any,
    PlainValidator(_padding),
    WithJsonSchema(
        {
            "anyOf": [
                INTEGER,
                PAIR,
                {"type": "array", "items": PAIR, "minItems": 2, "maxItems": 2},
                {"enum": list(PADDING_NAMES)},
            ]
        }
    ),
]
Span = Annotated[Any, PlainValidator(_integers), WithJsonSchema(PAIR)]
Indices = Annotated[Any, PlainValidator(integers()), WithJsonSchema(INTEGERS)]
Values = Annotated[Any, PlainValidator(_numbers_of(0, 1, 2, 3, 4)), _array_schema(0, 1, 2, 3, 4)]
InputValues = Annotated[Any, PlainValidator(_numbers_of(1, 2, 3, 4)), _array_schema(1, 2, 3, 4)]
Vector = Annotated[Any, PlainValidator(_numbers_of(1)), _array_schema(1)]
NumberOrVector = Annotated[Any, PlainValidator(_numbers_of(0, 1)), _array_schema(0, 1)]
Matrix = Annotated[Any, PlainValidator(_numbers_of(2)), _array_schema(2)]


def told(expected: str) -> Any:
    """Describe a field so that its description can follow "Expected"."""
    return Field(description=expected)


class RandomKernelFields(Strict):
    """How many filters of which size, drawn how."""

    filters: Annotated[Index, told("an integer ≥ 1")]
    size: Annotated[Geometry, told("an integer ≥ 1, or in 2-D a pair (rows, cols)")] = 3
    init: Initialiser = "he_normal"
    seed: Seed = 0


class RandomKernelForm(Strict):
    """A kernel drawn from a seeded generator."""

    random: Annotated[
        RandomKernelFields, told("an object with the fields filters, size, init and seed")
    ]

    def to_engine(self) -> RandomKernel:
        """Return the engine's description of the kernel; nothing is drawn yet."""
        return RandomKernel(**dict(self.random))


class PresetForm(Strict):
    """A kernel of `GET /kernels`."""

    preset: Annotated[str, told("the name of a kernel of GET /kernels")]

    @field_validator("preset")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in PRESETS:
            raise fault(f"There is no kernel of this name; legal are {', '.join(PRESETS)}.")
        return name

    def to_engine(self) -> PresetKernel:
        """Return the engine's description of the kernel."""
        return PresetKernel(self.preset)


class RandomWeightFields(Strict):
    """How many features, drawn how."""

    features: Annotated[Index, told("an integer ≥ 1")]
    init: Initialiser = "he_normal"
    seed: Seed = 0


class RandomWeightForm(Strict):
    """Dense weights drawn from a seeded generator."""

    random: Annotated[RandomWeightFields, told("an object with the fields features, init and seed")]

    def to_engine(self) -> RandomWeight:
        """Return the engine's description of the weights; nothing is drawn yet."""
        return RandomWeight(**dict(self.random))


def _form(value: object) -> str:
    if isinstance(value, dict):
        forms = {"random": "drawn", "preset": "named"}
        return next((forms[name] for name in forms if name in value), "numbers")
    return "numbers"


ConvKernel = Annotated[
    Annotated[
        Any, PlainValidator(_numbers_of(1, 2, 3, 4)), _array_schema(1, 2, 3, 4), Tag("numbers")
    ]
    | Annotated[RandomKernelForm, Tag("drawn")]
    | Annotated[PresetForm, Tag("named")],
    Discriminator(_form),
    told('nested lists of numbers of 1 to 4 dimensions, {"preset": name} or {"random": {…}}'),
]
DenseWeight = Annotated[
    Annotated[Matrix, Tag("numbers")] | Annotated[RandomWeightForm, Tag("drawn")],
    Discriminator(_form),
    told('a matrix (O, I) as nested lists of numbers, or {"random": {…}}'),
]
