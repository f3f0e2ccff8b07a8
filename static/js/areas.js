/** Rows and columns: of a map, and of a rectangle of its cells. */

import { exactly } from './format.js';

/** @typedef {{row: number, col: number, rows: number, cols: number}} Area */

/** Maps, rows and columns of an array (N, C, H, W); null where it has other axes. @param {number[] | undefined} shape @returns {number[] | null} */
export const sidesOf = (shape) => (shape?.length === 4 ? shape.slice(1) : null);

/** Features that are drawn as one row. */
const MOST_ONE_ROW = 512;

/** Rows and columns that hold so many features: one row, or the rectangle that is nearest to a square. @param {number} count @returns {[number, number]} */
function folded(count) {
  if (count <= MOST_ONE_ROW) return [1, count];
  let rows = Math.floor(Math.sqrt(count));
  while (count % rows) rows -= 1;
  return [rows, count / rows];
}

/** Rows and columns of one map, or of the features of a vector. @param {number[]} shape @returns {[number, number]} */
export const planeOf = (shape) => (shape.length === 4 ? [shape[2], shape[3]] : folded(shape.at(-1) ?? 1));

/** @param {{row: number, col: number}} at @returns {Area} */
export const oneCell = ({ row, col }) => ({ row, col, rows: 1, cols: 1 });

/** The rectangle that has two cells in its corners. @param {{row: number, col: number}} one @param {{row: number, col: number}} other @returns {Area} */
export const between = (one, other) => ({
  row: Math.min(one.row, other.row),
  col: Math.min(one.col, other.col),
  rows: Math.abs(one.row - other.row) + 1,
  cols: Math.abs(one.col - other.col) + 1,
});

/** @param {string} what @param {number} first @param {number} count */
export const span = (what, first, count) => (count > 1 ? `${what}s ${exactly(first)} to ${exactly(first + count - 1)}` : `${what} ${exactly(first)}`);

/** @param {Area} area */
export const inWords = ({ row, col, rows, cols }) => `${span('row', row, rows)}, ${span('column', col, cols)}`;

/** What a layer has, in words. @param {number[]} sides maps, rows and columns */
export const allInWords = ([maps, rows, cols]) => [span('map', 0, maps), span('row', 0, rows), span('column', 0, cols)].join(', ');
