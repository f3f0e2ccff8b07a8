/** A small input that is typed: a grid of cells, and the same as text. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { forgetUnder, idOf } from './field-view.js';
import { LARGEST, MOST_NUMBERS } from './limits.js';
import { parseMatrix } from './matrix-text.js';
import { matrixView } from './matrix-view.js';
import { pinPixel } from './pins.js';
import { isLit } from './pointing.js';
import { complain, edit, part, pointedInput } from './state.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */

const PLACE = '/input';
/** Cells of a wider or higher matrix would be too small to type in: it is edited as text. */
const GRID_ROWS = 12;
const GRID_COLS = 8;
const MOST_LINES = 8;

/** The notes' matrix of two rows. */
export const startNumbers = [
  [1, 2, 3, 4, 5],
  [5, 6, 7, 8, 9],
];

/** @param {Matrix} array @param {string} [name] */
function setNumbers(array, name) {
  complain(PLACE, '');
  edit({ input: { array } }, name);
}

/** @param {Matrix} array */
function replaceNumbers(array) {
  forgetUnder(PLACE);
  setNumbers(array);
}

/** @param {string} text */
function readNumbers(text) {
  const read = parseMatrix(text);
  if ('error' in read) return complain(PLACE, `${read.error} The last good ones stay in use.`);
  const matrix = read.value;
  const count = matrix.flat().length;
  if (count > MOST_NUMBERS)
    return complain(PLACE, `These are ${count} numbers; up to ${MOST_NUMBERS} can be typed. The last good ones stay in use.`);
  if (matrix.flat().some((value) => Math.abs(value) > LARGEST))
    return complain(PLACE, `A number must be from −${LARGEST} to ${LARGEST}; one of these is larger. The last good ones stay in use.`);
  return replaceNumbers(matrix);
}

/** @param {Matrix} array */
function sizeButtons(array) {
  const zeros = array[0].map(() => 0);
  const full = (/** @type {number} */ more) => array.flat().length + more > MOST_NUMBERS;
  const button = (/** @type {string} */ title, /** @type {string} */ label, /** @type {boolean} */ off, /** @type {() => Matrix} */ make) =>
    html`<button class="small" aria-label=${label} ?disabled=${off} @click=${() => replaceNumbers(make())}>${title}</button>`;
  const count = (/** @type {number} */ of, /** @type {string} */ what) => html`<small class="nowrap">${of} ${what}${of === 1 ? '' : 's'}</small>`;
  return html`<div class="bar spread">
    <span class="bar">${count(array.length, 'row')}
      ${button('−', 'Remove the last row', array.length === 1, () => array.slice(0, -1))}
      ${button('+', 'Add a row', full(zeros.length), () => [...array, zeros])}
    </span>
    <span class="bar">${count(zeros.length, 'column')}
      ${button('−', 'Remove the last column', zeros.length === 1, () => array.map((line) => line.slice(0, -1)))}
      ${button('+', 'Add a column', full(array.length), () => array.map((line) => [...line, 0]))}
    </span>
  </div>`;
}

/** @param {Matrix} array */
function textArea(array) {
  const text = array.map((line) => line.join(' ')).join('\n');
  return html`<label class="stacked"
    ><span>The same as text, a row a line</span
    ><textarea
      rows=${Math.min(array.length + 1, MOST_LINES)}
      spellcheck="false"
      data-testid="numbers"
      aria-describedby=${idOf(PLACE)}
      .value=${text}
      @change=${(/** @type {any} */ event) => readNumbers(event.target.value)}
    ></textarea>
  </label>`;
}

/** @param {Matrix} array */
export function numbersView(array) {
  const fits = array.length <= GRID_ROWS && array[0].length <= GRID_COLS;
  const grid = () =>
    matrixView({
      label: 'Input numbers',
      what: 'Number',
      place: PLACE,
      testid: 'input',
      largest: LARGEST,
      tinted: false,
      read: () => /** @type {Matrix} */ (part.input.array ?? array),
      write: setNumbers,
      paste: readNumbers,
      lit: isLit,
      pin: (cell) => pinPixel({ channel: 0, ...cell }),
      point: (cell, typing) => {
        // A pinned cell stays what the arithmetic is about while numbers are typed.
        const pinned = typing && part.mode === 'forward' && part.unit;
        pointedInput.value = cell && !pinned ? { channel: 0, ...cell } : null;
      },
    });
  return html`${fits ? grid() : nothing} ${sizeButtons(array)} ${textArea(array)}`;
}
