"""The named kernels: what each matrix is, what it finds, and where it comes from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Preset:
    """A named kernel.

    Attributes:
        name: How the network spec calls it.
        matrix: The kernel, shape (KH, KW), or (K,) for sequences; read-only.
        finds: What makes its feature map light up, in one sentence.
        source: Where the numbers come from.
    """

    name: str
    matrix: NDArray[np.float64]
    finds: str
    source: str


def _preset(name: str, rows: object, finds: str, source: str, divisor: float = 1) -> Preset:
    matrix = np.array(rows, dtype=np.float64) / divisor
    matrix.flags.writeable = False
    return Preset(name, matrix, finds, source)


_SOBEL = "I. Sobel and G. Feldman, Stanford AI Project, 1968"
_PREWITT = "J. M. S. Prewitt, Object Enhancement and Extraction, 1970"
_SCHARR = "H. Scharr, Optimal Operators in Digital Image Processing, Heidelberg 2000"
_ROBERTS = "L. G. Roberts, Machine Perception of Three-Dimensional Solids, MIT 1963"
_KIRSCH = "R. A. Kirsch, Computers and Biomedical Research 4(3), 1971"
_GONZALEZ = "R. C. Gonzalez and R. E. Woods, Digital Image Processing, chapter 3"
_MARR = "D. Marr and E. Hildreth, Theory of Edge Detection, Proc. R. Soc. London B 207, 1980"
_BINOMIAL = "binomial coefficients, the discrete Gaussian"
_NOTES = "the source notes' example"

_ALL = (
    _preset(
        "identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]], "The picture itself.", "the unit impulse"
    ),
    _preset(
        "box",
        [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
        "The local mean: a blur that treats all nine pixels alike.",
        _GONZALEZ,
        9,
    ),
    _preset(
        "gaussian",
        [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
        "A smooth picture: noise averages out, near pixels count most.",
        _BINOMIAL,
        16,
    ),
    _preset(
        "gaussian_5x5",
        np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]),
        "A smoother picture than `gaussian` makes.",
        _BINOMIAL,
        256,
    ),
    _preset(
        "sharpen",
        [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
        "The picture with its edges lifted: itself minus its Laplacian.",
        _GONZALEZ,
    ),
    _preset(
        "laplacian",
        [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
        "Places that differ from their four neighbours' mean: thin edges, spots.",
        _GONZALEZ,
    ),
    _preset(
        "laplacian_8",
        [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
        "Places that differ from their eight neighbours' mean, diagonals included.",
        _GONZALEZ,
    ),
    _preset(
        "laplacian_of_gaussian",
        [
            [0, 0, 1, 0, 0],
            [0, 1, 2, 1, 0],
            [1, 2, -16, 2, 1],
            [0, 1, 2, 1, 0],
            [0, 0, 1, 0, 0],
        ],
        "Blobs and edges after smoothing; edges are where it crosses zero.",
        _MARR,
    ),
    _preset(
        "sobel_x",
        [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "Vertical edges: positive where the picture brightens to the right.",
        _SOBEL,
    ),
    _preset(
        "sobel_y",
        [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
        "Horizontal edges: positive where the picture brightens downwards.",
        _SOBEL,
    ),
    _preset(
        "prewitt_x",
        [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
        "Vertical edges, all three rows weighted alike.",
        _PREWITT,
    ),
    _preset(
        "prewitt_y",
        [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
        "Horizontal edges, all three columns weighted alike.",
        _PREWITT,
    ),
    _preset(
        "scharr_x",
        [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]],
        "Vertical edges, nearly alike at every angle.",
        _SCHARR,
    ),
    _preset(
        "scharr_y",
        [[-3, -10, -3], [0, 0, 0], [3, 10, 3]],
        "Horizontal edges, nearly alike at every angle.",
        _SCHARR,
    ),
    _preset("roberts_x", [[1, 0], [0, -1]], "Edges along one diagonal.", _ROBERTS),
    _preset("roberts_y", [[0, 1], [-1, 0]], "Edges along the other diagonal.", _ROBERTS),
    _preset(
        "kirsch_north",
        [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]],
        "Edges with the bright side above.",
        _KIRSCH,
    ),
    _preset(
        "emboss",
        [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
        "The picture as a relief lit from the upper left.",
        "common practice in image editors",
    ),
    _preset(
        "line_horizontal",
        [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]],
        "Bright horizontal lines one pixel thick.",
        _GONZALEZ,
    ),
    _preset(
        "line_vertical",
        [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
        "Bright vertical lines one pixel thick.",
        _GONZALEZ,
    ),
    _preset(
        "line_diagonal",
        [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]],
        "Bright lines one pixel thick that fall from left to right.",
        _GONZALEZ,
    ),
    _preset(
        "motion_blur",
        np.eye(5),
        "The picture as a camera moving along the diagonal would take it.",
        "the mean along a line",
        5,
    ),
    _preset("sum_1d", [1, 1, 1], "The sum of three neighbours.", _NOTES),
    _preset("smooth_1d", [1, 2, 1], "A smooth sequence: noise averages out.", _BINOMIAL, 4),
    _preset("difference_1d", [-1, 0, 1], "Rises of the sequence.", "the central difference", 2),
    _preset("second_difference_1d", [1, -2, 1], "Bends of the sequence.", "the second difference"),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}
