"""What part of a network's input one cell of a feature map sees."""

from dataclasses import dataclass

from app.engine.arguments import Padding, Pair


@dataclass(frozen=True)
class ReceptiveField:
    """What part of the input one cell of a feature map sees, as (rows, cols).

    Attributes:
        size: Extent of the part.
        stride: How far the part moves in the input when the cell moves by one.
        start: Input coordinate of the first cell's first seen pixel; negative in the padding.

    Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019, equations 1 and 2.
    """

    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    start: Pair = (0, 0)

    def then(
        self,
        kernel: Pair,
        stride: Pair,
        dilation: Pair = (1, 1),
        padding: Padding = ((0, 0), (0, 0)),
    ) -> "ReceptiveField":
        """Return the field after one more layer with this window, step, spacing and padding."""
        size = [
            f + d * (k - 1) * s
            for f, k, d, s in zip(self.size, kernel, dilation, self.stride, strict=True)
        ]
        start = [a - p[0] * s for a, p, s in zip(self.start, padding, self.stride, strict=True)]
        step = [a * b for a, b in zip(self.stride, stride, strict=True)]
        return ReceptiveField((size[0], size[1]), (step[0], step[1]), (start[0], start[1]))
