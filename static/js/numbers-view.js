/** A small input that is typed: a grid of cells, and the same as text. */

import { html } from '../vendor/lit-html/lit-html.js';
import { forgetUnder, idOf, remember, takeBack } from './field-view.js';
import { transposed } from './kernel.js';
import { LARGEST, MOST_NUMBERS } from './limits.js';
import { parseMatrix } from './matrix-text.js';
import { matrixView } from './matrix-view.js';
import { isSignal } from './one-row.js';
import { overview, revealIn, windowOf } from './overview-view.js';
import { pinPixel } from './pins.js';
import { isLit, receptiveField } from './pointing.js';
import { complain, complaints, drafts, edit, part, pointedInput, settle, typed } from './state.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */

const PLACE = '/input';
/** Where the numbers are typed as text; it stays as it is typed. */
const TEXT = `${PLACE}/text`;
const STAYS = 'Write a row a line, its numbers apart by spaces; the last good ones stay in use.';
const MOST_LINES = 8;

/** The notes' matrix of two rows. */
export const startNumbers = [
  [1, 2, 3, 4, 5],
  [5, 6, 7, 8, 9],
];

/** @param {Matrix} array @param {string} [name] */
function setNumbers(array, name) {
  complain(PLACE, '');
  edit({ input: { ...part.input, array } }, name);
}

/** @param {Matrix} array @param {string} [name] place of the text that goes on being typed */
function replaceNumbers(array, name) {
  forgetUnder(PLACE, name);
  setNumbers(array, name);
}

/** @param {string} text @returns {{value: Matrix} | {error: string}} */
function readNumbers(text) {
  const read = parseMatrix(text);
  if ('error' in read) return { error: `${read.error} ${STAYS}` };
  const numbers = read.value.flat();
  if (numbers.length > MOST_NUMBERS) return { error: `These are ${numbers.length} numbers; up to ${MOST_NUMBERS} can be typed. ${STAYS}` };
  if (numbers.some((value) => Math.abs(value) > LARGEST))
    return { error: `A number must be from −${LARGEST} to ${LARGEST}; one of these is larger. ${STAYS}` };
  return read;
}

/** @param {string} text */
function pasteNumbers(text) {
  const read = readNumbers(text);
  if ('error' in read) complain(PLACE, read.error);
  else replaceNumbers(read.value);
}

/** What a line of the numbers is. */
const lineWord = () => (isSignal(part.input) ? 'channel' : 'row');

/** @param {Matrix} array */
function sizeButtons(array) {
  const zeros = array[0].map(() => 0);
  const full = (/** @type {number} */ more) => array.flat().length + more > MOST_NUMBERS;
  const button = (/** @type {string} */ title, /** @type {string} */ label, /** @type {boolean} */ off, /** @type {() => Matrix} */ make) =>
    html`<button class="small" aria-label=${label} ?disabled=${off} @click=${() => replaceNumbers(make())}>${title}</button>`;
  const count = (/** @type {number} */ of, /** @type {string} */ what) => html`<small class="nowrap">${of} ${what}${of === 1 ? '' : 's'}</small>`;
  return html`<div class="bar spread">
    <span class="bar">${count(array.length, lineWord())}
      ${button('−', `Remove the last ${lineWord()}`, array.length === 1, () => array.slice(0, -1))}
      ${button('+', `Add a ${lineWord()}`, full(zeros.length), () => [...array, zeros])}
    </span>
    <span class="bar">${count(zeros.length, 'column')}
      ${button('−', 'Remove the last column', zeros.length === 1, () => array.map((line) => line.slice(0, -1)))}
      ${button('+', 'Add a column', full(array.length), () => array.map((line) => [...line, 0]))}
    </span>
    ${button('Transpose', 'Transpose the numbers', array.length === 1 && zeros.length === 1, () => transposed(array))}
  </div>`;
}

/** @param {Matrix} array */
function textArea(array) {
  const text = array.map((line) => line.join(' ')).join('\n');
  return html`<label class="stacked"
    ><span>The same as text, a ${lineWord()} a line</span
    ><textarea
      rows=${Math.min(array.length + 1, MOST_LINES)}
      spellcheck="false"
      data-testid="numbers"
      aria-invalid=${complaints.value[TEXT] ? 'true' : 'false'}
      aria-describedby=${idOf(PLACE)}
      .value=${drafts.value[TEXT] ?? text}
      @focus=${remember}
      @input=${(/** @type {any} */ event) => typed(TEXT, event.target.value, readNumbers, (value) => replaceNumbers(value, TEXT))}
      @blur=${() => settle(TEXT)}
      @keydown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Escape' && takeBack(TEXT)}
    ></textarea>
  </label>`;
}

/** A row of a signal is a channel. @param {{row: number, col: number}} cell of the grid */
const pixelOf = ({ row, col }) => (isSignal(part.input) ? { channel: row, row: 0, col } : { channel: 0, row, col });

/** The numbers that are tied to what the hand points at. @param {Matrix} array @returns {import('./areas.js').Area | null} */
function litNumbers(array) {
  const field = receptiveField.value;
  if (!field) return null;
  const [col, end] = [Math.max(field.col, 0), Math.min(field.col + field.cols, array[0].length)];
  const rows = array.flatMap((_, row) => (isLit(pixelOf({ row, col })) ? [row] : []));
  return rows.length && end > col ? { row: rows[0], col, rows: rows[rows.length - 1] - rows[0] + 1, cols: end - col } : null;
}

/** @param {Matrix} array */
export function numbersView(array) {
  const grid = () =>
    matrixView({
      label: 'Input numbers',
      what: 'Number',
      place: PLACE,
      testid: 'input',
      largest: LARGEST,
      tinted: false,
      area: windowOf(array, 'input'),
      reveal: revealIn('input'),
      read: () => /** @type {Matrix} */ (part.input.array ?? array),
      write: setNumbers,
      paste: pasteNumbers,
      lit: (row, col) => isLit(pixelOf({ row, col })),
      pin: (cell) => pinPixel(pixelOf(cell)),
      point: (cell, typing) => {
        // A pinned cell stays what the arithmetic is about while numbers are typed.
        const pinned = typing && part.mode === 'forward' && part.unit;
        pointedInput.value = cell && !pinned ? pixelOf(cell) : null;
      },
    });
  return html`${overview(array, 'input', litNumbers(array))} ${grid()} ${sizeButtons(array)} ${textArea(array)}`;
}
