/** Marking a region of a map: by a drag over it, or by keys from the pinned cell. */

import { signal } from '../vendor/signals-core/signals-core.js';
import { between, oneCell } from './areas.js';
import { givesVector } from './layer-types.js';
import { gradientLayer, lossMap } from './loss.js';
import { region, toldSides } from './pinned.js';
import { cellAbove } from './pointing.js';
import { edit, inView, part } from './state.js';
import { zoomed } from './zoom.js';

/** @typedef {{row: number, col: number}} Place */

/** A hand that has not moved this far, in CSS pixels, clicks. */
const LEAST_DRAG = 5;

/** Whether every drag marks a region, of a finger and on an enlarged map too. */
export const choosing = signal(false);

/** The cells of the plane in focus that are dragged over. */
export const dragged = signal(/** @type {import('./areas.js').Area | null} */ (null));

/** @type {{place: Place, x: number, y: number} | null} */
let from = null;

/** The layer on whose maps a drag marks. */
function markedLayer() {
  const at = part.mode === 'gradient' ? gradientLayer(part) : part.layer;
  return at < 0 ? part.layer : at;
}

/** A drag begins, if it is one that marks. @param {PointerEvent} event @param {Place | null} place */
export function startRegion(event, place) {
  from = null;
  dragged.value = null;
  const marks = choosing.value || event.shiftKey || (event.pointerType === 'mouse' && !zoomed.value);
  if (!marks || !place || event.button !== 0 || givesVector(part.layers, markedLayer())) return;
  from = { place, x: event.clientX, y: event.clientY };
  if (!choosing.value && !event.shiftKey) return;
  event.stopPropagation(); // an enlarged map stays where it is
  /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
}

/** @param {PointerEvent} event @param {Place} place the nearest to the hand */
export function dragRegion(event, place) {
  if (!from) return;
  if (!dragged.value) {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) < LEAST_DRAG) return;
    /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
  }
  dragged.value = between(from.place, place);
}

/** Forget the drag. @returns {boolean} whether there was one */
export function dropRegion() {
  const was = dragged.value !== null;
  from = null;
  dragged.value = null;
  return was;
}

/** The region stands where the hand let go. @returns {boolean} whether there was a drag */
export function endRegion() {
  const area = dragged.value;
  if (!dropRegion() || !area) return false;
  const { layer, channel, mode } = inView.value;
  const at = mode === 'gradient' ? gradientLayer(inView.value) : layer;
  if (at >= 0) mark({ layer: at, channel, ...area });
  else {
    // Of the units above the pixels that were dragged over.
    const [first, last] = [cellAbove(layer, area.row, area.col), cellAbove(layer, area.row + area.rows - 1, area.col + area.cols - 1)];
    if (first && last) mark({ layer, channel: lossMap(inView.value), ...between(first, last) });
  }
  return true;
}

/** @param {import('./state.js').Region} found @param {string} [name] */
const mark = (found, name) => edit({ region: found, loss: 'region' }, name);

export const clearRegion = () => edit({ region: null });

/** @param {number} first @param {number} count @param {number} anchor */
const farEnd = (first, count, anchor) => (anchor === first ? first + count - 1 : first);

/** Move the corner of the region that is opposite to the pinned cell. @param {[number, number]} move */
export function extendRegion([down, right]) {
  const { unit } = part;
  const at = part.mode === 'gradient' ? gradientLayer(part) : part.layer;
  const [layer, channel] = at < 0 ? [part.layer, lossMap(part)] : [at, part.channel];
  const [, rows, cols] = toldSides(layer) ?? [0, 0, 0];
  if (!rows || !cols || givesVector(part.layers, layer)) return;
  const pinned = unit?.layer === layer && unit.channel === channel ? unit : null;
  const here = region.value?.layer === layer && region.value.channel === channel ? region.value : null;
  const anchor = pinned ?? here ?? { row: rows >> 1, col: cols >> 1 };
  const isCorner = here && [here.row, here.row + here.rows - 1].includes(anchor.row) && [here.col, here.col + here.cols - 1].includes(anchor.col);
  const now = isCorner ? here : oneCell(anchor);
  const within = (/** @type {number} */ at, /** @type {number} */ most) => Math.min(Math.max(at, 0), most - 1);
  const row = within(farEnd(now.row, now.rows, anchor.row) + down, rows);
  const col = within(farEnd(now.col, now.cols, anchor.col) + right, cols);
  mark({ layer, channel, ...between(anchor, { row, col }) }, 'region');
}
