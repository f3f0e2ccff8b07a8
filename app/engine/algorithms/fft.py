"""Products in the frequency domain, tile by tile: the cost hardly grows with the kernel.

Each tile of the padded picture is transformed, multiplied by the kernel's conjugate spectrum and
transformed back; the cells that the kernel's wrap-around has touched are dropped, and the tiles
overlap by as much (overlap-save). What is not finite spreads over its tile and is caught there;
rounding grows with the picture, not with the result, and is judged at the end.

Source: Oppenheim, Schafer, "Discrete-Time Signal Processing", 3rd edition, section 8.7.3.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from app.engine import threads
from app.engine.algorithms import row_gemm
from app.engine.algorithms.row_buffer import Block
from app.engine.algorithms.row_windows import Tile
from app.engine.algorithms.strips import group_slices, is_finite, load_rows
from app.engine.geometry import Pair
from app.engine.problem import Array, Problem

SMALLEST_TILE = 128
# What the results are promised to keep to, relative to a map's largest magnitude.
TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-10}


def claims(problem: Problem) -> bool:
    """Return whether this algorithm computes the problem: stride and dilation 1."""
    return problem.stride == problem.dilation == (1, 1)


def tile_size(kernel: int, padded: int) -> int:
    """Return the length of a tile along one axis: a power of two, four kernels or the picture."""
    if kernel == 1:
        return 1
    wanted = min(max(SMALLEST_TILE, 4 * kernel), max(padded, kernel))
    return 1 << math.ceil(math.log2(wanted))


class _Tiling:
    """How a picture is cut into overlapping tiles."""

    def __init__(self, problem: Problem) -> None:
        whole = problem.deciding
        padded = [n + sum(p) for n, p in zip(whole.size, whole.padding, strict=True)]
        sizes = [tile_size(k, n) for k, n in zip(problem.kernel, padded, strict=True)]
        self.size: Pair = (sizes[0], sizes[1])
        self.useful: Pair = (
            sizes[0] - problem.kernel[0] + 1,
            sizes[1] - problem.kernel[1] + 1,
        )
        self.bands = -(-problem.output[0] // self.useful[0])
        self.across = -(-problem.output[1] // self.useful[1])

    def strip(self, problem: Problem) -> tuple[Array, Array]:
        """Return a zeroed strip for one band of tiles, and the tiles (C, across, rows, cols)."""
        cols = (self.across - 1) * self.useful[1] + self.size[1]
        # A picture's last columns may lie beyond what the last tile needs.
        cols = max(cols, problem.size[1] + sum(problem.padding[1]))
        strip = np.zeros((problem.group_channels, self.size[0], cols), problem.dtype)
        by_channel, by_row, by_col = strip.strides
        tiles = as_strided(
            strip,
            (problem.group_channels, self.across, *self.size),
            (by_channel, self.useful[1] * by_col, by_row, by_col),
        )
        return strip, tiles

    def band(self, tiles: Array, spectrum: Array, rows: Array) -> None:
        """Write one band of output rows (F, n, OW) from its tiles and the kernel's spectrum."""
        transformed = np.fft.rfft2(tiles)
        count, cols = rows.shape[1:]
        for number, of_filter in enumerate(spectrum):
            product = transformed[0] * of_filter[0]
            for channel in range(1, len(transformed)):
                product += transformed[channel] * of_filter[channel]
            # Rows that will be dropped need no second transform.
            halfway = np.fft.ifft(product, axis=1)[:, :count]
            useful = np.fft.irfft(halfway, self.size[1], axis=2)[:, :, : self.useful[1]]
            for tile in range(self.across):
                left = tile * self.useful[1]
                part = rows[number, :, left : left + self.useful[1]]
                part[...] = useful[tile, :, : min(self.useful[1], cols - left)]


def grain(problem: Problem) -> int:
    """Return how many output rows are computed together: those of a band of tiles."""
    return _Tiling(problem).useful[0]


def forward(problem: Problem, x: Array, kernel: Array, bias: Array | None, out: Array) -> None:
    """Write the convolution of x with the kernel into `out`, which is contiguous."""
    tiling = _Tiling(problem)
    spectrum = np.conj(np.fft.rfft2(kernel, tiling.size))

    def compute(bands: Iterator[int]) -> None:
        strip, tiles = tiling.strip(problem)
        for numbered in bands:
            maps, band = divmod(numbered, tiling.bands)
            number, group = divmod(maps, problem.groups)
            of_channels, of_filters = group_slices(problem, group)
            picture, first = x[number, of_channels], band * tiling.useful[0]
            rows = out[number, of_filters, first : first + tiling.useful[0]]
            load_rows(strip, picture, first - problem.padding[0][0], problem.padding[1][0])
            tiling.band(tiles, spectrum[of_filters], rows)
            if not (is_finite(rows) and _is_precise(tiles, kernel[of_filters], rows)):
                tile = Tile(number, group, 1, Block(0, first, rows.shape[1]))
                row_gemm.exactly(problem, x, kernel, out, tile)
            if bias is not None:
                rows += bias[of_filters, None, None]

    threads.share(compute, problem.batch * problem.groups * tiling.bands)


def _is_precise(tiles: Array, kernel: Array, rows: Array) -> bool:
    """Return whether a band's rounding errors keep to the tolerance.

    They are white noise of about eps · rms(tile) · norm(kernel), whatever the result: where the
    kernel cancels nearly all of a bright picture, they would drown it. The largest of a million
    such values is some five times their deviation; with a margin of as much again.
    """
    rms = np.sqrt(np.mean(np.square(tiles), axis=(2, 3)).max(axis=1).sum())
    norms = np.sqrt(np.square(kernel).sum(axis=(1, 2, 3)))
    largest = np.abs(rows).max(axis=(1, 2))
    errors = 25 * np.finfo(rows.dtype).eps * rms * norms
    return bool((errors <= TOLERANCE[rows.dtype] * largest).all())
