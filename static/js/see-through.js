/** A gradient of zero lets the picture through: what is no matter to the loss is seen, what is covers it. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { scale } from './focus.js';
import { part, shown, shownMode } from './state.js';
import { dark } from './theme.js';
import { box } from './zoom.js';

/** @typedef {import('./colour.js').Scale} Scale */

/** Cells this wide may carry their numbers, which nothing is to be behind. */
export const NARROW_CELL = 24;

/** How opaque a colour is by the sum of its red, green and blue, each from 0 to 1: the paper is clear, what is far from it is not. */
const OPACITIES = {
  light: (/** @type {number} */ sum) => 2.94 - sum,
  dark: (/** @type {number} */ sum) => 1.6 * sum - 0.446,
};

/** Whether the picture is seen through zeros: in signed colours, unless it is to be covered, or numbers are read. */
const isClear = computed(() => {
  const { overlay, colors } = part;
  const over = shownMode.value === 'gradient' && !shown.value?.of.input.array && overlay < 1;
  return over && (colors === 'auto' || colors === 'signed') && box.value.cell < NARROW_CELL;
});

/** @param {Scale} opaque @param {boolean} onDark @returns {Scale} */
function cleared(opaque, onDark) {
  const opacity = OPACITIES[onDark ? 'dark' : 'light'];
  const table = opaque.table.map((pixel) => {
    const sum = ((pixel & 255) + ((pixel >> 8) & 255) + ((pixel >> 16) & 255)) / 255;
    const alpha = Math.round(255 * Math.min(Math.max(opacity(sum), 0), 1));
    return ((pixel & 0xffffff) | (alpha << 24)) >>> 0;
  });
  return { ...opaque, table };
}

/** The colours that the focus map is painted in. */
export const paintedScale = computed(() => (isClear.value ? cleared(scale.value, dark.value) : scale.value));
