/** What the maps should become: a number everywhere, the input, a picture, or typed numbers. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { Problem, upload } from './api.js';
import { decimal, textControl } from './field-view.js';
import { ACCEPTED } from './input-view.js';
import { givesVector } from './layer-types.js';
import { LARGEST, MOST_NUMBERS } from './limits.js';
import { parseMatrix } from './matrix-text.js';
import { toldSides } from './pinned.js';
import { whyNoSlide } from './slid.js';
import { complain, edit, forget, part, samples } from './state.js';

/** @typedef {import('./state.js').Target} Target */

const PLACE = '/loss/target';
const MOST_LINES = 6;

/** Whether features, not maps, are to become the target. */
const isOfFeatures = () => givesVector(part.layers, part.layer);

/** Maps, rows and columns that are to become the target: features are one row. */
function sides() {
  const [maps, rows, cols] = toldSides(part.layer) ?? [1, 1, 1];
  return isOfFeatures() ? [1, 1, maps] : [maps, rows, cols];
}

/** @param {Target} target */
function choose(target) {
  forget(PLACE);
  edit({ target });
}

/** Whether a picture can be brought to the size of the maps: gray for one, colour for three. @param {{width: number, height: number}} picture */
function fits({ width, height }) {
  const [maps, rows, cols] = sides();
  const shrunk = Math.min(1, Math.max(rows, cols) / Math.max(width, height));
  const [high, wide] = [height, width].map((side) => Math.max(1, Math.round(side * shrunk)));
  return (maps === 1 || maps === 3) && high === rows && wide === cols;
}

/** @param {string} value of the menu */
function onChoice(value) {
  const [, rows, cols] = sides();
  const [of, name] = value.split(':');
  if (of === 'number') choose({ of, number: 0 });
  if (of === 'input') choose({ of });
  if (of === 'numbers') choose({ of, array: Array.from({ length: rows }, () => new Array(cols).fill(0)) });
  if (of === 'sample' || of === 'image') choose({ of, name });
}

function menu() {
  const { target, input } = part;
  const [, rows, cols] = sides();
  const pictures = samples.value.filter(({ kind }) => kind === 'picture');
  const now = 'name' in target ? `${target.of}:${target.name}` : target.of;
  const own = target.of === 'image' ? target.name : input.image;
  const option = (/** @type {string} */ value, /** @type {string} */ title, off = false) =>
    html`<option value=${value} .selected=${value === now} ?disabled=${off && value !== now}>${title}</option>`;
  return html`<select data-testid="target" aria-label="Target" @change=${(/** @type {any} */ event) => onChoice(event.target.value)}>
    ${option('number', 'a number everywhere')} ${option('input', 'the input itself')}
    ${option('numbers', 'typed numbers', rows * cols > MOST_NUMBERS)}
    ${pictures.map((sample) => option(`sample:${sample.name}`, `${sample.title}, ${sample.height} × ${sample.width}`, !fits(sample)))}
    ${own ? option(`image:${own}`, 'the uploaded picture') : nothing}
  </select>`;
}

/** @param {any} event */
async function onFile({ target }) {
  const [file] = target.files;
  target.value = '';
  if (!file) return;
  try {
    const { id } = await upload(file, new AbortController().signal);
    choose({ of: 'image', name: id });
  } catch (error) {
    if (error instanceof Problem) complain(PLACE, `${error.message} The last target stays.`);
    else if (error instanceof TypeError) complain(PLACE, 'The picture did not reach the server; try again. The last target stays.');
    else throw error;
  }
}

/** @param {string} text */
function readNumbers(text) {
  const read = parseMatrix(text);
  if ('error' in read) return complain(PLACE, `${read.error} The last target stays.`);
  const [rows, cols] = [read.value.length, read.value[0].length];
  const [, high, wide] = sides();
  if (rows !== high || cols !== wide) return complain(PLACE, `These are ${rows} rows of ${cols}; the map has ${high} rows of ${wide}. The last target stays.`);
  if (read.value.flat().some((value) => Math.abs(value) > LARGEST)) return complain(PLACE, `A number must be from −${LARGEST} to ${LARGEST}. The last target stays.`);
  return choose({ of: 'numbers', array: read.value });
}

/** @param {number[][]} array */
const numbersText = (array) =>
  html`<textarea
    class="mono target-numbers"
    aria-label="Numbers of the target, a row a line"
    data-testid="target-numbers"
    rows=${Math.min(array.length, MOST_LINES)}
    spellcheck="false"
    .value=${array.map((line) => line.join(' ')).join('\n')}
    @change=${(/** @type {any} */ event) => readNumbers(event.target.value)}
  ></textarea>`;

/** Which pictures can be the target, and what does not go with one. */
function fitting() {
  const [maps, rows, cols] = sides();
  const colours = maps === 1 || maps === 3 ? '' : `This layer has ${maps} maps: a picture is compared with 1, in gray, or with 3, in red, green and blue. `;
  const size = `A picture must have the proportions of the map, ${rows} × ${cols}, and at least its size.`;
  return html`<small class="fitting" data-testid="target-says">${isOfFeatures() ? 'Features are compared with numbers, not with a picture.' : colours + size} ${whyNoSlide.value}</small>`;
}

export function targetView() {
  const { target } = part;
  return html`<div class="bar wrap target">
    <label><span>Target</span>${menu()}</label>
    ${target.of === 'number'
      ? html`<span class="target-number">${textControl({
          place: PLACE,
          label: 'Number that every cell should be',
          value: String(target.number),
          parse: decimal('The target', LARGEST),
          apply: (value) => edit({ target: { of: 'number', number: value } }, PLACE),
          testid: 'target-value',
          saidAt: '/loss',
        })}</span>`
      : nothing}
    <label class="button">Picture…<input type="file" class="away" accept=${ACCEPTED} aria-label="Choose a picture as the target" data-testid="target-file" @change=${onFile} /></label>
    ${target.of === 'numbers' ? numbersText(target.array) : nothing} ${fitting()}
  </div>`;
}
