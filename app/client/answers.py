"""What the server answers, as values with NumPy arrays in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

Array = NDArray[Any]
Color = Literal["rgb", "gray"]
Range = Literal["unit", "signed", "byte"]


@dataclass(frozen=True)
class Image:
    """An uploaded picture; as it stands it is an input of the network, too.

    Attributes:
        id: SHA-256 of its bytes.
        width: Columns.
        height: Rows.
        channels: 1 for gray, 3 for colour.
        mode: How the file stores a pixel.
        format: The file's type.
        bytes: Size of the file.
        conversions: What was done to get to 8-bit gray or sRGB.
    """

    id: str
    width: int
    height: int
    channels: int
    mode: str
    format: str
    bytes: int
    conversions: tuple[str, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Image":
        """Return the record that the server tells."""
        return cls(**{**told, "conversions": tuple(told["conversions"])})

    def as_input(
        self,
        *,
        color: Color = "rgb",
        range: Range = "unit",  # noqa: A002 - the contract's name
        max_side: int | None = None,
    ) -> dict[str, Any]:
        """Return the picture as an input of the network spec.

        Args:
            color: Channels of the input.
            range: Values that black and white stand for: 0..1, −1..1 or 0..255.
            max_side: Longest side in pixels; a larger picture is scaled down.
        """
        return {"image": self.id, "color": color, "range": range, "max_side": max_side}


@dataclass(frozen=True, eq=False)
class Kernel:
    """A named kernel.

    Attributes:
        name: How a spec calls it.
        matrix: Its numbers, shape (KH, KW), or (K,) for sequences.
        finds: What makes its feature map light up.
        source: Where the numbers come from.
    """

    name: str
    matrix: Array
    finds: str
    source: str


@dataclass(frozen=True, eq=False)
class Maps(Mapping[int, Array]):
    """The answer to a forward pass: feature maps by layer index.

    Attributes:
        envelope: Everything told.
        arrays: The maps that came back.
    """

    envelope: dict[str, Any]
    arrays: dict[int, Array] = field(repr=False)

    def __getitem__(self, layer: int) -> Array:
        return self.arrays[layer]

    def __iter__(self) -> Iterator[int]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def layers(self) -> list[dict[str, Any]]:
        """What is told about each layer."""
        layers: list[dict[str, Any]] = self.envelope["layers"]
        return layers

    @property
    def output(self) -> Array:
        """The maps of the last layer that came back."""
        return self.arrays[max(self.arrays)]


@dataclass(frozen=True, eq=False)
class Gradients(Mapping[str, Array]):
    """The answer to a backward pass: gradients by name.

    Attributes:
        loss: Value of the loss; None where it is not finite.
        envelope: Everything told.
        arrays: The gradients that came back.
    """

    loss: float | None
    envelope: dict[str, Any] = field(repr=False)
    arrays: dict[str, Array] = field(repr=False)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)
