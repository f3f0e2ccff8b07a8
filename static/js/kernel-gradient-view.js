/** dL/dKernel, in the same grid as the weights. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { gradientOf } from './kernel-edit.js';
import { weightTable } from './weight-table-view.js';

/** @param {number} index */
export function kernelGradientView(index) {
  const plane = gradientOf(index);
  if (!plane) return nothing;
  const { rows, cols, offset, scale } = plane;
  const value = (/** @type {number} */ row, /** @type {number} */ col) =>
    offset + scale * plane.values[row * cols + col];
  const matrix = Array.from({ length: rows }, (_, row) => Array.from({ length: cols }, (_, col) => value(row, col)));
  return html`<figure class="kernel-gradient">
    <figcaption>dL/dKernel</figcaption>
    ${weightTable(index, matrix, 'kernel-gradient', 'Gradient of the kernel')}
  </figure>`;
}
