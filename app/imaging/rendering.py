"""Values to a picture: one map or a montage, coloured so that zero and magnitude stay visible."""

from __future__ import annotations

import dataclasses
import io
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.imaging.colormaps import ColorMap, table
from app.imaging.errors import PictureTooLarge

Pixels = NDArray[np.uint8]

# An odd number of levels has a middle one, which is exactly the centre's; the last two indices
# of a palette are kept for what is no value.
LEVELS = 253
PAPER, NOT_FINITE = 254, 255
PAPER_COLOR, NOT_FINITE_COLOR = (255, 255, 255), (255, 0, 255)

RUNS = 3  # zlib's Z_RLE

GAP = 2
# Half of a range like this may be no number of float32 any more.
TINY = 1e-30
MOST_PIXELS = 50_000_000
LEGEND_WIDTH = 120
BAR_ROWS, TEXT_ROWS = 10, 14


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendering:
    """How values become colours.

    Attributes:
        colormap: by default `coolwarm` where values are signed, else `gray`.
        scale: `map` gives each map its own range, `layer` all maps one.
        center: the value in the middle of the colour map; `auto` is 0 where values are signed,
            else none; None spreads smallest to largest.
        clip: percentile of the magnitudes that the ends of the colour map stand for.
        columns: maps side by side; by default about as many as there are rows, with few holes.
        overlay: share of the input that shows through, 0 to 1.
        legend: whether colour bars with numbers stand below.
    """

    colormap: ColorMap | None = None
    scale: Literal["map", "layer"] = "map"
    center: float | Literal["auto"] | None = "auto"
    clip: float = 100.0
    columns: int | None = None
    overlay: float = 0.0
    legend: bool = False


def render(
    maps: NDArray[Any], rendering: Rendering | None = None, picture: Pixels | None = None
) -> bytes:
    """Draw maps as PNG, a cell a pixel.

    Args:
        maps: values of shape (M, H, W); what is not finite is drawn in magenta.
        rendering: how.
        picture: pixels of the input, shape (h, w) or (h, w, 3), for the overlay.

    Returns:
        The PNG file's bytes: H by W pixels for one map, a grid with gaps for several.

    Raises:
        PictureTooLarge: the grid would have more than `MOST_PIXELS` pixels.
    """
    how = rendering or Rendering()
    count, rows, cols = maps.shape
    _check_size(count, rows, cols)
    signed = bool(np.any(maps < 0))
    colors = table(how.colormap or ("coolwarm" if signed else "gray"), LEVELS)
    ranges = _ranges(maps, how, signed)
    tiles = [_levels(one, span) for one, span in zip(maps, ranges, strict=True)]
    across = _across(count, how)
    if not how.legend and (how.overlay == 0 or picture is None):
        return _palette_png(_grid(tiles, across, PAPER), colors)
    drawn = [_palette(colors)[tile] for tile in tiles]
    if picture is not None and how.overlay > 0:
        under = _fitted(picture, rows, cols)
        drawn = [_blend(tile, under, how.overlay) for tile in drawn]
    if how.legend:
        drawn = _with_legends(drawn, ranges, colors)
    stream = io.BytesIO()
    Image.fromarray(_grid(drawn, across, 255)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def most_bytes(count: int, rows: int, cols: int, rendering: Rendering) -> int:
    """Return the size that a picture of maps has at most, in bytes of its file.

    Args:
        count: how many maps.
        rows: of each.
        cols: of each.
        rendering: how they are drawn.
    """
    if rendering.legend:
        rows, cols = rows + BAR_ROWS + TEXT_ROWS, max(cols, LEGEND_WIDTH)
    across = _across(count, rendering)
    down = -(-count // across)
    colored = rendering.legend or rendering.overlay > 0
    line = 1 + (3 if colored else 1) * across * (cols + GAP)
    # What cannot be compressed grows a little; the palette and the headers stand before it.
    return 4096 + down * (rows + GAP) * line * 1001 // 1000


def _across(count: int, how: Rendering) -> int:
    if how.columns:
        return max(min(how.columns, count), 1)
    square = max(math.sqrt(count), 1.0)
    # Half as wide again is no worse to look at than a hole: three maps are a row, eight two.
    widths = range(math.ceil(square), math.ceil(1.5 * square) + 1)
    return min(widths, key=lambda width: -count % width)


def _check_size(count: int, rows: int, cols: int) -> None:
    pixels = count * rows * cols
    if pixels > MOST_PIXELS:
        raise PictureTooLarge(
            f"The {count} maps of {rows}×{cols} make a picture of {pixels} pixels; at most "
            f"{MOST_PIXELS} are drawn. Ask for fewer channels, or for a smaller max_side.",
            limit=MOST_PIXELS,
            actual=pixels,
        )


def _ranges(maps: NDArray[Any], how: Rendering, signed: bool) -> list[tuple[float, float]]:
    """Return for each map the values that the ends of the colour map stand for."""
    center = (0.0 if signed else None) if how.center == "auto" else how.center
    from_zero = how.center == "auto"
    if how.scale == "layer":
        return [_range(maps, center, how.clip, from_zero)] * len(maps)
    return [_range(one, center, how.clip, from_zero) for one in maps]


def _range(
    values: NDArray[Any], center: float | None, clip: float, from_zero: bool
) -> tuple[float, float]:
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return 0.0, 1.0
    if center is not None:
        reach = _percentile(np.abs(finite - center), clip)
        return center - reach, center + reach
    # Values that are never negative begin at zero: stretched from their smallest to their
    # largest, a flat map would look like a strong one.
    low = 0.0 if from_zero else -_percentile(-finite, clip)
    return low, _percentile(finite, clip)


def _percentile(values: NDArray[np.float64], clip: float) -> float:
    return float(values.max() if clip >= 100 else np.percentile(values, clip))


def _levels(values: NDArray[Any], span: tuple[float, float]) -> Pixels:
    low, high = span
    finite = np.isfinite(values)
    if high <= low:
        # One value everywhere: the end of the map if it is zero to value, the middle otherwise.
        levels = np.full(values.shape, LEVELS // 2 if low else 0, np.uint8)
    else:
        # Halved first: the distance of two finite values may overflow. A tiny one would be lost.
        factor = 0.5 if high - low > TINY else 2.0**100
        with np.errstate(over="ignore"):  # what a percentile has left out
            scaled = np.where(finite, values, 0) * factor
            unit = (scaled - low * factor) / (high * factor - low * factor)
        levels = np.rint(np.clip(unit, 0, 1) * (LEVELS - 1)).astype(np.uint8)
    levels[~finite] = NOT_FINITE
    return levels


def _grid(tiles: list[Pixels], across: int, paper: int) -> Pixels:
    rows, cols = tiles[0].shape[:2]
    down = -(-len(tiles) // across)
    shape = (down * (rows + GAP) - GAP, across * (cols + GAP) - GAP, *tiles[0].shape[2:])
    grid = np.full(shape, paper, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // across * (rows + GAP), index % across * (cols + GAP)
        grid[top : top + rows, left : left + cols] = tile
    return grid


def _palette(colors: Pixels) -> Pixels:
    palette = np.empty((256, 3), np.uint8)
    palette[:] = PAPER_COLOR
    palette[:LEVELS] = colors
    palette[NOT_FINITE] = NOT_FINITE_COLOR
    return palette


def _palette_png(levels: Pixels, colors: Pixels) -> bytes:
    image = Image.fromarray(levels)
    image.putpalette(_palette(colors).tobytes())
    stream = io.BytesIO()
    # Levels of neighbouring cells differ by little but seldom repeat as strings: looking for runs
    # alone takes half the time and makes files no larger.
    image.save(stream, "PNG", compress_level=1, compress_type=RUNS)
    return stream.getvalue()


def _fitted(picture: Pixels, rows: int, cols: int) -> Pixels:
    image = Image.fromarray(picture).convert("RGB")
    return np.asarray(image.resize((cols, rows), Image.Resampling.BILINEAR))


def _blend(tile: Pixels, under: Pixels, share: float) -> Pixels:
    mixed: Pixels = np.rint(tile * (1 - share) + under * share).astype(np.uint8)
    return mixed


def _with_legends(
    tiles: list[Pixels], ranges: list[tuple[float, float]], colors: Pixels
) -> list[Pixels]:
    """Put a colour bar with its numbers below each tile."""
    width = max(tiles[0].shape[1], LEGEND_WIDTH)
    return [
        np.concatenate([_widened(tile, width), _bar(width, span, colors)])
        for tile, span in zip(tiles, ranges, strict=True)
    ]


def _widened(tile: Pixels, width: int) -> Pixels:
    missing = width - tile.shape[1]
    left = missing // 2
    return np.pad(tile, ((0, 0), (left, missing - left), (0, 0)), constant_values=255)


def _bar(width: int, span: tuple[float, float], colors: Pixels) -> Pixels:
    low, high = span
    steps = np.linspace(0, LEVELS - 1, width).round().astype(int)
    canvas = Image.new("RGB", (width, BAR_ROWS + TEXT_ROWS), PAPER_COLOR)
    canvas.paste(Image.fromarray(np.repeat(colors[steps][None], BAR_ROWS - 2, axis=0)), (0, 2))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default()
    places = ((low, 0, "la"), ((low + high) / 2, width // 2, "ma"), (high, width - 1, "ra"))
    for value, left, anchor in places:
        draw.text((left, BAR_ROWS), f"{value:.3g}", fill=(0, 0, 0), font=font, anchor=anchor)
    return np.asarray(canvas)
