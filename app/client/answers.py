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


@dataclass(frozen=True)
class Fault:
    """Why one picture of a job cannot be done.

    Attributes:
        number: Which picture, from 0.
        name: What its results would have been called.
        detail: A sentence.
    """

    number: int
    name: str
    detail: str


@dataclass(frozen=True)
class Job:
    """How far a job was when the server was asked.

    Attributes:
        id: What the server calls it.
        kind: What is done.
        name: What the person calls it.
        state: `waiting`, `running`, `done` or `cancelled`.
        total: How many pictures there are.
        waiting: How many are still to be begun.
        running: How many are being computed.
        done: Of how many there are results.
        failed: How many cannot be done.
        bytes: Size of the results.
        rate: Pictures a second of late; None while it cannot be told.
        eta: Seconds until the end at that rate; None while it cannot be told.
        trouble: Why it does not go on just now, or empty.
        faults: Which pictures failed, and why; empty in a list of jobs and while one watches.
    """

    id: str
    kind: str
    name: str
    state: Literal["waiting", "running", "done", "cancelled"]
    total: int
    waiting: int
    running: int
    done: int
    failed: int
    bytes: int
    rate: float | None
    eta: float | None
    trouble: str
    faults: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Job":
        """Return what the server tells of a job."""
        names = ("id", "kind", "name", "state", "bytes", "rate", "eta", "trouble")
        faults = tuple(Fault(**one) for one in told.get("faults", ()))
        return cls(**{one: told[one] for one in names}, **told["pictures"], faults=faults)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in ("done", "cancelled")


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
        """The maps of the last layer that came back.

        Raises:
            LookupError: None did; `returning` asked for none, or there are no layers.
        """
        if not self.arrays:
            raise LookupError("No maps came back; the envelope alone did.")
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
