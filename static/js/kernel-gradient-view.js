/** dL/dKernel, in the same grid as the weights. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { alike, gridStyle, largestOf, tint } from './cells.js';
import { gradientOf } from './kernel-edit.js';

/** @param {number} index */
export function kernelGradientView(index) {
  const plane = gradientOf(index);
  if (!plane) return nothing;
  const { rows, cols, offset, scale } = plane;
  const value = (/** @type {number} */ row, /** @type {number} */ col) =>
    offset + scale * plane.values[row * cols + col];
  const matrix = Array.from({ length: rows }, (_, row) => Array.from({ length: cols }, (_, col) => value(row, col)));
  const largest = largestOf(matrix);
  const texts = matrix.map((line) => line.map((one) => alike(one, largest)));
  const cell = (/** @type {number} */ one, /** @type {number} */ row, /** @type {number} */ col) =>
    html`<div class="cell" role="cell" data-testid="kernel-gradient-${row}-${col}" title=${one} .style=${tint(one, largest)}>
      <span>${texts[row][col]}</span>
    </div>`;
  return html`<figure class="kernel-gradient">
    <figcaption>dL/dKernel</figcaption>
    <div class="grid" role="table" aria-label="Gradient of the kernel" .style=${gridStyle(cols, texts.flat())}>
      ${matrix.map((line, row) => html`<div role="row" class="line">${line.map((one, col) => cell(one, row, col))}</div>`)}
    </div>
  </figure>`;
}
