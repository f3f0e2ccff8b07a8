/** The focus map in its frame: the canvas, what is marked on it, the values of large cells. */

import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { computed } from '../vendor/signals-core/signals-core.js';
import { imageUrl, sampleUrl } from './api.js';
import { oneCell } from './areas.js';
import { awaitedStatus } from './awaited-view.js';
import { inkOn } from './colour.js';
import { focusPlane, isForeign, scale } from './focus.js';
import { number } from './format.js';
import { gradientLayer, gradientTitle, lossMap } from './loss.js';
import { region } from './pinned.js';
import { cell, cellAbove, lit, pixel } from './pointing.js';
import { choosing, dragRegion, dragged, dropRegion, endRegion, extendRegion, startRegion } from './region.js';
import { NARROW_CELL } from './see-through.js';
import { partial, unmade } from './slid.js';
import { edit, inView, lab, part, pointed, pointedInput, shown, shownMode } from './state.js';
import { INPUT, seenBy, shapeOf } from './tied.js';
import { placeOfUnit, unitAtPlace } from './vectors.js';
import { box, enlarge, fit, reduce, reveal, visible, wasDragged } from './zoom.js';

/** Cells from this width on, in CSS pixels, carry their value. */
const WIDE_CELL = 34;
/** Cells of a map of no more columns may be narrower. */
const FEW_COLS = 16;
const RING = 14;
/** Cells that an arrow goes with Ctrl. */
const FAR = 10;

const isGradient = () => shownMode.value === 'gradient';
/** The layer whose maps, or the gradient at them, are in view; the input where it is the gradient at that. */
const layerInView = () => (isGradient() ? gradientLayer(inView.value) : inView.value.layer);
const isOfInput = () => layerInView() === INPUT;

/** Row and column of the hand on the plane in focus, which may end before. @param {PointerEvent} event */
function nearTo(event) {
  const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const { rows, cols } = box.value;
  const row = Math.floor(((event.clientY - top) / height) * rows);
  const col = Math.floor(((event.clientX - left) / width) * cols);
  return { row, col, rows, cols };
}

/** The cell under the hand, if there is one. @param {PointerEvent} event */
function placeOf(event) {
  const { row, col, rows, cols } = nearTo(event);
  return !isForeign.value && row >= 0 && col >= 0 && row < rows && col < cols ? { row, col } : null;
}

/** The cell nearest to the hand. @param {PointerEvent} event */
function nearestTo(event) {
  const { row, col, rows, cols } = nearTo(event);
  return { row: Math.min(Math.max(row, 0), rows - 1), col: Math.min(Math.max(col, 0), cols - 1) };
}

/** The unit that a cell of the plane in focus stands for: itself, or the unit above a cell of the picture. @param {{row: number, col: number} | null} place */
function unitAt(place) {
  if (!place) return null;
  const { layer, channel } = inView.value;
  if (!isOfInput()) return unitAtPlace(shapeOf(layerInView()), layerInView(), channel, place);
  const above = cellAbove(layer, place.row, place.col);
  return above ? { layer, channel: lossMap(inView.value), ...above } : null;
}

/** @param {{row: number, col: number} | null} place */
function point(place) {
  if (isOfInput()) pointedInput.value = place && { channel: inView.value.channel, ...place };
  else pointed.value = unitAt(place);
}

/** A finger that was lifted still points; a mouse that has left does not. @param {PointerEvent} event */
function onLeave(event) {
  if (event.pointerType === 'mouse' || !isGradient()) point(null);
}

/** @param {{row: number, col: number} | null} place */
function pin(place) {
  const unit = unitAt(place);
  if (!unit) return;
  const { unit: old, loss, mode } = lab.value;
  const again = old && old.row === unit.row && old.col === unit.col && old.layer === unit.layer && old.channel === unit.channel;
  edit({ unit: again ? null : unit, pin: mode === 'gradient' ? lab.value.pin : null, loss: again && loss === 'unit' ? 'sum' : mode === 'gradient' ? 'unit' : loss });
}

/** Where the press began: a click itself comes in whole pixels, which may be the cell beside. */
let pressed = /** @type {{row: number, col: number} | null} */ (null);

/** @param {PointerEvent} event */
const onPress = (event) => {
  pressed = placeOf(event);
  point(pressed);
  startRegion(event, pressed);
};

/** @param {PointerEvent} event */
const onMove = (event) => {
  point(placeOf(event));
  dragRegion(event, nearestTo(event));
};

/** What was dragged over is a region, and the click that follows is none. */
const onRelease = () => {
  if (endRegion()) pressed = null;
};

const onClick = () => {
  if (pressed && !wasDragged()) pin(pressed);
  pressed = null;
};

/** @type {Record<string, () => void>} */
const ZOOM_KEYS = { '+': enlarge, '=': enlarge, '-': reduce, 0: fit };
/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @param {KeyboardEvent} event */
function onKey(event) {
  const move = MOVES[event.key];
  if (event.metaKey || event.altKey || (event.ctrlKey && !move)) return;
  if (event.key === 'Escape') {
    if (!dropRegion()) return;
    pressed = null;
  } else if (event.key in ZOOM_KEYS) ZOOM_KEYS[event.key]();
  else if (event.key === 'Enter' && isGradient()) pin(isOfInput() ? pointedInput.value : pointed.value);
  else if (move && event.shiftKey) extendRegion(move);
  else if (move) step(move, event.ctrlKey ? FAR : 1);
  else return;
  event.preventDefault();
}

/** Move the pinned cell, or what is pointed at on a gradient. @param {[number, number]} move @param {number} size */
function step([down, right], size) {
  const { unit } = inView.value;
  const layer = layerInView();
  const { rows, cols } = box.value;
  const seen = visible.value;
  if (!focusPlane.value || isForeign.value) return;
  const at = isGradient() ? pointed.value : unit;
  const here = at?.layer === layer ? placeOfUnit(shapeOf(layer), at) : null;
  const from = (isOfInput() ? pointedInput.value : here) ?? { row: (seen.top + seen.bottom) >> 1, col: (seen.left + seen.right) >> 1 };
  const row = Math.min(Math.max(from.row + down * size, 0), rows - 1);
  const col = Math.min(Math.max(from.col + right * size, 0), cols - 1);
  reveal(row, col);
  if (isGradient()) return point({ row, col });
  pointed.value = null;
  return edit({ unit: unitAt({ row, col }) }, 'unit');
}

/** A rectangle of cells, and a ring where it is too small to be seen. @param {import('./areas.js').Area} area @param {string} [kind] */
function outline({ row, col, rows, cols }, kind = 'tied') {
  const { left, top, wide, tall } = box.value;
  const [x, y, width, height] = [left + col * wide, top + row * tall, cols * wide, rows * tall];
  const ring = Math.max(width, height) < RING
    ? svg`<circle cx=${x + width / 2} cy=${y + height / 2} r=${RING}></circle>`
    : nothing;
  return svg`<rect class=${kind} x=${x} y=${y} width=${width} height=${height}></rect>${ring}`;
}

/** Cells that the sliding window has not made. @param {import('./areas.js').Area} area */
function cover({ row, col, rows, cols }) {
  const { left, top, wide, tall } = box.value;
  const edge = col === 0 ? 1 : 0; // of a map that begins between two pixels
  return svg`<rect class="unmade" x=${left + col * wide - edge} y=${top + row * tall} width=${cols * wide + 1 + edge} height=${rows * tall + 1}></rect>`;
}

/** The region, of this map or as what it sees of the input; while it is dragged, what is dragged over. */
function regionMark() {
  const found = region.value;
  if (dragged.value) return outline(dragged.value, 'region');
  if (!found || !focusPlane.value) return nothing;
  const layer = layerInView();
  const here = isGradient() ? part.loss === 'region' : found.layer === layer && found.channel === inView.value.channel;
  const area = found.layer === layer ? found : seenBy(found, found.layer, layer);
  return here && area ? outline(area, 'region') : nothing;
}

/** On a map the pointed cell, or those that the pointed pixel touches; on a gradient what lights up on the picture. */
function marks() {
  const unit = cell.value;
  if (!focusPlane.value || isForeign.value) return nothing;
  const layer = layerInView();
  // A pixel of another channel has another gradient.
  if (isOfInput() && pixel.value && pixel.value.channel !== inView.value.channel) return nothing;
  const area = lit.value.get(layer) ?? (unit && !isGradient() && unit.layer === layer ? oneCell(placeOfUnit(shapeOf(layer), unit)) : null);
  return area ? outline(area) : nothing;
}

/** The value of a cell, with the digits that are known; one that came in eight bits is told from an exact one. @param {import('./live.js').Plane} plane @param {number} place @param {number} digits */
function valueText({ values, scale: step, offset, exact }, place, digits) {
  if (exact) return number(values[place], digits);
  const known = Math.max(0, Math.ceil(-Math.log10(step || 1)));
  return `≈${number(Number((offset + step * values[place]).toFixed(Math.min(known, 20))), digits)}`;
}

function cellValues() {
  const plane = partial.value ?? focusPlane.value;
  const { left, top, cell: side, wide: width, tall, rows, cols } = box.value;
  const wide = side >= WIDE_CELL || (cols <= FEW_COLS && side >= NARROW_CELL);
  if (!plane || !wide || plane.rows !== rows || plane.cols !== cols) return nothing;
  const area = visible.value;
  const texts = [];
  const digits = side >= 52 ? 4 : side >= WIDE_CELL ? 3 : 2;
  for (let row = area.top; row < area.bottom; row += 1)
    for (let col = area.left; col < area.right; col += 1) {
      const place = row * cols + col;
      const text = valueText(plane, place, digits);
      const ink = inkOn(scale.value, plane.offset + plane.scale * plane.values[place]);
      const size = Math.min(Math.max(13, side * 0.15), 28, side * 0.4, (side - 3) / (0.6 * text.length));
      texts.push(
        svg`<text x=${left + (col + 0.5) * width} y=${top + (row + 0.5) * tall} font-size=${size} fill=${ink}>${text}</text>`,
      );
    }
  return svg`<g data-testid="cell-values">${texts}</g>`;
}

/** @param {{image?: string, sample?: string}} input */
const urlOf = ({ image, sample }) => (image ? imageUrl(image, 1024) : sample ? sampleUrl(sample) : '');

/** The input that the gradient is of. */
const input = computed(() => shown.value?.of.input ?? lab.value.input);

export function focusView() {
  const { overlay } = part;
  const { channel, layer } = inView.value;
  const ofInput = isOfInput();
  const { left, top, width, height } = box.value;
  const place = `left:${left}px;top:${top}px;width:${width}px;height:${height}px`;
  const plane = focusPlane.value;
  // Enlarged cells keep their edges; reduced ones are averaged.
  const rendering = plane && width >= plane.cols ? 'pixelated' : 'auto';
  const under = ofInput ? urlOf(input.value) : '';
  const label = isGradient()
    ? ofInput
      ? 'Gradient of the loss at the input; arrows point at a pixel, Enter makes the cell above it the loss, Shift and arrows mark a region of cells'
      : `${gradientTitle(inView.value)}, map ${channel}; arrows point at a cell, Enter makes it the loss`
    : `Feature map ${channel} of layer ${layer + 1}; arrows move the pinned cell, with Shift they mark a region`;
  return html`${under ? html`<img class="under" src=${under} alt="" ?data-gray=${input.value.color === 'gray'} .style=${place} />` : nothing}
    <canvas
      id="focus"
      data-testid="focus"
      tabindex="0"
      ?data-choosing=${choosing.value}
      role="img"
      width="1"
      height="1"
      aria-label=${label}
      aria-keyshortcuts="+ - 0"
      .style=${`${place};opacity:${under ? overlay : 1};image-rendering:${rendering}`}
      @pointermove=${onMove}
      @pointerdown=${onPress}
      @pointerup=${onRelease}
      @pointercancel=${dropRegion}
      @pointerleave=${onLeave}
      @click=${onClick}
      @keydown=${onKey}
    ></canvas>
    <svg class="over" aria-hidden="true">${cellValues()} ${unmade.value.map(cover)} ${regionMark()} ${marks()}</svg>
    ${awaitedStatus()}`;
}
