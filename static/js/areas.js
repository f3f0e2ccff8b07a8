/** Rows and columns: of a map, and of a rectangle of its cells. */

/** @typedef {{row: number, col: number, rows: number, cols: number}} Area */

/** Maps, rows and columns of an array (N, C, H, W); null where it has other axes. @param {number[] | undefined} shape @returns {number[] | null} */
export const sidesOf = (shape) => (shape?.length === 4 ? shape.slice(1) : null);

/** Rows and columns of one map; all of a vector is one row. @param {number[]} shape @returns {[number, number]} */
export const planeOf = (shape) => (shape.length === 4 ? [shape[2], shape[3]] : [1, shape.at(-1) ?? 1]);

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
export const span = (what, first, count) => (count > 1 ? `${what}s ${first} to ${first + count - 1}` : `${what} ${first}`);

/** @param {Area} area */
export const inWords = ({ row, col, rows, cols }) => `${span('row', row, rows)}, ${span('column', col, cols)}`;

/** What a layer has, in words. @param {number[]} sides maps, rows and columns */
export const allInWords = ([maps, rows, cols]) => [span('map', 0, maps), span('row', 0, rows), span('column', 0, cols)].join(', ');
