"""The use cases of a network spec: run it, differentiate it, tell its shapes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import EngineError, NetworkError, ParameterError
from app.engine.explain import Explanation
from app.engine.gradcheck import Check, gradcheck
from app.engine.losses import Loss, Mse
from app.engine.network import (
    Tape,
    as_batch,
    backward,
    forward,
    gradient_names,
)
from app.service import budget
from app.service.explaining import Place, explain
from app.service.gradients import Gradients
from app.service.memory import Writing
from app.service.pictures import Pictures
from app.service.prefix import ComputedLayer, PrefixCache, chain_keys, input_key
from app.service.prospect import Prospect, foresee
from app.service.recent import Recent
from app.service.specs import (
    ArrayInput,
    Input,
    LossSpec,
    PictureLoss,
    Returning,
    ShapeInput,
    Spec,
)
from app.settings import Settings

Array = NDArray[Any]

NOTHING = Writing(Returning(values=False))
# A hand that drags a number leaves hundreds behind, and memory that is used again at once is warm.
MOST_GRADIENTS = 8


@dataclass(frozen=True, eq=False)
class Run:
    """A forward pass.

    Attributes:
        tape: The engine's record.
        layers: The same steps, with statistics.
        known: How many of the first layers were not computed again.
    """

    tape: Tape
    layers: list[ComputedLayer]
    known: int


class Compute:
    """Carries out computations; everything here blocks.

    Args:
        settings: The limits.
        pictures: Where inputs by name come from.
    """

    def __init__(self, settings: Settings, pictures: Pictures) -> None:
        self.settings = settings
        self.prefixes = PrefixCache(settings.prefix_bytes)
        # What was asked for reduced is soon asked for exactly.
        self._gradients: Recent[Gradients] = Recent(settings.gradient_bytes, MOST_GRADIENTS)
        self._pictures = pictures

    def shapes(self, spec: Spec) -> Prospect:
        """Tell what the network would do; nothing is computed, illegal layers stay in place.

        Raises:
            EngineError: The input cannot be read by the layers, or there are too many layers.
            NotFound: There is no such picture.
        """
        return foresee(replace(spec, input=ShapeInput(self._shape(spec))), self.settings)

    def refuse(self, spec: Spec) -> Prospect:
        """Raise whatever speaks against a computation, before any of it is done, or tell of it.

        Raises:
            NetworkError: Every illegal field and exceeded limit, with its path.
            TooMuchWork: Its forward pass would need too much memory.
            NotFound: There is no such picture.
        """
        prospect = self.shapes(spec)
        prospect.refuse_faults()
        budget.refuse_too_much_work(prospect.peak_bytes, prospect.reports, self.settings)
        return prospect

    def refuse_forward(self, spec: Spec, writing: Writing) -> Prospect:
        """Raise whatever speaks against a forward pass and its answer, or tell of it.

        Raises:
            As `refuse`.
        """
        prospect = self.refuse(spec)
        budget.refuse_too_much_work(
            prospect.forward_bytes(writing), prospect.reports, self.settings
        )
        return prospect

    def refuse_backward(
        self,
        spec: Spec,
        loss: LossSpec,
        wanted: Sequence[str],
        writing: Writing,
        *,
        remember: bool = True,
    ) -> Prospect:
        """Raise whatever speaks against the way back and its answer, or tell of it.

        Raises:
            As `refuse`.
        """
        prospect = self.refuse(spec)
        kept = self.settings.prefix_bytes if remember else 0
        needed = prospect.backward_bytes(loss, wanted, writing, kept)
        budget.refuse_too_much_work(needed, prospect.reports, self.settings)
        return prospect

    def forward(self, spec: Spec, writing: Writing = NOTHING, *, remember: bool = True) -> Run:
        """Run the network, as far as it is not known already.

        Args:
            spec: The computation.
            writing: How the answer will be written.
            remember: Whether the same input is likely to come again.

        Raises:
            As `refuse_forward`.
        """
        return self._run(spec, self.refuse_forward(spec, writing), remember=remember)

    def _run(self, spec: Spec, prospect: Prospect, *, remember: bool) -> Run:
        x, reports = self.input(spec), prospect.reports
        if not remember:
            tape = forward(spec.layers, x, reports=reports)
            return Run(tape, [ComputedLayer(step) for step in tape.steps], 0)
        keys = chain_keys(_identity(spec), spec.layers)
        known = self.prefixes.longest(keys)
        prefix = Tape(x, tuple(layer.step for layer in known))
        tape = forward(spec.layers, x, prefix=prefix, reports=reports)
        layers = known + [ComputedLayer(step) for step in tape.steps[len(known) :]]
        self.prefixes.keep(keys, layers)
        return Run(tape, layers, len(known))

    def backward(
        self,
        spec: Spec,
        loss: LossSpec,
        wanted: Sequence[str],
        writing: Writing = NOTHING,
        *,
        remember: bool = True,
    ) -> Gradients:
        """Return a loss and its gradients; they or the forward pass are taken from memory if known.

        Raises:
            As `refuse`; ParameterError also for a gradient or a selection that is not there.
        """
        prospect = self.refuse_backward(spec, loss, wanted, writing, remember=remember)
        engine_loss = self.engine_loss(loss, spec)  # a target that is gone is not in memory either
        key = None
        if remember:
            key = input_key(chain_keys(_identity(spec), spec.layers)[-1], loss, tuple(wanted))
            if (known := self._gradients.get(key)) is not None:
                return known
        run = self._run(spec, prospect, remember=remember)
        _refuse_unknown_gradients(run.tape, wanted)
        found = Gradients(backward(run.tape, engine_loss, wanted))
        if key is not None:
            self._gradients.put(key, found)
        return found

    def explain(self, spec: Spec, place: Place, loss: LossSpec) -> Explanation:
        """Return every term of one number.

        Raises:
            As `forward`; ParameterError also for a number or a selection that is not there.
        """
        prospect = self.refuse_backward(spec, loss, ("input",), NOTHING)
        run = self._run(spec, prospect, remember=True)
        return explain(run.tape, place, self.engine_loss(loss, spec))

    def gradcheck(
        self,
        spec: Spec,
        loss: LossSpec,
        wrt: str,
        indices: Sequence[Sequence[int]] | None,
        step: float,
        seed: int,
    ) -> list[Check]:
        """Compare a gradient with central differences; `spec` is in float64.

        Raises:
            As `forward`; ParameterError also for a gradient, an index or a selection not there.
        """
        prospect = self.refuse_backward(spec, loss, (wrt,), NOTHING, remember=False)
        # Two runs with one number moved stand beside the tape.
        needed = prospect.backward_bytes(loss, (wrt,), NOTHING, 0)
        needed += 2 * prospect.forward_bytes(NOTHING)
        budget.refuse_too_much_work(needed, prospect.reports, self.settings)
        engine_loss = self.engine_loss(loss, spec)
        return gradcheck(spec.layers, self.input(spec), engine_loss, wrt, indices, step, seed)

    def engine_loss(self, loss: LossSpec, spec: Spec) -> Loss:
        """Return the loss as the engine takes it, pictures read.

        Raises:
            NotFound: There is no such picture.
        """
        if isinstance(loss, PictureLoss):
            return Mse(self._load(loss.target, spec.dtype))
        return loss

    def input(self, spec: Spec) -> Array:
        """Return the input with its batch axes.

        Raises:
            EngineError: The layers cannot read it, or it is a shape alone.
            NotFound: There is no such picture.
        """
        return as_batch(self._load(spec.input, spec.dtype), spec.layers)

    def _shape(self, spec: Spec) -> tuple[int, ...]:
        """Return the shape of the input; a picture is not decoded for it."""
        if isinstance(spec.input, ArrayInput):
            return spec.input.values.shape
        if isinstance(spec.input, ShapeInput):
            return spec.input.shape
        return self._pictures.input_shape(
            image=spec.input.image,
            sample=spec.input.sample,
            color=spec.input.color,
            max_side=spec.input.max_side,
        )

    def _load(self, source: Input, dtype: np.dtype[Any]) -> Array:
        if isinstance(source, ArrayInput):
            return source.values
        if isinstance(source, ShapeInput):
            raise ParameterError(
                "A shape alone cannot be computed on; give an image, a sample or an array.",
                ("input",),
                "an image, a sample or an array",
            )
        return self._pictures.load_input(
            image=source.image,
            sample=source.sample,
            color=source.color,
            range=source.range,
            max_side=source.max_side,
            dtype=dtype,
        )


def _identity(spec: Spec) -> bytes:
    if isinstance(spec.input, ArrayInput):
        # The first layer decides how an array of few axes is read.
        reads = next((layer.reads for layer in spec.layers if layer.reads is not None), None)
        return input_key("array", spec.input.values, reads)
    return input_key(spec.input, spec.dtype.str)


def _refuse_unknown_gradients(tape: Tape, wanted: Sequence[str]) -> None:
    legal = gradient_names(tape)
    errors: list[EngineError] = [
        ParameterError(
            f"There is no gradient of this name; legal are {', '.join(legal)}.",
            ("return", "gradients", index),
            ", ".join(legal),
        )
        for index, name in enumerate(wanted)
        if name not in legal
    ]
    if errors:
        raise NetworkError(errors)
