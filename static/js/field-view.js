/** One labelled control with its draft, and the sentence that says what is wrong with it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { parseNumber } from './kernel.js';
import { drafts, forget, sentenceAt, settle, typed } from './state.js';

/** @param {string} place */
export const sentence = (place) => {
  const text = sentenceAt(place);
  return text ? html`<p class="wrong" role="alert" id=${idOf(place)}>${text}</p>` : nothing;
};

/** @param {string} place */
export const idOf = (place) => `says${place.replaceAll('/', '-')}`;

/**
 * A text control whose text is kept until it is legal.
 * @template T
 * @param {object} options
 * @param {string} options.place pointer into the request
 * @param {string} options.label
 * @param {string} options.value
 * @param {(text: string) => {value: T} | {error: string}} options.parse
 * @param {(value: T) => void} options.apply
 * @param {(event: KeyboardEvent) => void} [options.onKey]
 * @param {string} [options.testid]
 * @param {string} [options.hint]
 */
export function textControl({ place, label, value, parse, apply, onKey, testid, hint }) {
  const wrong = sentenceAt(place) !== '';
  return html`<input
    type="text"
    inputmode="decimal"
    autocomplete="off"
    spellcheck="false"
    aria-label=${label}
    title=${hint ?? nothing}
    data-testid=${testid ?? nothing}
    aria-invalid=${wrong ? 'true' : 'false'}
    aria-describedby=${wrong ? idOf(place) : nothing}
    .value=${drafts.value[place] ?? value}
    @input=${(/** @type {any} */ event) => typed(place, event.target.value, parse, apply)}
    @blur=${() => settle(place)}
    @keydown=${(/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Escape') forget(place);
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
 * @param {string} label @param {number} least @param {number} most
 * @returns {(text: string) => {value: number | number[]} | {error: string}}
 */
export const wholeOrPair = (label, least, most) => (text) => {
  const words = text.split(/[\s,×x]+/).filter((word) => word !== '');
  if (words.length < 1 || words.length > 2 || !words.every((word) => isWhole(word, least, most)))
    return { error: `${label} must be a whole number from ${least} to ${most}, or two of them: rows, cols.` };
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
    : { error: `${label} must be a decimal number from −${largest} to ${largest}; “${text.slice(0, 20)}” is not.` };
};

/** @param {unknown} value */
export const asText = (value) => (Array.isArray(value) ? value.flat().join(', ') : String(value));
