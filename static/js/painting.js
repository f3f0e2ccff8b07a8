/** Canvases at data resolution; CSS enlarges them. */

import { colourInto, histogram } from './colour.js';

/** @typedef {import('./live.js').Plane} Plane */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 * @param {import('./colour.js').Scale} scale
 */
export function paint(canvas, plane, scale) {
  if (canvas.width !== plane.cols) canvas.width = plane.cols;
  if (canvas.height !== plane.rows) canvas.height = plane.rows;
  if (!plane.rows || !plane.cols) return;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
  const image = context.createImageData(plane.cols, plane.rows);
  colourInto(plane, scale, new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
}

const BARS = 64;

/** @param {HTMLCanvasElement} canvas @param {Plane} plane @param {string} ink */
export function paintHistogram(canvas, plane, ink) {
  const { counts } = histogram(plane);
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
 * Mark the moment after the frame that shows what was just drawn.
 * @param {string} mark
 */
export function markPainted(mark) {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      performance.mark(mark);
      port1.close();
    };
    port2.postMessage(null);
  });
}
