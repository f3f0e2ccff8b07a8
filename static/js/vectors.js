/** Layers without rows and columns, as flatten and dense give: their features are drawn as one line, many of them as a rectangle. */

import { planeOf } from './areas.js';

/** @typedef {import('./state.js').Unit} Unit */
/** @typedef {{row: number, col: number}} Place */

/** Whether a layer has features in place of maps. @param {number[] | undefined} shape */
export const isVector = (shape) => shape?.length === 2;

/** Where a unit stands in its plane. @param {number[] | undefined} shape of its layer @param {Unit} unit @returns {Place} */
export function placeOfUnit(shape, { channel, row, col }) {
  if (!shape || !isVector(shape)) return { row, col };
  const [, cols] = planeOf(shape);
  return { row: Math.floor(channel / cols), col: channel % cols };
}

/** The unit at a place of its plane. @param {number[] | undefined} shape of its layer @param {number} layer @param {number} channel in focus @param {Place} place @returns {Unit} */
export function unitAtPlace(shape, layer, channel, { row, col }) {
  if (!shape || !isVector(shape)) return { layer, channel, row, col };
  return { layer, channel: row * planeOf(shape)[1] + col, row: 0, col: 0 };
}
