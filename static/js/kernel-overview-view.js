/** A large kernel as a whole, in colours, and the window of it whose weights stand in the grid. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { signal } from '../vendor/signals-core/signals-core.js';
import { inWords } from './areas.js';
import { largestOf } from './cells.js';
import { scaleFor } from './colour.js';
import { paint } from './painting.js';
import { dark } from './theme.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */
/** @typedef {import('./areas.js').Area} Area */

/** A kernel of more rows or columns is edited through a window of it: thousands of controls would take seconds to draw. */
const MOST_SIDE = 11;
const WINDOW = 7;

/** The weight in the middle of the window; the kernel's own middle until one is chosen. */
const middle = signal(/** @type {{row: number, col: number} | null} */ (null));

/** Move the window to a weight. @param {number} row @param {number} col */
export const reveal = (row, col) => {
  middle.value = { row, col };
};

/** @param {Matrix} matrix */
const isWhole = (matrix) => matrix.length <= MOST_SIDE && matrix[0].length <= MOST_SIDE;

/** The weights that stand in the grid. @param {Matrix} matrix @returns {Area} */
export function windowOf(matrix) {
  const [rows, cols] = [matrix.length, matrix[0].length];
  if (isWhole(matrix)) return { row: 0, col: 0, rows, cols };
  const at = middle.value ?? { row: rows >> 1, col: cols >> 1 };
  const first = (/** @type {number} */ place, /** @type {number} */ count) => Math.max(0, Math.min(place - (WINDOW >> 1), count - WINDOW));
  return { row: first(at.row, rows), col: first(at.col, cols), rows: Math.min(rows, WINDOW), cols: Math.min(cols, WINDOW) };
}

/** The part of a matrix that an area names. @param {Matrix} matrix @param {Area} area */
export const partOf = (matrix, { row, col, rows, cols }) => matrix.slice(row, row + rows).map((line) => line.slice(col, col + cols));

/** A press or a drag brings the window along. @param {Matrix} matrix @param {PointerEvent} event */
function onPointer(matrix, { buttons, clientX, clientY, currentTarget }) {
  if (!buttons) return;
  const { left, top, width, height } = /** @type {Element} */ (currentTarget).getBoundingClientRect();
  const at = (/** @type {number} */ share, /** @type {number} */ count) => Math.max(0, Math.min(Math.floor(share * count), count - 1));
  reveal(at((clientY - top) / height, matrix.length), at((clientX - left) / width, matrix[0].length));
}

/** @param {Matrix} matrix */
function paintOverview(matrix) {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.getElementById('kernel-overview'));
  if (!canvas) return;
  const [rows, cols] = [matrix.length, matrix[0].length];
  const largest = largestOf(matrix);
  const values = Float32Array.from(matrix.flat());
  const plane = { values, rows, cols, full: /** @type {[number, number]} */ ([rows, cols]), scale: 1, offset: 0, exact: true, stats: null, edited: null };
  paint(canvas, plane, scaleFor('signed', -largest, largest, dark.value));
}

/** CSS pixels of the overview along its longer side, and the least along the other. */
const SIDE = 210;
const LEAST_SIDE = 10;

/** @param {number} rows @param {number} cols */
function sizeOf(rows, cols) {
  const [height, width] = [rows, cols].map((count) => Math.max(LEAST_SIDE, (SIDE * count) / Math.max(rows, cols)));
  return `width:${width}px;height:${height}px`;
}

/** The whole of a kernel that is too large for the grid. @param {Matrix} matrix */
export function kernelOverview(matrix) {
  if (isWhole(matrix)) return nothing;
  const [rows, cols] = [matrix.length, matrix[0].length];
  const area = windowOf(matrix);
  const { row, col, rows: high, cols: wide } = area;
  dark.value; // for the colours to follow
  queueMicrotask(() => paintOverview(matrix)); // when the canvas is there
  const share = (/** @type {number} */ count, /** @type {number} */ of) => `${(100 * count) / of}%`;
  const onHand = (/** @type {PointerEvent} */ event) => onPointer(matrix, event);
  return html`<div class="overview" .style=${sizeOf(rows, cols)} @pointerdown=${onHand} @pointermove=${onHand}>
      <canvas id="kernel-overview" width="1" height="1" role="img" aria-label="The whole kernel, ${rows} × ${cols}"></canvas>
      <i .style=${`left:${share(col, cols)};top:${share(row, rows)};width:${share(wide, cols)};height:${share(high, rows)}`}></i>
    </div>
    <small data-testid="kernel-window"
      >Below: ${inWords(area)}. Press above, or walk with Ctrl and arrows, for others.</small
    >`;
}
