/** What is pointed at: its terms from the server, its receptive field on the picture. */

import { computed, effect } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { bankSize, gradientOf, sliceOf } from './kernel-edit.js';
import { toNetwork } from './layer-types.js';
import { isOutside } from './pinned.js';
import { lossOf } from './requests.js';
import { slid } from './slid.js';
import { explanation, kernelLayer, part, pointed, pointedInput, pointedWeight, shown } from './state.js';

const ASK_AFTER_MS = 60;

/** The cell that the arithmetic is about: the one under the hand, else where the window slides, else the pinned one, if it is there. */
export const cell = computed(() => [pointed.value, slid.value, part.unit].find((unit) => unit && !isOutside(unit)) ?? null);

/** The pointed weight whose gradient the arithmetic is about; where maps are shown it only lights up. */
const weightCell = computed(() => (part.mode === 'gradient' ? pointedWeight.value : null));

/** @typedef {{row: number, col: number, rows: number, cols: number}} Area */

/** The cells of the input that a weight of the first layer meets, from the first to the last. @returns {Area | null} */
function metBy(/** @type {{layer: number, row: number, col: number}} */ { layer, row, col }) {
  const report = shown.value?.layers[layer];
  const { stride = 1, dilation = 1, flip, type } = part.layers[layer] ?? {};
  if (layer !== 0 || type !== 'conv2d' || !report?.output_shape || !report.receptive_field) return null;
  const { size } = report.receptive_field;
  const along = (/** @type {number} */ at, /** @type {number} */ axis) => {
    const [step, apart] = [stride, dilation].map((one) => (Array.isArray(one) ? one[axis] : one));
    const from = flip ? size[axis] - 1 - at * apart : at * apart;
    return { from: from - report.padding[axis][0], count: (report.output_shape[2 + axis] - 1) * step + 1 };
  };
  const [down, across] = [along(row, 0), along(col, 1)];
  return { row: down.from, col: across.from, rows: down.count, cols: across.count };
}

/** Rows and columns of the input that light up: the pointed pixel, what the weight meets, or what the cell sees, padding included. @returns {Area | null} */
export const receptiveField = computed(() => {
  if (pointedWeight.value) return metBy(pointedWeight.value);
  if (pointedInput.value) return { row: pointedInput.value.row, col: pointedInput.value.col, rows: 1, cols: 1 };
  const unit = cell.value;
  const field = unit && shown.value?.layers[unit.layer]?.receptive_field;
  if (!unit || !field) return null;
  return {
    row: field.start[0] + unit.row * field.stride[0],
    col: field.start[1] + unit.col * field.stride[1],
    rows: field.size[0],
    cols: field.size[1],
  };
});

/** The cells of the shown map that see the pointed cell of the input. @returns {Area | null} */
export const touched = computed(() => {
  const pixel = pointedInput.value;
  const report = shown.value?.layers[part.layer];
  const field = report?.receptive_field;
  if (!pixel || !field || part.mode === 'gradient' || report.output_shape.length < 4) return null;
  const along = (/** @type {number} */ at, /** @type {0 | 1} */ axis) => {
    const far = at - field.start[axis];
    const first = Math.max(0, Math.ceil((far - field.size[axis] + 1) / field.stride[axis]));
    const last = Math.min(report.output_shape[2 + axis] - 1, Math.floor(far / field.stride[axis]));
    return { first, count: last - first + 1 };
  };
  const [down, across] = [along(pixel.row, 0), along(pixel.col, 1)];
  if (down.count < 1 || across.count < 1) return null;
  return { row: down.first, col: across.first, rows: down.count, cols: across.count };
});

/**
 * The cell of layer `index` whose field is centred nearest to a pixel of the input.
 * @param {number} index @param {number} row @param {number} col
 */
export function cellAbove(index, row, col) {
  const report = shown.value?.layers[index];
  const field = report?.receptive_field;
  if (!field || report.output_shape.length < 4) return null;
  const [height, width] = report.output_shape.slice(2);
  const place = (/** @type {number} */ at, /** @type {number} */ axis, /** @type {number} */ size) => {
    const index = Math.round((at - field.start[axis] - (field.size[axis] - 1) / 2) / field.stride[axis]);
    return Math.min(Math.max(index, 0), size - 1);
  };
  return { row: place(row, 0, height), col: place(col, 1, width) };
}

/** The state whose answer is shown: later steps of the same answer change no term. */
const answered = computed(() => shown.value?.of ?? null);

/** A sum of more products than this is not written out: its value is told. */
const MOST_TERMS = 4096;

/** The gradient of the pointed weight where its terms are too many, as `/explain` would tell it. */
const briefly = computed(() => {
  const weight = weightCell.value;
  const plane = weight && gradientOf(weight.layer);
  const [, , rows, cols] = shown.value?.layers[weight?.layer ?? 0]?.output_shape ?? [];
  if (!weight || !plane || rows * cols <= MOST_TERMS) return null;
  const { layer, filter, channel, row, col } = weight;
  const value = plane.offset + plane.scale * plane.values[row * plane.cols + col];
  return { of: `layers.${layer}.kernel`, layer, position: [filter, channel, row, col], value, count: rows * cols };
});

/** What to explain, as the API wants it; null where nothing is pointed at. */
const asked = computed(() => {
  const state = answered.value;
  const pixel = pointedInput.value;
  const weight = weightCell.value;
  const unit = cell.value;
  if (!state || briefly.value) return null;
  if (weight && state.mode === 'gradient') return { ...toNetwork(state), loss: lossOf(state), at: { kernel_gradient: weight } };
  if (pixel) return { ...toNetwork(state), loss: lossOf(state), at: { input_gradient: { n: 0, ...pixel } } };
  if (!unit || unit.layer >= state.layers.length) return null;
  return { ...toNetwork(state), at: { feature: { n: 0, ...unit } } };
});

/** @type {Set<string>} */
const NONE = new Set();

/** Weights of the shown matrix that meet the pointed pixel, as `row,col`. */
export const litWeights = computed(() => {
  const told = explanation.value;
  const index = kernelLayer.value;
  if (told?.of !== 'input' || told.layer !== index || !told.terms) return NONE;
  const [filter, channel] = sliceOf(index);
  const shown = (/** @type {number[]} */ [f, c]) => !bankSize(index) || (f === filter && c === channel);
  const met = told.terms.map((/** @type {any} */ { left, right }) => (left.name === 'kernel' ? left : right));
  return new Set(met.filter((/** @type {any} */ { position }) => shown(position)).map((/** @type {any} */ { position }) => position.slice(2).join()));
});

/** Whether the hand lights a cell of the input. @param {number} row @param {number} col */
export function isLit(row, col) {
  const area = receptiveField.value;
  return area !== null && row >= area.row && col >= area.col && row < area.row + area.rows && col < area.col + area.cols;
}

/** Whether the arithmetic has anything to be about. */
export const isPointing = computed(() => Boolean(cell.value || pointedInput.value || weightCell.value));

/** Ask for the terms of the pointed number, the newest only. */
export function startPointing() {
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    const body = asked.value;
    clearTimeout(timer);
    asking?.abort();
    if (!body) {
      explanation.value = briefly.value;
      return;
    }
    timer = setTimeout(async () => {
      asking = new AbortController();
      try {
        explanation.value = await describe('/explain', body, asking.signal);
      } catch (error) {
        if (error instanceof DOMException) return; // a newer cell is asked for
        if (!(error instanceof Problem)) throw error;
        explanation.value = { problem: error.message };
      }
    }, ASK_AFTER_MS);
  });
}
