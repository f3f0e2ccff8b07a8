/** Numbers of a kernel's shape to read and to point at, not to edit. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { alike, gridStyle, largestOf, tint } from './cells.js';
import { pointAtWeight, weightAt } from './kernel-edit.js';
import { partOf, windowOf } from './overview-view.js';
import { pinWeight } from './pins.js';
import { isLitWeight } from './pointing.js';

/** @param {number} index of the layer @param {import('./layer-types.js').Matrix} matrix @param {string} testid @param {string} label */
export function weightTable(index, matrix, testid, label) {
  const largest = largestOf(matrix);
  const area = windowOf(matrix, 'kernel');
  const there = partOf(matrix, area);
  const texts = there.flat().map((one) => alike(one, largest));
  const cell = (/** @type {number} */ one, /** @type {number} */ row, /** @type {number} */ col) =>
    html`<div
      class="cell"
      role="cell"
      data-testid="${testid}-${row}-${col}"
      data-lit=${isLitWeight(index, row, col) ? '' : nothing}
      title=${one}
      .style=${tint(one, largest)}
      @pointerenter=${() => pointAtWeight(index, { row, col })}
      @pointerleave=${() => pointAtWeight(index, null)}
      @click=${() => pinWeight(weightAt(index, { row, col }))}
    >
      <span>${alike(one, largest)}</span>
    </div>`;
  return html`<div class="grid" role="table" aria-label=${label} .style=${gridStyle(area.cols, texts)}>
    ${there.map((line, row) => html`<div role="row" class="line">${line.map((one, col) => cell(one, area.row + row, area.col + col))}</div>`)}
  </div>`;
}
