"""Which rows of its input a band of a map's rows needs, layer by layer: geometry alone.

A band's own padding is what is left of the picture's: where its windows reach beyond the picture
it is padded as the whole is there, and where they do not, its neighbours' rows stand beside it.
Rows are counted in the whole map, and sets of them are ascending ranges that do not touch.

Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019, whose equations these are one layer at a time, clipped to the picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.geometry import Pair, effective_size
from app.engine.padding import source_indices

Rows = tuple[range, ...]
Cells = NDArray[np.intp]


@dataclass(frozen=True)
class Reach:
    """How a layer's output rows reach for rows of its input.

    Attributes:
        size: Rows of the input.
        output: Rows of the output.
        grain: How many output rows, from the first on, are computed together.
        kernel: Taps.
        stride: Step.
        dilation: Spacing of the taps.
        padding: Rows added before and after.
        mode: Where their values come from.
    """

    size: int
    output: int
    grain: int = 1
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: Pair = (0, 0)
    mode: str = "zeros"

    def computed(self, wanted: Iterable[range]) -> Rows:
        """Return the output rows that are computed so that the wanted ones are: whole grains."""
        return joined(
            range(
                rows.start // self.grain * self.grain,
                min(-(-rows.stop // self.grain) * self.grain, self.output),
            )
            for rows in wanted
        )

    def windows(self, rows: range) -> range:
        """Return the rows that windows of the output rows cover; some lie in the padding."""
        start = rows.start * self.stride - self.padding[0]
        span = effective_size(self.kernel, self.dilation)
        return range(start, start + (len(rows) - 1) * self.stride + span)

    def pads(self, rows: range) -> Pair:
        """Return the padding before and after the input rows that the output rows read."""
        if self.mode != "zeros":
            return 0, 0
        covered = self.windows(rows)
        return max(-covered.start, 0), min(max(covered.stop - self.size, 0), self.padding[1])

    def reads(self, rows: range) -> Cells:
        """Return the input row that each row of the band's own input is a copy of.

        They stand in the order of the padded input; `pads` tells what to add of zeros.
        """
        covered = self.windows(rows)
        if self.mode != "zeros":
            sources = source_indices(self.size, *self.padding, self.mode)
            part: Cells = sources[covered.start + self.padding[0] : covered.stop + self.padding[0]]
            return part
        # A band that lies in the padding as a whole still has a row, which nothing reads.
        start = min(max(covered.start, 0), self.size - 1)
        return np.arange(start, max(min(covered.stop, self.size), start + 1))

    def needs(self, computed: Iterable[range]) -> Rows:
        """Return the input rows that have to be there for the output rows to be computed."""
        return joined(run for rows in computed for run in runs_of(self.reads(rows)))


@dataclass(frozen=True)
class Band:
    """What is read and computed for some rows of a network's output.

    Attributes:
        rows: The output rows.
        computed: For each layer, the rows of its output that are computed.
        reads: The rows of the picture that are read.
    """

    rows: range
    computed: tuple[Rows, ...]
    reads: Rows


def band_of(reaches: Sequence[Reach], rows: range) -> Band:
    """Return what is read and computed for `rows` of the last layer's output."""
    needed: Rows = (rows,)
    computed: list[Rows] = []
    for reach in reversed(reaches):
        computed.append(reach.computed(needed))
        needed = reach.needs(computed[-1])
    return Band(rows, tuple(reversed(computed)), needed)


def joined(ranges: Iterable[range]) -> Rows:
    """Return the rows of all ranges as ascending ranges that do not touch."""
    found: list[range] = []
    for rows in sorted(ranges, key=lambda rows: (rows.start, rows.stop)):
        if found and rows.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, rows.stop))
        else:
            found.append(rows)
    return tuple(found)


def runs_of(cells: Cells) -> Rows:
    """Return rows, in any order and as often as they are named, as ranges."""
    rows = np.unique(cells)
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    return tuple(range(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, breaks))


def cells_of(rows: Iterable[range]) -> Cells:
    """Return the rows of ranges one by one."""
    return np.concatenate([np.arange(each.start, each.stop) for each in rows])
