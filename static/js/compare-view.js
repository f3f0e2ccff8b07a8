/** A, B and what is between them: the controls, and the numbers of the pointed cell. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { comparing, forgetKept, keep, keptPlane, swap, whyNoKept } from './compare.js';
import { valueAt } from './difference.js';
import { compared, ownPlane, whyNoDifference } from './focus.js';
import { number } from './format.js';
import { cell, pixel } from './pointing.js';
import { edit, part } from './state.js';

const DIGITS = 6;

/** In the head of the page: begin. */
export const keepButton = () =>
  part.kept
    ? nothing
    : html`<button class="plain" data-testid="keep" title="Keep this state as A, and compare with it what you edit from here on" @click=${keep}
        ><span class="wide">Compare</span><span class="narrow" aria-hidden="true">A/B</span><span class="away narrow">Compare</span></button
      >`;

/** @param {import('./state.js').Lab['compare']} value @param {string} title @param {string} says */
const choice = (value, title, says) =>
  html`<button aria-pressed=${part.compare === value} title=${says} data-testid="compare-${value}" @click=${() => edit({ compare: value }, 'compare')}>${title}</button>`;

const TITLES = { a: 'A: ', b: 'B: ', difference: 'B − A: ' };

/** What stands before the title of the map. */
export const comparedTitle = () => (part.kept ? TITLES[compared.value] : '');

export function compareView() {
  if (!part.kept) return html``;
  const why = whyNoKept.value || (comparing.value === 'difference' ? whyNoDifference.value : '');
  return html`<div class="seg" role="group" aria-label="Compare">
      ${choice('a', 'A', 'What was kept. Hold the key A to see it for a moment')}${choice('b', 'B', 'What is edited')}${choice('difference', 'B − A', 'The difference, cell by cell')}
    </div>
    <button class="small" title="Edit A, and keep what was edited as A" data-testid="swap" @click=${swap}>Swap</button>
    <button class="small" title="What is edited becomes A" data-testid="keep-again" @click=${keep}>Keep B as A</button>
    <button class="small" aria-label="End the comparison" title="End the comparison" data-testid="compare-end" @click=${forgetKept}>✕</button>
    <small role="status" data-testid="compare-says">${why || html`<span class="wide">same colours; hold <kbd>A</kbd></span>`}</small>`;
}

/** The pointed cell in A and in B. */
export function comparedLine() {
  const { kept, mode, layer, channel } = part;
  const unit = mode === 'gradient' ? pixel.value : cell.value?.layer === layer ? cell.value : null;
  if (!kept || !unit || unit.channel !== channel) return nothing;
  const [a, b] = [keptPlane.value, ownPlane.value].map((plane) => valueAt(plane, unit.row, unit.col));
  if (a === null || b === null) return nothing;
  return html`<small class="sees" data-testid="compared">A ${number(a, DIGITS)} · B ${number(b, DIGITS)} · B − A ${number(b - a, DIGITS)}</small>`;
}
