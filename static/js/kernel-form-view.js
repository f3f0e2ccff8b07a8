/** What kind of kernel it is, where it comes from, and which part of it the grid shows. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { bankSize, channelsInto, kernelOf, matrixOf, replaceMatrix, setKernel, sliceOf } from './kernel-edit.js';
import { rotated } from './kernel.js';
import { LAYER_TYPES, isBank, isConvolution, isRandom } from './layer-types.js';
import { limitOf } from './limits.js';
import { isOneDimensional } from './one-row.js';
import { edit, part, presets } from './state.js';

const RANDOM = { filters: 8, init: 'he_normal', seed: 0 };
const RANDOM_SIDE = 3;
const CLOSE = 1e-9;

const FORMS = {
  each: { title: 'each channel', says: 'These weights go over each channel by itself: one map a channel.' },
  bank: { title: 'all channels', says: 'A filter has weights for every channel and adds them up: one map a filter.' },
  random: { title: 'random', says: 'Filters of random weights over all channels; the same seed gives the same weights.' },
};

/** @param {unknown} kernel @returns {keyof typeof FORMS} */
const formOf = (kernel) => (isRandom(kernel) ? 'random' : isBank(/** @type {any} */ (kernel)) ? 'bank' : 'each');

/** @param {number} index @param {string} wanted */
function chooseForm(index, wanted) {
  const { type, kernel } = part.layers[index];
  const matrix = isRandom(kernel) ? LAYER_TYPES[type].make().kernel : matrixOf(index);
  const bank = () => [Array.from({ length: channelsInto(index) }, () => matrix)];
  const random = () => ({ random: { ...RANDOM, size: [isOneDimensional({ type }) ? 1 : RANDOM_SIDE, RANDOM_SIDE] } });
  setKernel(index, { kernel: wanted === 'random' ? random() : wanted === 'bank' ? bank() : matrix, groups: 1 });
}

/** @param {number} index */
export function formMenu(index) {
  if (!isConvolution(part.layers[index])) return nothing;
  const form = formOf(part.layers[index].kernel);
  return html`<select
    aria-label="Form of the kernel"
    data-testid="kernel-form"
    @change=${(/** @type {any} */ event) => chooseForm(index, event.target.value)}
  >
    ${Object.entries(FORMS).map(([name, { title }]) => html`<option value=${name} .selected=${name === form}>${title}</option>`)}
  </select>`;
}

/** @param {number} index */
export const formSentence = (index) =>
  isConvolution(part.layers[index])
    ? FORMS[formOf(part.layers[index].kernel)].says
    : 'Every channel by itself: each of its cells spreads these weights over the larger map.';

/** The presets that have as many rows as the layer can. @param {number} index */
const presetsFor = (index) => presets.value.filter(({ matrix }) => matrix.length === 1 || !isOneDimensional(part.layers[index]));

/** The preset that the grid holds, if it is one. @param {number} index */
function presetOf(index) {
  const matrix = matrixOf(index);
  const same = (/** @type {number[][]} */ other) =>
    other.length === matrix.length &&
    other[0].length === matrix[0].length &&
    other.every((line, row) => line.every((value, col) => Math.abs(value - matrix[row][col]) < CLOSE));
  return presets.value.find((preset) => same(preset.matrix));
}

/** What the preset in the grid finds; '' where the layer turns it over, for that finds the opposite, or spreads it. @param {number} index */
export function findingOf(index) {
  const { type, flip } = part.layers[index];
  const matrix = matrixOf(index);
  const turned = flip && JSON.stringify(rotated(rotated(matrix))) !== JSON.stringify(matrix);
  return !isConvolution({ type }) || turned ? '' : (presetOf(index)?.finds ?? '');
}

/** @param {number} index */
export function presetMenu(index) {
  const now = presetOf(index)?.name ?? '';
  const choose = (/** @type {HTMLSelectElement} */ menu) => {
    const preset = presets.value.find(({ name }) => name === menu.value);
    if (preset) replaceMatrix(index, preset.matrix);
    else menu.value = now;
  };
  return html`<select aria-label="Preset kernels" data-testid="preset" @change=${(/** @type {any} */ event) => choose(event.target)}>
    <option value="" .selected=${now === ''}>${now === '' ? 'own weights' : 'Presets'}</option>
    ${presetsFor(index).map(
      ({ name, finds }) =>
        html`<option value=${name} title=${finds} .selected=${name === now}>${name.replaceAll('_', ' ')}</option>`,
    )}
  </select>`;
}

/** A bank gains and loses filters here; how many random ones there are is a number of its own. @param {number} index */
function filterButtons(index) {
  const bank = kernelOf(index);
  if (!isBank(bank)) return nothing;
  const [filter] = sliceOf(index);
  const add = () => setKernel(index, { kernel: [...bank, bank[filter]] }, bank.length);
  const drop = () => setKernel(index, { kernel: bank.filter((_, place) => place !== filter) }, Math.max(0, filter - 1));
  return html`<button class="small" aria-label="Add a filter" ?disabled=${bank.length >= limitOf('filters')} @click=${add}>+</button>
    <button class="small" aria-label="Drop filter ${filter}" ?disabled=${bank.length === 1} @click=${drop}>−</button>`;
}

/** @param {number} index @param {number} count */
function filterTabs(index, count) {
  const [filter, channel] = sliceOf(index);
  const follows = index === part.layer && part.mode === 'forward';
  const show = (/** @type {number} */ place) =>
    edit({ slice: [place, channel], channel: follows ? place : part.channel }, 'slice');
  return html`<div class="bar wrap tabs" role="group" aria-label="Filters">
    <small>filter</small>
    ${Array.from(
      { length: count },
      (_, place) =>
        html`<button class="small" aria-pressed=${place === filter} aria-label="Filter ${place}" @click=${() => show(place)}>${place}</button>`,
    )}
    ${filterButtons(index)}
  </div>`;
}

/** @param {number} index @param {number} count */
function channelTabs(index, count) {
  const [filter, channel] = sliceOf(index);
  const coloured = count === 3 && channelsInto(0) === 3 && index === 0;
  const name = (/** @type {number} */ place) => (coloured ? ['red', 'green', 'blue'][place] : String(place));
  return html`<div class="bar wrap tabs" role="group" aria-label="Input channels">
    <small>on channel</small>
    ${Array.from(
      { length: count },
      (_, place) =>
        html`<button class="small" aria-pressed=${place === channel} @click=${() => edit({ slice: [filter, place] }, 'slice')}>${name(place)}</button>`,
    )}
  </div>`;
}

/** @param {number} index */
export function sliceTabs(index) {
  const size = bankSize(index);
  if (!size) return nothing;
  const [filters, channels] = size;
  return html`${filterTabs(index, filters)} ${channels > 1 ? channelTabs(index, channels) : nothing}`;
}
