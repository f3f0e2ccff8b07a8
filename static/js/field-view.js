/** One labelled control with its draft, and the sentence that says what is wrong with it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { sentenceAt, sentencesAt } from './faults.js';
import { parseNumber } from './matrix-text.js';
import { rounded, stepFactor } from './scrub.js';
import { complaints, drafts, edit, editLayer, forget, lab, redo, settle, typed, undo } from './state.js';

/** The place of the control that has the focus. */
let held = '';

/** What was computed before the hand came to a control: Esc brings it back. */
let before = lab.value;

/** Drop what was typed at a place and below it, when all of it is replaced. @param {string} place @param {string} [kept] where typing goes on */
export function forgetUnder(place, kept) {
  for (const one of Object.keys({ ...drafts.value, ...complaints.value }))
    if (one !== kept && (one === place || one.startsWith(`${place}/`))) forget(one);
}

/** Remember what Esc brings back. */
export const remember = () => {
  before = lab.value;
};

/** Take back what a control has changed since the hand came to it, and nothing else. @param {string} place */
export function takeBack(place) {
  forget(place);
  const { input, layers } = lab.value;
  const [, where, index, field] = place.split('/');
  if (where === 'input') {
    if (input.array && before.input.array && input !== before.input) edit({ input: before.input }, place);
    return;
  }
  const [now, old] = [layers[Number(index)], before.layers[Number(index)]];
  if (!old || now?.type !== old.type || now[field] === old[field]) return;
  editLayer(Number(index), { [field]: old[field] }, place);
}

/** Whether a key asks for undo or redo. @param {KeyboardEvent} event */
const isTravel = (event) => (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z';

/** How much an arrow up or down changes a number; 0 for other keys. @param {KeyboardEvent} event */
export function nudgeOf(event) {
  if (event.ctrlKey || event.metaKey || !['ArrowUp', 'ArrowDown'].includes(event.key)) return 0;
  return (event.key === 'ArrowUp' ? 1 : -1) * stepFactor(event);
}

/** @param {number} value @param {KeyboardEvent} event */
export const nudged = (value, event) => rounded(value + nudgeOf(event));

/** @param {string} place */
export const sentence = (place) => {
  const told = sentencesAt(place);
  if (!told.length) return nothing;
  const parts = told.map(({ at, text }, index) => html`${index ? ' ' : ''}<span id=${partIdOf(at)}>${text}</span>`);
  return html`<p class="wrong" role="alert" id=${idOf(place)}>${parts}</p>`;
};

/** @param {string} place */
export const idOf = (place) => `says${place.replaceAll('/', '-')}`;

/** @param {string} place */
const partIdOf = (place) => `${idOf(place)}-part`;

/** Where it is said what is wrong with a control: its own sentence among those of a place. @param {string} place @param {string} saidAt */
function describedBy(place, saidAt) {
  const own = sentencesAt(saidAt).find(({ text }) => text === complaints.value[place]);
  return own ? partIdOf(own.at) : idOf(saidAt);
}

/** Select the text after the next drawing, so that typing replaces it. @param {HTMLInputElement} input */
export const selectSoon = (input) => requestAnimationFrame(() => input.select());

/**
 * A text control whose text is kept until it is legal.
 * @template T
 * @param {object} options
 * @param {string} options.place pointer into the request
 * @param {string} options.label
 * @param {string} options.value
 * @param {string} [options.brief] what stands there without the focus, where all of it would be long
 * @param {(text: string) => {value: T} | {error: string}} options.parse
 * @param {(value: T) => void} options.apply
 * @param {(event: KeyboardEvent) => void} [options.onKey]
 * @param {() => void} [options.onFocus]
 * @param {string} [options.testid]
 * @param {string} [options.hint]
 * @param {string} [options.saidAt] where the sentence about it stands, if not at its own place
 */
export function textControl({ place, label, value, brief = value, parse, apply, onKey, onFocus, testid, hint, saidAt = place }) {
  const wrong = sentenceAt(place) !== '';
  // Beside the drawing, for to redraw on every focus would cost more.
  const showUndrafted = (/** @type {HTMLInputElement} */ input, /** @type {string} */ text) => {
    if (drafts.value[place] === undefined) input.value = text;
  };
  return html`<input
    type="text"
    inputmode="decimal"
    autocomplete="off"
    spellcheck="false"
    aria-label=${label}
    title=${hint ?? (brief === value ? nothing : value)}
    data-testid=${testid ?? nothing}
    aria-invalid=${wrong ? 'true' : 'false'}
    aria-describedby=${wrong ? describedBy(place, saidAt) : nothing}
    .value=${drafts.value[place] ?? (held === place ? value : brief)}
    @input=${(/** @type {any} */ event) => typed(place, event.target.value, parse, apply)}
    @focus=${(/** @type {any} */ event) => {
      remember();
      onFocus?.();
      held = place;
      showUndrafted(event.target, value);
      event.target.select();
    }}
    @blur=${(/** @type {any} */ event) => {
      held = '';
      settle(place);
      showUndrafted(event.target, brief);
    }}
    @keydown=${(/** @type {any} */ event) => {
      if (event.key === 'Escape') {
        takeBack(place);
        // What was drawn last may be what is drawn next, and then nothing would be drawn.
        event.target.value = value;
        selectSoon(event.target);
      }
      // A text that is the value has become one step of the lab; the browser's own undo is for the others.
      if (isTravel(event) && event.target.value === value) {
        event.preventDefault();
        (event.shiftKey ? redo : undo)();
        selectSoon(event.target);
        return;
      }
      onKey?.(event);
    }}
  />`;
}

/** @param {string} word @param {number} least @param {number} most */
const isWhole = (word, least, most) => /^\d+$/.test(word) && Number(word) >= least && Number(word) <= most;

/**
 * Read one whole number.
 * @param {string} label @param {number} least @param {number} most
 * @returns {(text: string) => {value: number} | {error: string}}
 */
export const whole = (label, least, most) => (text) =>
  isWhole(text.trim(), least, most)
    ? { value: Number(text) }
    : { error: `${label} must be a whole number from ${least} to ${most}.` };

/**
 * Read whole numbers: one, or a pair (rows, cols).
 * @param {string} label @param {number} least @param {number} most @param {string} [range] in words
 * @returns {(text: string) => {value: number | number[]} | {error: string}}
 */
export const wholeOrPair = (label, least, most, range = `from ${least} to ${most}`) => (text) => {
  const words = text.split(/[\s,×x]+/).filter((word) => word !== '');
  if (words.length < 1 || words.length > 2 || !words.every((word) => isWhole(word, least, most)))
    return { error: `${label} must be a whole number ${range}, or two of them: rows, cols.` };
  return { value: words.length === 1 ? Number(words[0]) : words.map(Number) };
};

/**
 * Read a decimal number.
 * @param {string} label @param {number} largest
 * @returns {(text: string) => {value: number} | {error: string}}
 */
export const decimal = (label, largest) => (text) => {
  const value = parseNumber(text);
  return Math.abs(value) <= largest
    ? { value }
    : { error: `${label} must be a decimal number from −${largest} to ${largest}${text.trim() ? `; “${text.slice(0, 20)}” is not` : ''}.` };
};

/** @param {unknown} value */
export const asText = (value) => (Array.isArray(value) ? value.flat().join(', ') : String(value));
