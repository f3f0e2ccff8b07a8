/** How cells of numbers look: tint by sign and size, digits as large as the cell allows. */

import { number } from './format.js';

/** Ink stays readable (AA) on a tint of up to this many per cent, in light and dark. */
const STRONGEST = 55;
const FEWEST_CHARACTERS = 3;

/** @param {number[][]} matrix */
export const largestOf = (matrix) => Math.max(...matrix.flat().map(Math.abs));

/** @param {number} value @param {number} largest the magnitude that gets the strongest tint */
export function tint(value, largest) {
  const part = largest > 0 ? Math.round((Math.abs(value) / largest) * STRONGEST) : 0;
  return `background:color-mix(in srgb,var(${value < 0 ? '--neg' : '--pos'}) ${part}%,var(--panel))`;
}

/** Tells the style sheet how many columns there are and how long the longest text is. @param {number} cols @param {string[]} texts */
export const gridStyle = (cols, texts) =>
  `--cols:${cols};--characters:${Math.max(FEWEST_CHARACTERS, ...texts.map(({ length }) => length))}`;

const DIGITS = 3;
const MOST_DECIMALS = 4;

/** All numbers of a grid with as many decimals as the largest has use for. @param {number} value @param {number} largest */
export function alike(value, largest) {
  const decimals = DIGITS - 1 - Math.floor(Math.log10(largest || 1));
  if (decimals > MOST_DECIMALS && value !== 0) return value.toExponential(1).replaceAll('-', '−');
  if (largest >= 1e6) return number(value, 2);
  return number(Number(value.toFixed(Math.max(0, decimals))), 6);
}
