/** A gradient of zero lets the picture through: what is no matter to the loss is seen, what is covers it. */

import { svg } from '../vendor/lit-html/lit-html.js';
import { part } from './state.js';
import { dark } from './theme.js';
import { box } from './zoom.js';

/** Cells this wide may carry their numbers, which nothing is to be behind. */
const READ_CELL = 24;

/** How opaque a colour is: what each of red, green and blue adds, from 0 to 1, and the sum at which the paper is clear. */
const OPACITIES = { light: '-1 -1 -1 0 2.95', dark: '1.6 1.6 1.6 0 -0.44' };

/** Zero, the paper, becomes clear, and a colour the more opaque the farther it is from it. */
export const clearing = () =>
  svg`<filter id="zero-is-clear" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB"
    ><feColorMatrix values=${`1 0 0 0 0  0 1 0 0 0  0 0 1 0 0  ${OPACITIES[dark.value ? 'dark' : 'light']}`}></feColorMatrix></filter
  >`;

/** Whether the picture is seen through zeros: in signed colours, unless it is to be covered, or numbers are read. */
export function isClear() {
  const { overlay, colors } = part;
  return overlay < 1 && (colors === 'auto' || colors === 'signed') && box.value.cell < READ_CELL;
}
