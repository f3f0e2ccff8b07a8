"""What a computation would do and need, told before any of it is done."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.engine.errors import EngineError, NetworkError
from app.engine.network import LayerReport, as_batch, inspect
from app.service import budget, memory
from app.service.memory import Writing
from app.service.specs import LossSpec, ShapeInput, Spec
from app.settings import Settings


@dataclass(frozen=True, eq=False)
class Prospect:
    """What a computation would do.

    Attributes:
        input_shape: Shape of the input with its batch axes.
        reports: One a layer.
        faults: The problems of each illegal layer, paths beginning at the layer.
        peak_bytes: Memory that the forward pass would need.
        itemsize: Bytes of a number.
    """

    input_shape: tuple[int, ...]
    reports: list[LayerReport]
    faults: dict[int, list[EngineError]]
    peak_bytes: int
    itemsize: int

    def forward_bytes(self, writing: Writing) -> int:
        """Return the memory that a forward pass needs at its peak, its answer included."""
        count = len(self.reports)
        shapes = [
            report.output_shape or (0, 0)
            for report in self.reports
            if writing.returning.has_layer(report.index, count)
        ]
        held = math.prod(self.input_shape) * self.itemsize + self._tape_bytes
        written = held + writing.peak_bytes(shapes, self.itemsize)
        return max(self.peak_bytes, written) + memory.OVERHEAD_BYTES

    def backward_bytes(
        self, loss: LossSpec, wanted: Sequence[str], writing: Writing, kept: int
    ) -> int:
        """Return the memory that gradients need at their peak, forward pass and answer included.

        Args:
            loss: The loss.
            wanted: Names of the gradients.
            writing: How they are written.
            kept: Most bytes of the tape that are kept beyond the way back.
        """
        shape, reports, itemsize = self.input_shape, self.reports, self.itemsize
        shapes = memory.gradient_shapes(shape, reports, wanted)
        gradients = sum(map(math.prod, (shape, *shapes))) * itemsize
        written = gradients + min(self._tape_bytes, kept) + writing.peak_bytes(shapes, itemsize)
        back = memory.of_backward(shape, reports, itemsize, loss, wanted)
        return max(self.peak_bytes, back, written) + memory.OVERHEAD_BYTES

    @property
    def _tape_bytes(self) -> int:
        return memory.of_tape(self.reports, self.itemsize)

    def refuse_faults(self) -> None:
        """Raise NetworkError with every problem at once, paths ("layers", i, field)."""
        errors = [
            error.under("layers", index) for index, own in self.faults.items() for error in own
        ]
        if errors:
            raise NetworkError(errors)


def foresee(spec: Spec, settings: Settings) -> Prospect:
    """Tell what a network would do on an input of a shape; illegal layers stay in place.

    Raises:
        EngineError: The layers cannot read such an input, or there are too many of them.
    """
    budget.refuse_too_many_layers(len(spec.layers), settings)
    given = spec.input.shape if isinstance(spec.input, ShapeInput) else ()
    # One number seen from everywhere has any shape and needs no memory.
    shape = as_batch(np.broadcast_to(np.float32(0), given), spec.layers).shape
    reports = inspect(spec.layers, shape, spec.dtype, budget.bounds(settings))
    itemsize = spec.dtype.itemsize
    return Prospect(
        shape,
        reports,
        budget.faults(spec.layers, reports, settings),
        memory.of_forward(shape, reports, itemsize),
        itemsize,
    )
