/** The pixel or the weight that is pinned: the arithmetic is about it while the hand is elsewhere. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { span } from './areas.js';
import { bankAxes, bankSize } from './kernel-edit.js';
import { hasKernel, kernelSize } from './layer-types.js';
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

/** Filters, channels, rows and columns of a layer's kernel; null where it has none. @param {number} layer @returns {number[] | null} */
function kernelSides(layer) {
  const { kernel } = part.layers[layer] ?? {};
  if (!kernel || !hasKernel(part.layers[layer])) return null;
  return [...(bankSize(layer) ?? [1, 1]), ...kernelSize(kernel)];
}

/** @param {Weight} weight */
function isThere({ layer, filter, channel, row, col }) {
  const sides = kernelSides(layer);
  return sides !== null && [filter, channel, row, col].every((at, axis) => at < sides[axis]);
}

/** The pinned weight, while its kernel has it. */
export const pinnedWeight = computed(() => {
  const { pin } = part;
  if (pin?.of !== 'kernel') return null;
  const { layer, filter, channel, row, col } = pin;
  const weight = { layer, filter, channel, row, col };
  return isThere(weight) ? weight : null;
});

/** Where the pinned pixel or weight would be, and how much there is along each axis; null where it is there. */
const lost = computed(() => {
  const { pin } = part;
  if (!pin || pinnedPixel.value || pinnedWeight.value) return null;
  const sides = pin.of === 'input' ? shownSides(INPUT) : kernelSides(pin.layer);
  if (!sides) return null;
  const { channel, row, col } = pin;
  if (pin.of === 'input') return { names: ['channel', 'row', 'column'], at: [channel, row, col], sides };
  return { names: [...bankAxes(pin.layer), 'row', 'column'], at: [pin.filter, channel, row, col], sides };
});

/** That what is pinned is no longer there, with what is legal; '' where it is. */
export const lostSentence = computed(() => {
  const { pin } = part;
  if (!lost.value || !pin) return '';
  const { names, at, sides } = lost.value;
  const [what, where] = pin.of === 'input' ? ['pixel', 'input'] : ['weight', 'kernel'];
  const place = names.map((name, axis) => `${name} ${at[axis]}`).join(', ');
  const of = pin.of === 'kernel' ? ` of layer ${pin.layer + 1}` : '';
  return `The pinned ${what}, ${place}${of}, is no longer there: the ${where} has ${names.map((name, axis) => span(name, 0, sides[axis])).join(', ')}.`;
});

/** Pin the pixel or weight that is nearest to the one that has gone. */
export function pinNearestToLost() {
  const { pin } = part;
  if (!lost.value || !pin) return;
  const { at, sides } = lost.value;
  const near = at.map((one, axis) => Math.min(one, sides[axis] - 1));
  const [row, col] = near.slice(-2);
  const channel = near[near.length - 3];
  edit({ pin: pin.of === 'input' ? { of: pin.of, channel, row, col } : { ...pin, filter: near[0], channel, row, col } });
}

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
