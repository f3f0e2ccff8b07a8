/** Rows and columns that are tied to each other through the layers: what a cell sees below it, and what sees it above. */

import { sidesOf } from './areas.js';
import { shown } from './state.js';

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

/** Maps, rows and columns of a layer, or of the input, as they are shown. @param {number} index */
export const shownSides = (index) => sidesOf(index === INPUT ? shown.value?.inputShape : shown.value?.layers[index]?.output_shape);

/** @param {(axis: 0 | 1) => {from: number, count: number} | null} along @returns {Area | null} */
function area(along) {
  const [down, across] = [along(0), along(1)];
  return down && across ? { row: down.from, col: across.from, rows: down.count, cols: across.count } : null;
}

/** @param {Area} of @param {0 | 1} axis */
const spanOf = ({ row, col, rows, cols }, axis) => (axis === 0 ? { from: row, count: rows } : { from: col, count: cols });

/** What cells see of a layer below theirs, padding included. @param {Area} of @param {number} above @param {number} below */
export function seenBy(of, above, below) {
  const field = fieldBetween(above, below);
  if (!field) return null;
  return area((axis) => {
    const { from, count } = spanOf(of, axis);
    return { from: field.start[axis] + from * field.stride[axis], count: (count - 1) * field.stride[axis] + field.size[axis] };
  });
}

/** The cells of a layer that see cells of one below it. @param {Area} of @param {number} below @param {number} above */
function seeing(of, below, above) {
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

/** The cells that a weight meets in the layer below its own, from the first to the last. @param {{layer: number, row: number, col: number}} weight @param {import('./layer-types.js').Layer} of its layer @returns {Area | null} */
export function metBy({ layer, row, col }, { stride = 1, dilation = 1, flip }) {
  const report = shown.value?.layers[layer];
  const field = fieldBetween(layer, layer - 1);
  if (!field || !report?.padding || report.output_shape?.length !== 4) return null;
  return area((axis) => {
    const [step, apart] = [stride, dilation].map((one) => (Array.isArray(one) ? one[axis] : one));
    const at = (axis === 0 ? row : col) * apart;
    const from = flip ? field.size[axis] - 1 - at : at;
    return { from: from - report.padding[axis][0], count: (report.output_shape[2 + axis] - 1) * step + 1 };
  });
}
