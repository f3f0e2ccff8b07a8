/** Whether the pinned cell is in its map, which an edit may make smaller, and what is said where it is not. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { part, reports } from './state.js';

/** @typedef {import('./state.js').Unit} Unit */

/** Maps, rows and columns of a layer, as last told. @param {number} layer @returns {number[] | null} */
function sidesOf(layer) {
  const shape = reports.value[layer]?.output_shape;
  return shape?.length === 4 ? shape.slice(1) : null;
}

/** @param {Unit} unit */
export function isOutside({ layer, channel, row, col }) {
  const sides = sidesOf(layer);
  return sides !== null && [channel, row, col].some((at, axis) => at >= sides[axis]);
}

/** Whether the cell that is pinned has left its map. */
export const pinLeft = computed(() => part.unit !== null && isOutside(part.unit));

/** @param {string} what @param {number} count */
const range = (what, count) => (count > 1 ? `${what}s 0 to ${count - 1}` : `${what} 0`);

/** That the pinned cell has left its map, with what is legal; '' where it has not. */
export const pinSentence = computed(() => {
  const { unit } = part;
  const sides = unit && sidesOf(unit.layer);
  if (!unit || !sides || !pinLeft.value) return '';
  const has = [range('map', sides[0]), range('row', sides[1]), range('column', sides[2])].join(', ');
  return `The pinned cell, map ${unit.channel}, row ${unit.row}, column ${unit.col} of layer ${unit.layer + 1}, is no longer there: the layer has ${has}.`;
});

/** The cell of the map that is nearest to the pinned one. @returns {Unit | null} */
export function nearestToPin() {
  const { unit } = part;
  const sides = unit && sidesOf(unit.layer);
  if (!unit || !sides) return null;
  const [channel, row, col] = [unit.channel, unit.row, unit.col].map((at, axis) => Math.min(at, sides[axis] - 1));
  return { layer: unit.layer, channel, row, col };
}
