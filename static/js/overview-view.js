/** A large matrix, of a kernel or of typed numbers, as a whole, in colours, and the window of it whose numbers stand in the grid. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { signal } from '../vendor/signals-core/signals-core.js';
import { inWords } from './areas.js';
import { largestOf } from './cells.js';
import { scaleFor } from './colour.js';
import { paint } from './painting.js';
import { dark } from './theme.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */
/** @typedef {import('./areas.js').Area} Area */

/** @typedef {'kernel' | 'input'} Name whose matrix it is */

/** A matrix of more rows or columns is edited through a window of it: thousands of controls would take seconds to draw. @type {Record<Name, [number, number]>} */
const MOST = { kernel: [11, 11], input: [12, 8] };
const WINDOW = 7;

/** @type {() => import('../vendor/signals-core/signals-core.js').Signal<{row: number, col: number} | null>} */
const nowhere = () => signal(null);
/** The number in the middle of the window; the matrix's own middle until one is chosen. */
const middles = { kernel: nowhere(), input: nowhere() };

/** Move the window to a number. @param {Name} name @returns {(row: number, col: number) => void} */
export const revealIn = (name) => (row, col) => {
  middles[name].value = { row, col };
};

/** @param {Matrix} matrix @param {Name} name */
const isWhole = (matrix, name) => matrix.length <= MOST[name][0] && matrix[0].length <= MOST[name][1];

/** The numbers that stand in the grid. @param {Matrix} matrix @param {Name} name @returns {Area} */
export function windowOf(matrix, name) {
  const [rows, cols] = [matrix.length, matrix[0].length];
  if (isWhole(matrix, name)) return { row: 0, col: 0, rows, cols };
  const at = middles[name].value ?? { row: rows >> 1, col: cols >> 1 };
  const first = (/** @type {number} */ place, /** @type {number} */ count) => Math.max(0, Math.min(place - (WINDOW >> 1), count - WINDOW));
  return { row: first(at.row, rows), col: first(at.col, cols), rows: Math.min(rows, WINDOW), cols: Math.min(cols, WINDOW) };
}

/** The part of a matrix that an area names. @param {Matrix} matrix @param {Area} area */
export const partOf = (matrix, { row, col, rows, cols }) => matrix.slice(row, row + rows).map((line) => line.slice(col, col + cols));

/** A press or a drag brings the window along. @param {Matrix} matrix @param {Name} name @param {PointerEvent} event */
function onPointer(matrix, name, { buttons, clientX, clientY, currentTarget }) {
  if (!buttons) return;
  const { left, top, width, height } = /** @type {Element} */ (currentTarget).getBoundingClientRect();
  const at = (/** @type {number} */ share, /** @type {number} */ count) => Math.max(0, Math.min(Math.floor(share * count), count - 1));
  revealIn(name)(at((clientY - top) / height, matrix.length), at((clientX - left) / width, matrix[0].length));
}

/** @param {Matrix} matrix @param {Name} name */
function paintOverview(matrix, name) {
  const canvas = /** @type {HTMLCanvasElement | null} */ (document.getElementById(`${name}-overview`));
  if (!canvas) return;
  const [rows, cols] = [matrix.length, matrix[0].length];
  const largest = largestOf(matrix);
  const values = Float32Array.from(matrix.flat());
  const plane = { values, rows, cols, full: /** @type {[number, number]} */ ([rows, cols]), scale: 1, offset: 0, exact: true, stats: null, edited: null };
  paint(canvas, plane, scaleFor('signed', -largest, largest, dark.value));
}

/** CSS pixels of the overview along its longer side, and the least along the other. */
const SIDE = 210;
const LEAST_SIDE = 20;

/** @param {number} rows @param {number} cols */
function sizeOf(rows, cols) {
  const [height, width] = [rows, cols].map((count) => Math.max(LEAST_SIDE, (SIDE * count) / Math.max(rows, cols)));
  return `width:${width}px;height:${height}px`;
}

/** The whole of a matrix that is too large for the grid. @param {Matrix} matrix @param {Name} name @param {Area | null} [lit] cells of it that are tied to what the hand points at */
export function overview(matrix, name, lit = null) {
  if (isWhole(matrix, name)) return nothing;
  const [rows, cols] = [matrix.length, matrix[0].length];
  const area = windowOf(matrix, name);
  dark.value; // for the colours to follow
  queueMicrotask(() => paintOverview(matrix, name)); // when the canvas is there
  const share = (/** @type {number} */ count, /** @type {number} */ of) => `${(100 * count) / of}%`;
  const place = (/** @type {Area} */ { row, col, rows: high, cols: wide }) =>
    `left:${share(col, cols)};top:${share(row, rows)};width:${share(wide, cols)};height:${share(high, rows)}`;
  const onHand = (/** @type {PointerEvent} */ event) => onPointer(matrix, name, event);
  return html`<div class="overview" .style=${sizeOf(rows, cols)} @pointerdown=${onHand} @pointermove=${onHand}>
      <canvas id="${name}-overview" width="1" height="1" role="img" aria-label="The whole ${name}, ${rows} × ${cols}"></canvas>
      <i .style=${place(area)}></i>${lit ? html`<i class="lit" data-testid="${name}-lit" .style=${place(lit)}></i>` : nothing}
    </div>
    <small data-testid="${name}-window"
      >Below: ${inWords(area)}. Press above, or walk with Ctrl and arrows, for others.</small
    >`;
}
