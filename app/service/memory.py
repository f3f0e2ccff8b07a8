"""How much memory a request needs at its peak, told before any of it is done.

A computation keeps all outputs of the forward pass; one layer at a time works beside them. On the
way back the upstream gradient and the gradient it becomes stand beside the same outputs, and when
the answer is written, what goes back in the form in which it goes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.engine.inspection import LayerReport
from app.engine.losses import L2, Mean, Mse, Sum, Upstream
from app.service.specs import LossSpec, PictureLoss, Returning

Shape = tuple[int, ...]

WIRE_BYTES = {"uint8": 1, "uint16": 2, "float32": 4, "float64": 8}
# Copies of the output, in its own numbers and in float64, that a loss's value is computed with.
LOSS_COPIES: dict[type, tuple[int, int]] = {
    Sum: (0, 0),
    Mean: (0, 0),
    L2: (0, 1),
    Mse: (1, 1),
    PictureLoss: (2, 1),
    Upstream: (0, 1),
}
OTHER_COPIES = (0, 4)
# What no number of the request decides: buffers of threads, codecs, the envelope.
OVERHEAD_BYTES = 20 << 20


@dataclass(frozen=True)
class Writing:
    """How arrays are written into an answer.

    Attributes:
        returning: Which numbers of them go back.
        copies: Copies of what goes back, as it goes back.
        bytes_a_number: Memory that each number takes while written, beyond the copies.
        bytes_a_cell: Memory that each cell of the largest map takes besides.
        summed: Whether the channels go back as their sum.
    """

    returning: Returning
    copies: int = 0
    bytes_a_number: float = 0.0
    bytes_a_cell: float = 0.0
    summed: bool = False

    def peak_bytes(self, shapes: Sequence[Shape], itemsize: int) -> int:
        """Return the memory that writing arrays of these shapes takes."""
        if not self.returning.values:
            return 0
        held = transient = 0.0
        for shape in shapes:
            chosen = self._chosen(shape)
            reduced, halfway = self._reduced(chosen)
            copied = self.summed or (len(chosen) > 1 and chosen[1] != shape[1])
            if copied or reduced != chosen:
                held += math.prod(reduced) * itemsize
                transient = max(transient, math.prod(halfway) * itemsize)
            wire = WIRE_BYTES.get(self.returning.dtype or "", itemsize)
            numbers = math.prod(reduced)
            held += numbers * (wire if self.returning.dtype else 0)
            held += numbers * (self.copies * wire + self.bytes_a_number)
            transient = max(transient, math.prod(reduced[2:]) * self.bytes_a_cell)
        return round(held + transient)

    def shape_of(self, shape: Shape) -> Shape:
        """Return the shape that an array of this shape goes back in."""
        return self._reduced(self._chosen(shape))[0]

    def _chosen(self, shape: Shape) -> Shape:
        channels = 1 if self.summed else shape[1]
        if self.returning.channels is not None:
            channels = min(len(self.returning.channels), channels)
        return (shape[0], channels, *shape[2:])

    def _reduced(self, shape: Shape) -> tuple[Shape, Shape]:
        """Return the shape that `max_side` leaves, and that between its rows and its columns."""
        side, sides = self.returning.max_side, shape[2:]
        if side is None or not sides or max(sides) <= side:
            return shape, shape
        ratio = side / max(sides)
        small = tuple(max(1, round(one * ratio)) for one in sides)
        return (*shape[:2], *small), (*shape[:2], small[0], *sides[1:])


def drawn(returning: Returning, *, plain: bool, summed: bool = False) -> Writing:
    """Return how maps are drawn as pictures.

    Args:
        returning: Which maps.
        plain: Whether by a palette alone, with neither an overlay, a legend nor a percentile.
        summed: Whether the channels are drawn as their sum.
    """
    a_number, a_cell = (3.0, 21.0) if plain else (20.0, 40.0)
    return Writing(returning, 0, a_number, a_cell, summed)


def of_forward(shape: Shape, reports: Sequence[LayerReport], itemsize: int) -> int:
    """Return the bytes that a forward pass holds at its peak.

    Args:
        shape: Shape of the input.
        reports: One a layer; what an illegal one would hold counts nothing.
        itemsize: Bytes of a number.
    """
    kept, peak = math.prod(shape), 0
    for report in reports:
        kept += _kept(report)
        scratch = report.inference.scratch if report.inference else 0
        peak = max(peak, kept + scratch)
    return max(peak, kept) * itemsize


def of_tape(reports: Sequence[LayerReport], itemsize: int) -> int:
    """Return the bytes of all that a forward pass leaves behind."""
    return sum(map(_kept, reports)) * itemsize


def _kept(report: LayerReport) -> int:
    kept = report.inference.kept if report.inference else 0
    return math.prod(report.output_shape or (0,)) + report.parameters + kept


def of_backward(
    shape: Shape,
    reports: Sequence[LayerReport],
    itemsize: int,
    loss: LossSpec,
    wanted: Sequence[str],
) -> int:
    """Return the bytes that the way back holds at its peak, the tape included.

    Args:
        shape: Shape of the input.
        reports: One a layer, all legal.
        itemsize: Bytes of a number.
        loss: The loss.
        wanted: Names of the gradients; unknown ones count nothing.
    """
    chosen = None if isinstance(loss, PictureLoss) else loss.layer
    top = len(reports) - 1 if chosen is None else min(max(chosen, 0), len(reports) - 1)
    output = reports[top].output_shape if reports else shape
    upstream = math.prod(output or ())
    own, double = LOSS_COPIES.get(type(loss), OTHER_COPIES)
    peak = upstream * max(own + double * 8 / itemsize, 1)
    found = 0
    for report, given in _way_back(reports[: top + 1], wanted):
        found += given
        scratch = report.inference.backward_scratch if report.inference else 0
        gradient = math.prod(report.input_shape or ())
        peak = max(peak, found + math.prod(report.output_shape or ()) + gradient + scratch)
    return round(peak * itemsize) + math.prod(shape) * itemsize + of_tape(reports, itemsize)


def _way_back(
    reports: Sequence[LayerReport], wanted: Sequence[str]
) -> Iterator[tuple[LayerReport, int]]:
    """Yield the layers that gradients flow back to, and how many numbers each one leaves there."""
    deepest = min((_depth(name) for name in wanted), default=len(reports))
    for report in reversed(reports):
        if report.index < deepest:
            return
        own = [name for name in wanted if _depth(name) == report.index]
        outputs = sum(name.endswith(".output") for name in own)
        left = outputs * math.prod(report.output_shape or ())
        yield report, left + (report.parameters if len(own) > outputs else 0)


def _depth(name: str) -> int:
    number = name.split(".")[1] if name.startswith("layers.") else ""
    return int(number) if number.isdecimal() else -1


def gradient_shapes(
    shape: Shape, reports: Sequence[LayerReport], wanted: Sequence[str]
) -> list[Shape]:
    """Return the shapes of gradients by name; of a parameter's only that its layer has so many."""
    shapes: list[Shape] = []
    for name in dict.fromkeys(wanted):
        depth = _depth(name)
        if name == "input":
            shapes.append(shape)
        elif 0 <= depth < len(reports):
            report = reports[depth]
            is_map = name.endswith(".output")
            shapes.append((report.output_shape or (0, 0)) if is_map else (1, report.parameters))
    return shapes
