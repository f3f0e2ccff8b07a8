"""Taking apart the numbers of layers with a sliding window: convolutions and pooling."""

import math
from collections.abc import Iterable

from app.engine.layers.pools import AvgPool2d
from app.engine.network import Step
from app.engine.terms import (
    Array,
    Factor,
    Meeting,
    Position,
    Term,
    as_maps,
    at,
    crossings,
    meetings,
    on_maps,
    term,
)


def _meet(
    step: Step,
    x: Array,
    *,
    out: Position | None = None,
    tap: Position | None = None,
    source: Position | None = None,
) -> tuple[list[Meeting], list[Meeting]]:
    """Return what meets along rows and columns; the ends are (row, col)."""
    window, maps, output = step.window, as_maps(x), as_maps(step.output)
    rows, cols = (
        meetings(
            window,
            axis,
            maps.shape[2 + axis],
            output.shape[2 + axis],
            out=None if out is None else out[axis],
            tap=None if tap is None else tap[axis],
            source=None if source is None else source[axis],
        )
        for axis in (0, 1)
    )
    return rows, cols


class _Kernel:
    """A convolution's kernel by what it connects: output channel, input channel, tap."""

    def __init__(self, step: Step) -> None:
        self.window = step.window
        self.array = step.parameters["kernel"]
        self.maps = as_maps(self.array)
        lead, share = self.array.shape[:2]
        groups = self.window.groups
        # Filters and channels of one group; the transposed kernel has them the other way round.
        own = (lead // groups, share)
        self.filters, self.channels = own[::-1] if self.window.transposed else own

    def factor(self, filter_: int, channel: int, tap: Position) -> Factor:
        """Return the number that connects an output and an input channel at a tap."""
        if self.window.transposed:
            lead, share = channel, filter_ % self.filters
        else:
            lead, share = filter_, channel % self.channels
        row, col = self.turned(tap)
        value = float(self.maps[lead, share, row, col])
        return Factor("kernel", at(self.array, lead, share, row, col), value)

    def turned(self, tap: Position) -> Position:
        """Return where a tap stands in the kernel, or the other way round."""
        if not self.window.flip:
            return tap
        return self.window.kernel[0] - 1 - tap[0], self.window.kernel[1] - 1 - tap[1]

    def channels_of(self, filter_: int) -> range:
        """Return the input channels that an output channel reads."""
        start = filter_ // self.filters * self.channels
        return range(start, start + self.channels)

    def filters_of(self, channel: int) -> range:
        """Return the output channels that read an input channel."""
        start = channel // self.channels * self.filters
        return range(start, start + self.filters)

    def connects(self, position: Position) -> list[tuple[int, int]]:
        """Return the (output channel, input channel) that an element of the kernel connects."""
        lead, share = position[:2]
        if self.window.transposed:
            group = lead // self.channels
            return [(group * self.filters + share, lead)]
        group = lead // self.filters
        return [(lead, group * self.channels + share)]


def _cell(x: Array, n: int, channel: int, cell: Position, hidden: bool) -> Factor:
    """Return an input cell; `hidden` means zero padding."""
    value = 0.0 if hidden else float(as_maps(x)[n, channel, cell[0], cell[1]])
    return Factor("input", at(x, n, channel, *cell), value)


def _sent(upstream: Array, n: int, channel: int, cell: Position) -> Factor:
    value = float(as_maps(upstream)[n, channel, cell[0], cell[1]])
    return Factor("upstream", at(upstream, n, channel, *cell), value)


def convolution_feature(
    step: Step, x: Array, position: Position
) -> tuple[Iterable[Term], float | None]:
    """Return kernel × local patch, term by term, and the bias."""
    kernel = _Kernel(step)
    n, filter_, *cell = on_maps(position)
    rows, cols = _meet(step, x, out=tuple(cell))
    zeros = kernel.window.mode == "zeros"
    terms = (
        term(
            kernel.factor(filter_, channel, tap),
            _cell(x, n, channel, source, padding and zeros),
            padding,
        )
        for channel in kernel.channels_of(filter_)
        for _, tap, source, padding in crossings(rows, cols)
    )
    bias = step.parameters.get("bias")
    return terms, None if bias is None else float(bias[filter_])


def convolution_input_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × kernel for every output that has read the cell."""
    kernel = _Kernel(step)
    n, channel, *cell = on_maps(position)
    rows, cols = _meet(step, x, source=tuple(cell))
    return (
        term(_sent(upstream, n, filter_, out), kernel.factor(filter_, channel, tap), padding)
        for filter_ in kernel.filters_of(channel)
        for out, tap, _, padding in crossings(rows, cols)
    )


def convolution_kernel_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × input for every place where the kernel's element was used."""
    kernel = _Kernel(step)
    tap = kernel.turned(on_maps(position)[2:])
    rows, cols = _meet(step, x, tap=tap)
    zeros = kernel.window.mode == "zeros"
    return (
        term(
            _sent(upstream, n, filter_, out),
            _cell(x, n, channel, source, padding and zeros),
            padding,
        )
        for filter_, channel in kernel.connects(position)
        for n in range(len(x))
        for out, _, source, padding in crossings(rows, cols)
    )


def pooling_feature(
    step: Step, x: Array, position: Position
) -> tuple[Iterable[Term], float | None]:
    """Return the window's cells, each times its share: 1/divisor, or 1 for the maximum."""
    n, channel, *cell = on_maps(position)
    rows, cols = _meet(step, x, out=tuple(cell))
    share = _Share(step, x)
    terms: list[Term] = []
    met = list(crossings(rows, cols))
    hollow = all(padding for *_, padding in met)
    for out, tap, source, padding in met:
        factor = share.of(n, channel, out, tap)
        left = _cell(x, n, channel, source, padding)
        if padding and not share.averages:
            # −∞ · 0 is no number; the padding of a maximum adds nothing, unless it is all there is.
            left = Factor("input", left.position, -math.inf)
            alone = hollow and not terms
            factor = Factor("share", factor.position, float(alone))
            terms.append(Term(left, factor, -math.inf if alone else 0.0, padding))
        elif factor.value == 0:
            terms.append(Term(left, factor, 0.0, padding))
        else:
            terms.append(term(left, factor, padding))
    return terms, None


def pooling_input_gradient(
    step: Step, x: Array, upstream: Array, position: Position
) -> Iterable[Term]:
    """Return upstream × share for every window that holds the cell."""
    n, channel, *cell = on_maps(position)
    rows, cols = _meet(step, x, source=tuple(cell))
    share = _Share(step, x)
    terms = []
    for out, tap, _, padding in crossings(rows, cols):
        sent, factor = _sent(upstream, n, channel, out), share.of(n, channel, out, tap)
        passes = factor.value != 0
        terms.append(term(sent, factor) if passes else Term(sent, factor, 0.0, padding))
    return terms


class _Share:
    """Which part of a window's cell arrives in the output."""

    def __init__(self, step: Step, x: Array) -> None:
        layer = step.layer
        self.averages = isinstance(layer, AvgPool2d)
        self.window = step.window
        self.output = step.output
        if isinstance(layer, AvgPool2d):
            self.divisors = layer.divisors(x.shape)
        else:
            shape = as_maps(step.output).shape
            self.winners = layer.pieces(x, step.result).reshape(shape)

    def of(self, n: int, channel: int, out: Position, tap: Position) -> Factor:
        """Return 1/divisor, or 1 for the window's maximum and 0 for its other cells."""
        place = at(self.output, n, channel, *out)
        if self.averages:
            return Factor("share", place, 1 / float(self.divisors[out]))
        chosen = self.winners[n, channel, out[0], out[1]]
        return Factor("share", place, float(chosen == tap[0] * self.window.kernel[1] + tap[1]))
