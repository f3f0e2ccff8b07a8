/** What can be done to a kernel's matrix. */

/** @typedef {import('./layer-types.js').Matrix} Matrix */

/** @param {Matrix} matrix */
const rows = (matrix) => matrix.length;
/** @param {Matrix} matrix */
const cols = (matrix) => matrix[0].length;

/** A signal's numbers are one row here. @param {Matrix | number[]} numbers @returns {Matrix} */
export const asMatrix = (numbers) => /** @type {Matrix} */ (Array.isArray(numbers[0]) ? numbers : [numbers]);

/** @param {Matrix} matrix @param {(value: number, row: number, col: number) => number} change */
export const mapCells = (matrix, change) =>
  matrix.map((line, row) => line.map((value, col) => change(value, row, col)));

/** @param {Matrix} matrix @param {number} row @param {number} col @param {number} value */
export const withCell = (matrix, row, col, value) =>
  mapCells(matrix, (old, r, c) => (r === row && c === col ? value : old));

/** @param {number} height @param {number} width @param {(row: number, col: number) => number} value */
const make = (height, width, value) =>
  Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, col) => value(row, col)),
  );

/** How far a kernel's weights move as it grows or shrinks around its centre. @param {number} from @param {number} to */
export const shift = (from, to) => Math.floor(to / 2) - Math.floor(from / 2);

/**
 * Grow or shrink around the centre, so that what the kernel does stays where it is.
 * @param {Matrix} matrix @param {number} height @param {number} width
 */
export function resized(matrix, height, width) {
  const down = shift(rows(matrix), height);
  const right = shift(cols(matrix), width);
  return make(height, width, (row, col) => matrix[row - down]?.[col - right] ?? 0);
}

/** @param {Matrix} matrix */
export const rotated = (matrix) =>
  make(cols(matrix), rows(matrix), (row, col) => matrix[rows(matrix) - 1 - col][row]);

/** @param {Matrix} matrix */
export const transposed = (matrix) =>
  make(cols(matrix), rows(matrix), (row, col) => matrix[col][row]);

/** @param {Matrix} matrix */
export const mirrored = (matrix) => matrix.map((line) => [...line].reverse());

/** @param {Matrix} matrix */
const total = (matrix) => matrix.flat().reduce((sum, value) => sum + value, 0);

const DIGITS = 12;

/** Numbers without the dust that binary fractions leave beside the largest of them. @param {Matrix} matrix */
function dusted(matrix) {
  const dust = Math.max(...matrix.flat().map(Math.abs)) * 10 ** -DIGITS;
  return mapCells(matrix, (value) => (Math.abs(value) <= dust ? 0 : Number(value.toPrecision(DIGITS))));
}

/** Whether weights add up to 0, as far as their rounding tells. @param {Matrix} matrix */
const isBalanced = (matrix) => Math.abs(total(matrix)) <= 10 ** -DIGITS * total(mapCells(matrix, Math.abs));

/** Scale to sum 1. @param {Matrix} matrix */
function normalised(matrix) {
  const sum = total(matrix);
  return dusted(mapCells(matrix, (value) => value / sum));
}

/** @param {Matrix} matrix */
export function centred(matrix) {
  const mean = total(matrix) / (rows(matrix) * cols(matrix));
  return isBalanced(matrix) ? matrix : dusted(mapCells(matrix, (value) => value - mean));
}

/** @param {Matrix} matrix */
const whyNoSum = (matrix) => (isBalanced(matrix) ? 'These weights add up to 0, which no factor makes 1. The kernel stays.' : '');

/** @typedef {{title: string, change: (matrix: Matrix) => Matrix, turns?: boolean, refuse?: (matrix: Matrix) => string}} Operation `turns` rows into columns */
/** @type {Operation[]} */
export const OPERATIONS = [
  { title: 'Rotate', change: rotated, turns: true },
  { title: 'Mirror', change: mirrored },
  { title: 'Transpose', change: transposed, turns: true },
  { title: 'Negate', change: (matrix) => mapCells(matrix, (value) => 0 - value) },
  { title: 'Sum 1', change: normalised, refuse: whyNoSum },
  { title: 'Mean 0', change: centred },
];
