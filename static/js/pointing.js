/** What is pointed at: its terms from the server, its receptive field on the picture. */

import { computed, effect } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { toNetwork } from './layer-types.js';
import { lossOf } from './requests.js';
import { explanation, part, pointed, pointedInput, shown } from './state.js';

const ASK_AFTER_MS = 60;

/** The cell that the arithmetic is about: the one under the hand, else the pinned one. */
export const cell = computed(() => pointed.value ?? part.unit);

/** The pointed cell of dL/dInput, where gradients are shown. */
export const inputCell = computed(() => (part.mode === 'gradient' ? pointedInput.value : null));

/** Rows and columns of the input that light up: the pointed pixel, or what the cell sees, padding included. */
export const receptiveField = computed(() => {
  if (inputCell.value) return { row: inputCell.value.row, col: inputCell.value.col, rows: 1, cols: 1 };
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

/** What to explain, as the API wants it; null where nothing is pointed at. */
const asked = computed(() => {
  const state = answered.value;
  const pixel = inputCell.value;
  const unit = cell.value;
  if (!state) return null;
  if (pixel && state.mode === 'gradient')
    return { ...toNetwork(state), loss: lossOf(state), at: { input_gradient: { n: 0, ...pixel } } };
  if (!unit || unit.layer >= state.layers.length) return null;
  return { ...toNetwork(state), at: { feature: { n: 0, ...unit } } };
});

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
      explanation.value = null;
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
