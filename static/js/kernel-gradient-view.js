/** dL/dKernel, in the same grid as the weights. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { alike, gridStyle, largestOf, tint } from './cells.js';
import { gradientOf, pointAtWeight, weightAt } from './kernel-edit.js';
import { partOf, windowOf } from './kernel-overview-view.js';
import { pinWeight } from './pins.js';
import { isLitWeight } from './pointing.js';

/** @param {number} index */
export function kernelGradientView(index) {
  const plane = gradientOf(index);
  if (!plane) return nothing;
  const { rows, cols, offset, scale } = plane;
  const value = (/** @type {number} */ row, /** @type {number} */ col) =>
    offset + scale * plane.values[row * cols + col];
  const matrix = Array.from({ length: rows }, (_, row) => Array.from({ length: cols }, (_, col) => value(row, col)));
  const largest = largestOf(matrix);
  const area = windowOf(matrix);
  const there = partOf(matrix, area);
  const texts = there.flat().map((one) => alike(one, largest));
  const cell = (/** @type {number} */ one, /** @type {number} */ row, /** @type {number} */ col) =>
    html`<div
      class="cell"
      role="cell"
      data-testid="kernel-gradient-${row}-${col}"
      data-lit=${isLitWeight(index, row, col) ? '' : nothing}
      title=${one}
      .style=${tint(one, largest)}
      @pointerenter=${() => pointAtWeight(index, { row, col })}
      @pointerleave=${() => pointAtWeight(index, null)}
      @click=${() => pinWeight(weightAt(index, { row, col }))}
    >
      <span>${alike(one, largest)}</span>
    </div>`;
  return html`<figure class="kernel-gradient">
    <figcaption>dL/dKernel</figcaption>
    <div class="grid" role="table" aria-label="Gradient of the kernel" .style=${gridStyle(area.cols, texts)}>
      ${there.map((line, row) => html`<div role="row" class="line">${line.map((one, col) => cell(one, area.row + row, area.col + col))}</div>`)}
    </div>
  </figure>`;
}
