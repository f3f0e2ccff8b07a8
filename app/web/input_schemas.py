"""Inputs of a network as strict models: a picture by name, numbers, or a shape alone."""

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from app.service.specs import ArrayInput, Input, PictureInput, ShapeInput
from app.web.arrays import LARGEST, fault
from app.web.fields import InputValues, Strict, told

MOST_SIDE = 16_384
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Size = Annotated[int, Field(ge=0, le=LARGEST)]
Name = Annotated[str, Field(max_length=128)]
Position = Annotated[int, Field(ge=0, le=LARGEST)]
MOST_NUMBERS = 2**40
# More entries than any list of objects or sides has; lists of numbers are read otherwise.
LONGEST_LIST = 100_000
PICTURE_FIELDS = {"color", "range", "max_side"}


def as_tuple(value: object) -> object:
    """Let strict tuples be written the only way JSON can: as lists, and none of them endless."""
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        raise fault(f"The list has {len(value)} entries; at most {LONGEST_LIST} are legal.")
    return tuple(value) if isinstance(value, list) else value


def _countable(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse shapes whose numbers nobody could count, let alone hold."""
    if math.prod(max(side, 1) for side in shape) > MOST_NUMBERS:
        raise fault(f"The shape has too many numbers; at most {MOST_NUMBERS} are legal.")
    return shape


Shape = Annotated[
    tuple[Size, ...],
    BeforeValidator(as_tuple),
    Field(min_length=1, max_length=4),
    AfterValidator(_countable),
    told("a list of 1 to 4 integers from 0 to 2147483647"),
]


class InputModel(Strict):
    """A stored picture, a sample, or numbers; exactly one of them."""

    image: Annotated[Name | None, told("the id of an upload, a string")] = None
    sample: Annotated[Name | None, told("the name of a sample of GET /samples")] = None
    array: Annotated[InputValues | None, told("nested lists of numbers of 1 to 4 dimensions")] = (
        None
    )
    color: Literal["rgb", "gray"] = "rgb"
    range: Literal["unit", "signed", "byte"] = "unit"
    max_side: Side | None = None

    @model_validator(mode="after")
    def _exactly_one_source(self) -> "InputModel":
        sources = self._sources()
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            named = f"{len(given)} sources" if given else "no source"
            raise fault(f"The input names {named}; give one of {', '.join(sources)}.")
        unused = self.model_fields_set & PICTURE_FIELDS
        if given[0] not in ("image", "sample") and unused:
            raise fault(
                "An array is taken as it is; color, range and max_side are for pictures.",
                (min(unused),),
            )
        return self

    def _sources(self) -> tuple[str, ...]:
        return "image", "sample", "array"

    def to_input(self) -> Input:
        """Return the service's value."""
        if self.array is not None:
            return ArrayInput(self.array)
        return self.to_picture()

    def to_picture(self) -> PictureInput:
        """Return the service's value of an input that is a picture."""
        return PictureInput(
            image=self.image,
            sample=self.sample,
            color=self.color,
            range=self.range,
            max_side=self.max_side,
        )


class ShapeInputModel(InputModel):
    """As every input, or a shape alone."""

    shape: Shape | None = None

    def _sources(self) -> tuple[str, ...]:
        return "image", "sample", "array", "shape"

    def to_input(self) -> Input:
        """Return the service's value."""
        return super().to_input() if self.shape is None else ShapeInput(self.shape)
