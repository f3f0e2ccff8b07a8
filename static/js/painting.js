/** Canvases at data resolution; CSS enlarges them. */

import { colourInto } from './colour.js';

/** @typedef {import('./live.js').Plane} Plane */
/** @typedef {import('./colour.js').Scale} Scale */

/** Maps of up to this many cells are coloured at one go. */
const USUAL_CELLS = 1 << 20;
/** Larger ones in bands of this many: few enough that the page answers the hand in between. */
const BAND_CELLS = 1 << 17;

/** Let the browser do what is due. @returns {Promise<void>} */
const breathe = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D} */
const contextOf = (canvas) => /** @type {any} */ (canvas.getContext('2d'));

/** @param {HTMLCanvasElement} canvas @param {{rows: number, cols: number}} size */
function resize(canvas, { rows, cols }) {
  if (canvas.width !== cols) canvas.width = cols;
  if (canvas.height !== rows) canvas.height = rows;
}

/**
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {Plane} plane
 * @param {Scale} scale
 * @param {number} first row
 * @param {number} count of rows
 */
function paintRows(context, plane, scale, first, count) {
  const image = context.createImageData(plane.cols, count);
  const values = plane.values.subarray(first * plane.cols, (first + count) * plane.cols);
  colourInto({ ...plane, values }, scale, new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, first);
}

/** @param {HTMLCanvasElement} canvas @param {Plane} plane @param {Scale} scale */
export function paint(canvas, plane, scale) {
  resize(canvas, plane);
  if (plane.values.length) paintRows(contextOf(canvas), plane, scale, 0, plane.rows);
}

/** Stops the painting in bands that is under way. */
let newest = {};

/**
 * Paint a map of any size: a usual one at once, a large one in bands with the page alive between them.
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 * @param {Scale} scale
 * @returns {Promise<boolean>} false where a newer painting took over
 */
export async function paintAlive(canvas, plane, scale) {
  const mine = {};
  newest = mine;
  if (plane.values.length <= USUAL_CELLS) {
    paint(canvas, plane, scale);
    return true;
  }
  const { rows, cols } = plane;
  // Aside, for the old picture to stay until the new one is whole.
  const sheet = new OffscreenCanvas(cols, rows);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (sheet.getContext('2d'));
  const band = Math.max(1, Math.floor(BAND_CELLS / cols));
  for (let first = 0; first < rows; first += band) {
    paintRows(context, plane, scale, first, Math.min(band, rows - first));
    await breathe();
    if (newest !== mine) return false;
  }
  resize(canvas, plane);
  const shown = contextOf(canvas);
  shown.globalCompositeOperation = 'copy'; // what is clear in the new picture does not show the old one
  shown.drawImage(sheet, 0, 0);
  return true;
}

/** A plane of at most `side` rows and columns: every n-th cell. @param {Plane} plane @param {number} side @returns {Plane} */
export function thinned(plane, side) {
  const step = Math.ceil(Math.max(plane.rows, plane.cols) / side);
  if (step <= 1) return plane;
  const rows = Math.ceil(plane.rows / step);
  const cols = Math.ceil(plane.cols / step);
  const values = plane.values.slice(0, rows * cols);
  for (let row = 0; row < rows; row += 1)
    for (let col = 0; col < cols; col += 1) values[row * cols + col] = plane.values[(row * plane.cols + col) * step];
  return { ...plane, values, rows, cols };
}

const BARS = 64;

/** @param {HTMLCanvasElement} canvas @param {import('./colour.js').Histogram} histogram @param {string} ink */
export function paintHistogram(canvas, { counts }, ink) {
  const bars = new Array(BARS).fill(0);
  counts.forEach((count, bin) => (bars[Math.floor((bin * BARS) / counts.length)] += count));
  const most = Math.sqrt(Math.max(...bars, 1));
  canvas.width = BARS * 4;
  canvas.height = 44;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.fillStyle = ink;
  bars.forEach((count, bar) => {
    // Square roots keep the rare values visible beside the heap at zero.
    const height = (Math.sqrt(count) / most) * canvas.height;
    context.fillRect(bar * 4, canvas.height - height, 3, height);
  });
}

/**
 * Mark the moment after the frame that shows the first answer to an edit, and measure from the edit.
 * @param {number} edited
 */
export function markPainted(edited) {
  requestAnimationFrame(async () => {
    await breathe();
    const { startTime } = performance.mark('painted');
    performance.measure('edit-to-paint', { start: edited, end: startTime });
  });
}
