/** Whether what was chosen in a map, a cell or a region, is in it still: an edit may make the map smaller. And what is said where it is not. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { allInWords, inWords, sidesOf } from './areas.js';
import { part, reports } from './state.js';
import { isVector } from './vectors.js';

/** @typedef {import('./state.js').Unit} Unit */
/** @typedef {import('./state.js').Region} Region */
/** @typedef {any[]} Reports what the server says of each layer */

/** Maps, rows and columns of a layer, as last told; each feature of a vector is a map of one cell. @param {number} layer @param {Reports} [told] @returns {number[] | null} */
export function toldSides(layer, told = reports.value) {
  const shape = told[layer]?.output_shape;
  return isVector(shape) ? [shape[1], 1, 1] : sidesOf(shape);
}

/** @param {Unit} unit @param {Reports} [told] */
export function isOutside({ layer, channel, row, col }, told) {
  const sides = toldSides(layer, told);
  return sides !== null && [channel, row, col].some((at, axis) => at >= sides[axis]);
}

/** The part of a region that its map has; null where none of it is there. @param {Region} region @param {Reports} [told] @returns {Region | null} */
export function regionWithin({ layer, channel, row, col, rows, cols }, told) {
  const [maps, height, width] = toldSides(layer, told) ?? [Infinity, Infinity, Infinity];
  if (channel >= maps || row >= height || col >= width) return null;
  return { layer, channel, row, col, rows: Math.min(rows, height - row), cols: Math.min(cols, width - col) };
}

/** Whether the cell that is pinned has left its map. */
export const pinLeft = computed(() => part.unit !== null && isOutside(part.unit));

/** The part of the region that is in its map. */
export const region = computed(() => part.region && regionWithin(part.region));

/** That the pinned cell has left its map, with what is legal; '' where it has not. */
export const pinSentence = computed(() => {
  const { unit } = part;
  const sides = unit && toldSides(unit.layer);
  if (!unit || !sides || !pinLeft.value) return '';
  return `The pinned cell, map ${unit.channel}, row ${unit.row}, column ${unit.col} of layer ${unit.layer + 1}, is no longer there: the layer has ${allInWords(sides)}.`;
});

/** That the region has left its map, in whole or in part, with what is used; '' where it has not. */
export const regionSentence = computed(() => {
  const { region: asked } = part;
  const sides = asked && toldSides(asked.layer);
  const found = region.value;
  if (!asked || !sides || (found && found.rows === asked.rows && found.cols === asked.cols)) return '';
  const named = `The region, map ${asked.channel}, ${inWords(asked)} of layer ${asked.layer + 1},`;
  const has = `the layer has ${allInWords(sides)}`;
  return found
    ? `${named} reaches out of its map: ${has}. What is left of it is used: ${inWords(found)}.`
    : `${named} is no longer there: ${has}.`;
});

/** The cell of the map that is nearest to the pinned one. @returns {Unit | null} */
export function nearestToPin() {
  const { unit } = part;
  const sides = unit && toldSides(unit.layer);
  if (!unit || !sides) return null;
  const [channel, row, col] = [unit.channel, unit.row, unit.col].map((at, axis) => Math.min(at, sides[axis] - 1));
  return { layer: unit.layer, channel, row, col };
}
