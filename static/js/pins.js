/** The pixel or the weight that is pinned: the arithmetic is about it while the hand is elsewhere. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { bankSize, matrixOf } from './kernel-edit.js';
import { hasKernel, isRandom } from './layer-types.js';
import { edit, part } from './state.js';
import { INPUT, shownSides } from './tied.js';

/** @typedef {import('./state.js').Pixel} Pixel */
/** @typedef {import('./state.js').Weight} Weight */

/** The pinned pixel, while the input has it. */
export const pinnedPixel = computed(() => {
  const { pin } = part;
  if (pin?.of !== 'input') return null;
  const { channel, row, col } = pin;
  const sides = shownSides(INPUT);
  return !sides || [channel, row, col].every((at, axis) => at < sides[axis]) ? { channel, row, col } : null;
});

/** @param {Weight} weight */
function isThere({ layer, filter, channel, row, col }) {
  const { kernel } = part.layers[layer] ?? {};
  if (!kernel || !hasKernel(part.layers[layer])) return false;
  const matrix = isRandom(kernel) ? null : matrixOf(layer);
  const [rows, cols] = matrix ? [matrix.length, matrix[0].length] : kernel.random.size;
  const [filters, channels] = bankSize(layer) ?? [Infinity, Infinity];
  return row < rows && col < cols && filter < filters && channel < channels;
}

/** The pinned weight, while its kernel has it. */
export const pinnedWeight = computed(() => {
  const { pin } = part;
  if (pin?.of !== 'kernel') return null;
  const { layer, filter, channel, row, col } = pin;
  const weight = { layer, filter, channel, row, col };
  return isThere(weight) ? weight : null;
});

/** Pin what is pointed at; a second time lets go. @param {NonNullable<import('./state.js').Lab['pin']>} pin */
export function togglePin(pin) {
  const again = JSON.stringify(part.pin) === JSON.stringify(pin);
  edit({ pin: again ? null : pin });
}

/** @param {Pixel | null} pixel */
export const pinPixel = (pixel) => pixel && togglePin({ of: 'input', channel: pixel.channel, row: pixel.row, col: pixel.col });

/** @param {Weight | null} weight */
export const pinWeight = (weight) => weight && togglePin({ of: 'kernel', ...weight });

export const unpin = () => edit({ pin: null });
