/** What the unit under the sliding window sends back: to what it saw, by its weights, and to its weights, by what it saw. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { number } from './format.js';
import { lossOf } from './loss.js';
import { here, lattice, slid } from './slid.js';
import { lab, part } from './state.js';
import { byChannel, colsOf, grid, inputOf, weightOf } from './term-grid.js';

const MOST_SIDE = 7;
const MOST_CHANNELS = 4;

/** dL by the value of the unit, which the loss looks at itself; null where it looks at a target. @param {number} value */
function slope(value) {
  const { type, select } = lossOf(lab.value);
  const [unit, places] = [slid.value, lattice.value];
  if (!unit || !places) return null;
  const cells = places.maps * places.rows * places.cols;
  if (type === 'mse' && part.target.of === 'number') return (2 * (value - part.target.number)) / cells;
  if (!select) return null;
  const { channels, rows = [0, places.rows], cols = [0, places.cols] } = select;
  const looks = unit.row >= rows[0] && unit.row < rows[1] && unit.col >= cols[0] && unit.col < cols[1];
  if (!looks || (channels && !channels.includes(unit.channel))) return 0;
  if (type === 'l2') return value;
  return type === 'mean' ? 1 / cells : 1;
}

/** Whether the arithmetic is about a unit with weights that sends back. @param {any} told */
export const isSentBack = (told) =>
  part.mode === 'gradient' && slid.value !== null && told?.terms?.length > 0 && told.of?.endsWith('.output') && weightOf(told.terms[0]).name === 'kernel';

/** @param {any} told */
export function sentBack(told) {
  const by = slope(told.value) ?? 0;
  const groups = byChannel(told.terms);
  const cols = colsOf(groups[0][1]);
  if (cols > MOST_SIDE || groups[0][1].length / cols > MOST_SIDE || groups.length > MOST_CHANNELS)
    return html`<p class="dim">${told.terms.length} weights, and as many numbers of the patch, are sent back times dL/dMap.</p>`;
  const below = told.layer ? `dL/dMap of layer ${told.layer}` : 'dL/dInput';
  return groups.map(([channel, terms]) => {
    const padding = terms.map((term) => term.padding);
    const cells = (/** @type {(term: any) => any} */ of, /** @type {number} */ factor, /** @type {string} */ title, /** @type {boolean} */ tinted) =>
      grid(terms.map((term) => of(term).value * factor), cols, padding, title, tinted);
    return html`<div class="product">
      ${groups.length > 1 ? html`<small>channel ${channel}</small>` : nothing} ${cells(weightOf, 1, 'kernel', true)}
      <div class="factor"><span class="op">× ${number(by, 3)} =</span>${cells(weightOf, by, `to ${below}`, true)}</div>
      ${cells(inputOf, 1, 'patch', false)}
      <div class="factor"><span class="op">× ${number(by, 3)} =</span>${cells(inputOf, by, 'to dL/dKernel', true)}</div>
    </div>`;
  });
}

/** @param {any} told */
export function sentBackLine(told) {
  if (!isSentBack(told) || !here.value) return nothing;
  const { rows, cols } = here.value;
  const first = rows * cols > 1 ? `The first of the ${rows} × ${cols} cells that are passed here. ` : '';
  return html`<small class="sees" data-testid="sent-back">${first}dL/dMap of this cell is <span data-testid="sent-back-slope">${number(slope(told.value) ?? 0, 6)}</span>.</small>`;
}
