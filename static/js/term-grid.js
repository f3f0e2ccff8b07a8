/** The terms of a sum as grids: what stands on the left, on the right, and their products. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { number } from './format.js';

/** @typedef {{left: any, right: any, product: number, padding: boolean}} Term */

/** @param {number[]} values @param {number} cols @param {boolean[]} padding @param {string} title @param {boolean} tinted */
export function grid(values, cols, padding, title, tinted) {
  const largest = Math.max(...values.map(Math.abs), 1e-12);
  const shade = (/** @type {number} */ value) =>
    tinted ? `background:color-mix(in srgb,var(${value < 0 ? '--neg' : '--pos'}) ${Math.round((Math.abs(value) / largest) * 60)}%,var(--panel))` : '';
  return html`<figure>
    <figcaption>${title}</figcaption>
    <div class="grid tiny" .style=${`--cols:${cols}`}>
      ${values.map(
        (value, place) =>
          html`<span class="cell ${padding[place] ? 'pad' : ''}" title=${padding[place] ? 'padding' : nothing} .style=${shade(value)}
            >${number(value, 3)}</span
          >`,
      )}
    </div>
  </figure>`;
}

/** @param {{name: string}} factor */
const isWeight = ({ name }) => name === 'kernel' || name === 'weight';

/** The factor that is no weight. @param {Term} term */
export const inputOf = ({ left, right }) => (isWeight(left) ? right : left);

/** @param {Term} term */
export const weightOf = ({ left, right }) => (isWeight(left) ? left : right);

/** Features of a vector that stand in one row. */
const FEATURES_A_ROW = 7;

/** How many columns the grid of terms has. @param {Term[]} terms */
export function colsOf(terms) {
  if (inputOf(terms[0]).position.length === 2) return Math.min(terms.length, FEATURES_A_ROW);
  const rows = new Set(terms.map((term) => inputOf(term).position.at(-2)));
  return Math.max(1, terms.length / Math.max(rows.size, 1));
}

/** Terms by channel of the input, or by map of the upstream gradient, in their order. @param {Term[]} terms */
export function byChannel(terms) {
  /** @type {Map<number, Term[]>} */
  const groups = new Map();
  for (const term of terms) {
    const { position } = inputOf(term);
    const channel = position.length === 2 ? 0 : position[1];
    const group = groups.get(channel);
    if (group) group.push(term);
    else groups.set(channel, [term]);
  }
  return [...groups];
}
