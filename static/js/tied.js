/** Rows and columns that are tied to each other through the layers: what a cell sees below it, and what sees it above. */

import { planeOf, sidesOf } from './areas.js';
import { isTransposed, kernelSize } from './layer-types.js';
import { shown } from './state.js';
import { isVector } from './vectors.js';

/** @typedef {import('./areas.js').Area} Area */
/** @typedef {{size: number[], stride: number[], start: number[]}} Field of one cell, in cells of another layer */
/** @typedef {Map<number, Area>} Areas by layer */

/** The layer below the first one. */
export const INPUT = -1;

/** @type {Field} */
const ITSELF = { size: [1, 1], stride: [1, 1], start: [0, 0] };

/** What a cell of a layer sees of the input. @param {number} index @returns {Field | null} */
const fieldOf = (index) => (index === INPUT ? ITSELF : (shown.value?.layers[index]?.receptive_field ?? null));

/** What a cell of one layer sees of another below it: both fields in the input tell. @param {number} above @param {number} below @returns {Field | null} */
export function fieldBetween(above, below) {
  const [far, near] = [fieldOf(above), fieldOf(below)];
  if (!far || !near) return null;
  const each = (/** @type {(axis: number) => number} */ count) => [0, 1].map(count);
  return {
    size: each((axis) => (far.size[axis] - near.size[axis]) / near.stride[axis] + 1),
    stride: each((axis) => far.stride[axis] / near.stride[axis]),
    start: each((axis) => (far.start[axis] - near.start[axis]) / near.stride[axis]),
  };
}

/** Axes of a layer's output, or of the input, as they are shown. @param {number} index @returns {number[] | undefined} */
export const shapeOf = (index) => (index === INPUT ? shown.value?.inputShape : shown.value?.layers[index]?.output_shape);

/** Maps, rows and columns of a layer, or of the input, as they are shown. @param {number} index */
export const shownSides = (index) => sidesOf(shapeOf(index));

/** @param {(axis: 0 | 1) => {from: number, count: number} | null} along @returns {Area | null} */
function area(along) {
  const [down, across] = [along(0), along(1)];
  return down && across ? { row: down.from, col: across.from, rows: down.count, cols: across.count } : null;
}

/** @param {Area} of @param {0 | 1} axis */
const spanOf = ({ row, col, rows, cols }, axis) => (axis === 0 ? { from: row, count: rows } : { from: col, count: cols });

/** The layer as it was computed. @param {number} index @returns {import('./layer-types.js').Layer} */
const layerOf = (index) => shown.value?.of.layers[index] ?? { type: '' };

/** Whether fields in the input tell what cells of one layer see of another. @param {number} above @param {number} below */
function isRegular(above, below) {
  const layers = shown.value?.of.layers.slice(below + 1, above + 1) ?? [];
  return layers.every((layer, at) => !isTransposed(layer) && !isVector(shapeOf(below + 1 + at)));
}

/** One number of a pair, or the only one. @param {number | number[]} value @param {0 | 1} axis */
const alongAxis = (value, axis) => (Array.isArray(value) ? value[axis] : value);

/** How the cells of a transposed convolution lie: that at `at` sends to those from `at · stride − before` on, `reach` further. @param {number} index @param {0 | 1} axis */
function spreadOf(index, axis) {
  const { kernel, stride = 1, dilation = 1 } = layerOf(index);
  const taps = kernelSize(kernel)[axis];
  return { step: alongAxis(stride, axis), reach: (taps - 1) * alongAxis(dilation, axis), before: shown.value?.layers[index].padding[axis][0] };
}

/** @param {number} first @param {number} last @param {number} most */
function within(first, last, most) {
  const [from, to] = [Math.max(first, 0), Math.min(last, most - 1)];
  return to >= from ? { from, count: to - from + 1 } : null;
}

/** Of a vector: the cell that one feature of flatten is, or all there is. @param {Area} of @param {string} type @param {number[]} shape @param {number[]} below @returns {Area} */
function seenByFeatures(of, type, shape, below) {
  const [rows, cols] = planeOf(below);
  const mixes = ['dense', 'softmax', 'log_softmax'].includes(type);
  if (!mixes && isVector(below)) return of;
  if (mixes || of.rows * of.cols > 1) return { row: 0, col: 0, rows, cols };
  const cell = (of.row * planeOf(shape)[1] + of.col) % (rows * cols);
  return { row: Math.floor(cell / cols), col: cell % cols, rows: 1, cols: 1 };
}

/** What cells of a layer see of the one right below. @param {Area} of @param {number} index @returns {Area | null} */
function seenRightBelow(of, index) {
  const [shape, below] = [shapeOf(index), shapeOf(index - 1)];
  if (!shape || !below) return null;
  const layer = layerOf(index);
  if (isVector(shape)) return seenByFeatures(of, layer.type, shape, below);
  if (!isTransposed(layer)) return seenRegularly(of, index, index - 1);
  return area((axis) => {
    const { from, count } = spanOf(of, axis);
    const { step, reach, before } = spreadOf(index, axis);
    return within(Math.ceil((from + before - reach) / step), Math.floor((from + count - 1 + before) / step), planeOf(below)[axis]);
  });
}

/** What cells see of a layer below theirs, padding included. @param {Area} of @param {number} above @param {number} below @returns {Area | null} */
export function seenBy(of, above, below) {
  if (isRegular(above, below)) return seenRegularly(of, above, below);
  /** @type {Area | null} */
  let seen = of;
  for (let index = above; seen && index > below; index -= 1) seen = seenRightBelow(seen, index);
  return seen;
}

/** @param {Area} of @param {number} above @param {number} below */
function seenRegularly(of, above, below) {
  const field = fieldBetween(above, below);
  if (!field) return null;
  return area((axis) => {
    const { from, count } = spanOf(of, axis);
    return { from: field.start[axis] + from * field.stride[axis], count: (count - 1) * field.stride[axis] + field.size[axis] };
  });
}

/** The cells of a layer that see cells of one below it; of a vector none are told. @param {Area} of @param {number} below @param {number} above @returns {Area | null} */
function seeing(of, below, above) {
  if (isRegular(above, below)) return seeingRegularly(of, below, above);
  /** @type {Area | null} */
  let found = of;
  for (let index = below + 1; found && index <= above; index += 1) found = seeingRightBelow(found, index);
  return found;
}

/** The cells of a layer that see cells of the one right below. @param {Area} of @param {number} index @returns {Area | null} */
function seeingRightBelow(of, index) {
  if (isRegular(index, index - 1)) return seeingRegularly(of, index - 1, index);
  const sides = shownSides(index);
  if (!sides) return null;
  return area((axis) => {
    const { from, count } = spanOf(of, axis);
    const { step, reach, before } = spreadOf(index, axis);
    return within(from * step - before, (from + count - 1) * step - before + reach, sides[1 + axis]);
  });
}

/** @param {Area} of @param {number} below @param {number} above */
function seeingRegularly(of, below, above) {
  const field = fieldBetween(above, below);
  const sides = shownSides(above);
  if (!field || !sides) return null;
  return area((axis) => {
    const { from, count } = spanOf(of, axis);
    const far = from - field.start[axis];
    const first = Math.max(0, Math.ceil((far - field.size[axis] + 1) / field.stride[axis]));
    const last = Math.min(sides[1 + axis] - 1, Math.floor((far + count - 1) / field.stride[axis]));
    return last >= first ? { from: first, count: last - first + 1 } : null;
  });
}

/** The areas of all layers that are tied to one: below what it sees, above what sees it. @param {Area} of @param {number} layer @param {boolean} [upwards] @returns {Areas} */
export function tiedTo(of, layer, upwards = true) {
  /** @type {Areas} */
  const areas = new Map([[layer, of]]);
  const count = shown.value?.layers.length ?? 0;
  for (let index = INPUT; index < count; index += 1) {
    const there = index < layer ? seenBy(of, layer, index) : index > layer && upwards ? seeing(of, layer, index) : null;
    if (there) areas.set(index, there);
  }
  return areas;
}

/** Every cell that a weight of a transposed convolution does not send beyond its map. @param {{layer: number, row: number, col: number}} weight @returns {Area | null} */
function metByTransposed({ layer, row, col }) {
  const [below, sides] = [shapeOf(layer - 1), shownSides(layer)];
  const { dilation = 1 } = layerOf(layer);
  if (!below || !sides) return null;
  return area((axis) => {
    const { step, before } = spreadOf(layer, axis);
    const at = (axis === 0 ? row : col) * alongAxis(dilation, axis) - before;
    return within(Math.ceil(-at / step), Math.floor((sides[1 + axis] - 1 - at) / step), planeOf(below)[axis]);
  });
}

/** The cells that a weight meets in the layer below its own, from the first to the last. @param {{layer: number, row: number, col: number}} weight @param {import('./layer-types.js').Layer} of its layer @returns {Area | null} */
export function metBy({ layer, row, col }, { type, stride = 1, dilation = 1, flip }) {
  if (isTransposed({ type })) return metByTransposed({ layer, row, col });
  const report = shown.value?.layers[layer];
  const field = fieldBetween(layer, layer - 1);
  if (!field || !report?.padding || report.output_shape?.length !== 4) return null;
  return area((axis) => {
    const [step, apart] = [stride, dilation].map((one) => alongAxis(one, axis));
    const at = (axis === 0 ? row : col) * apart;
    const from = flip ? field.size[axis] - 1 - at : at;
    return { from: from - report.padding[axis][0], count: (report.output_shape[2 + axis] - 1) * step + 1 };
  });
}
