/** A kernel that is given by its size and a seed. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { sentenceAt } from './faults.js';
import { sentence, textControl, whole } from './field-view.js';
import { placeOf } from './kernel-edit.js';
import { INITIALISERS } from './layer-types.js';
import { limitOf } from './limits.js';
import { isOneDimensional } from './one-row.js';
import { editLayer, part } from './state.js';

const LARGEST_SEED = 2 ** 31 - 1;

/** @typedef {import('./layer-types.js').RandomKernel['random']} Random */

/** @param {number} index @param {Partial<Random>} change @param {string} [name] */
const set = (index, change, name) =>
  editLayer(index, { kernel: { random: { ...part.layers[index].kernel.random, ...change } } }, name);

/** @param {number} index @param {string} field */
const placeIn = (index, field) => `${placeOf(index)}/random/${field}`;

/** What is said of the kernel and of none of its numbers. @param {number} index */
export const randomSentence = (index) =>
  ['filters', 'rows', 'cols', 'seed'].some((field) => sentenceAt(placeIn(index, field))) ? nothing : sentence(placeOf(index));

/**
 * @param {number} index @param {string} label @param {string} field @param {number} value
 * @param {[number, number]} range @param {(value: number) => Partial<Random>} change
 */
function row(index, label, field, value, [least, most], change) {
  const place = placeIn(index, field);
  const control = textControl({
    place,
    label,
    value: String(value),
    parse: whole(label, least, most),
    apply: (count) => set(index, change(count), place),
    testid: `random-${field}`,
  });
  return html`<div><label class="field"><span>${label}</span>${control}</label>${sentence(place)}</div>`;
}

/** @param {number} index */
export function randomKernelView(index) {
  /** @type {Random} */
  const { filters, size, init, seed } = part.layers[index].kernel.random;
  const [side, most] = [limitOf('kernel_side'), limitOf('filters')];
  return html`<div class="random">${row(index, 'Filters', 'filters', filters, [1, most], (count) => ({ filters: count }))}
    ${isOneDimensional(part.layers[index]) ? nothing : row(index, 'Rows', 'rows', size[0], [1, side], (count) => ({ size: [count, size[1]] }))}
    ${row(index, 'Columns', 'cols', size[1], [1, side], (count) => ({ size: [size[0], count] }))}
    <label class="field"
      ><span>Law</span
      ><select data-testid="random-init" @change=${(/** @type {any} */ event) => set(index, { init: event.target.value })}>
        ${INITIALISERS.map((name) => html`<option value=${name} ?selected=${name === init}>${name.replace('_', ' ')}</option>`)}
      </select></label
    >
    ${row(index, 'Seed', 'seed', seed, [0, LARGEST_SEED], (count) => ({ seed: count }))}
      <button class="small" ?disabled=${seed === LARGEST_SEED} @click=${() => set(index, { seed: seed + 1 })}>Roll again</button>
    </div>`;
}
