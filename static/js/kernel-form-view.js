/** What kind of kernel it is, where it comes from, and which part of it the grid shows. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { bankAxes, bankSize, channelsInto, kernelOf, matrixOf, replaceMatrix, setKernel, sliceOf } from './kernel-edit.js';
import { rotated } from './kernel.js';
import { LAYER_TYPES, isBank, isConvolution, isRandom, isTransposed } from './layer-types.js';
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
  const channels = () => Array.from({ length: channelsInto(index) });
  const bank = () => (isTransposed({ type }) ? channels().map(() => [matrix]) : [channels().map(() => matrix)]);
  const random = () => ({ random: { ...RANDOM, size: [isOneDimensional({ type }) ? 1 : RANDOM_SIDE, RANDOM_SIDE] } });
  const chosen = wanted === 'random' ? random() : wanted === 'bank' ? bank() : matrix;
  setKernel(index, { kernel: chosen, ...(isTransposed({ type }) ? {} : { groups: 1 }) });
}

/** @param {number} index */
export function formMenu(index) {
  const form = formOf(part.layers[index].kernel);
  return html`<select
    aria-label="Form of the kernel"
    data-testid="kernel-form"
    @change=${(/** @type {any} */ event) => chooseForm(index, event.target.value)}
  >
    ${Object.entries(FORMS).map(([name, { title }]) => html`<option value=${name} .selected=${name === form}>${title}</option>`)}
  </select>`;
}

/** The same of a transposed convolution. @type {Record<keyof typeof FORMS, string>} */
const SPREADS = {
  each: 'Every channel by itself: each of its cells spreads these weights over the larger map.',
  bank: 'Every channel has weights for every map: its cells spread them there, and what comes from all channels adds up.',
  random: 'Random weights from every channel to every map; the same seed gives the same weights.',
};

/** @param {number} index */
export function formSentence(index) {
  const form = formOf(part.layers[index].kernel);
  return isTransposed(part.layers[index]) ? SPREADS[form] : FORMS[form].says;
}

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

/** A bank gains and loses filters, or maps, here; how many random ones there are is a number of its own. @param {number} index */
function mapButtons(index) {
  const bank = kernelOf(index);
  if (!isBank(bank)) return nothing;
  const spreads = isTransposed(part.layers[index]);
  const [what, at, count] = spreads ? ['map', sliceOf(index)[1], bank[0].length] : ['filter', sliceOf(index)[0], bank.length];
  /** @param {(list: any[]) => any[]} change of the list of filters, or of the maps of each channel @param {number} map */
  const change = (change, map) => setKernel(index, { kernel: spreads ? bank.map(change) : change(bank) }, map);
  const drop = (/** @type {any[]} */ list) => list.filter((_, place) => place !== at);
  return html`<button class="small" aria-label="Add a ${what}" ?disabled=${count >= limitOf('filters')} @click=${() => change((list) => [...list, list[at]], count)}>+</button>
    <button class="small" aria-label="Drop ${what} ${at}" ?disabled=${count === 1} @click=${() => change(drop, Math.max(0, at - 1))}>−</button>`;
}

/** The buttons of one axis of a bank. @param {number} index @param {0 | 1} axis @param {number} count @param {boolean} makesMaps */
function tabs(index, axis, count, makesMaps) {
  const slice = sliceOf(index);
  const follows = makesMaps && index === part.layer && part.mode === 'forward';
  const coloured = !makesMaps && count === 3 && channelsInto(0) === 3 && index === 0;
  const name = (/** @type {number} */ place) => (coloured ? ['red', 'green', 'blue'][place] : String(place));
  const what = bankAxes(index)[axis];
  const show = (/** @type {number} */ place) =>
    edit({ slice: axis === 0 ? [place, slice[1]] : [slice[0], place], channel: follows ? place : part.channel }, 'slice');
  return html`<div class="bar wrap tabs" role="group" aria-label=${makesMaps ? `${what[0].toUpperCase()}${what.slice(1)}s` : 'Input channels'}>
    <small>${makesMaps ? what : 'on channel'}</small>
    ${Array.from(
      { length: count },
      (_, place) =>
        html`<button class="small" aria-pressed=${place === slice[axis]} aria-label=${makesMaps ? `${what[0].toUpperCase()}${what.slice(1)} ${place}` : nothing} @click=${() => show(place)}>${name(place)}</button>`,
    )}
    ${makesMaps ? mapButtons(index) : nothing}
  </div>`;
}

/** @param {number} index */
export function sliceTabs(index) {
  const size = bankSize(index);
  if (!size) return nothing;
  const maps = isTransposed(part.layers[index]) ? 1 : 0;
  const channels = maps === 1 ? 0 : 1;
  return html`${tabs(index, maps, size[maps], true)} ${size[channels] > 1 ? tabs(index, channels, size[channels], false) : nothing}`;
}
