/** What is pointed at: its terms from the server, its receptive field on the picture. */

import { computed, effect } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { toNetwork } from './layer-types.js';
import { explanation, lab, pointed, shown } from './state.js';

const ASK_AFTER_MS = 60;

/** The cell that the arithmetic is about: the one under the hand, else the pinned one. */
export const cell = computed(() => pointed.value ?? lab.value.unit);

/** Rows and columns of the input that the cell sees, padding included. */
export const receptiveField = computed(() => {
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
 * The cell of layer `index` whose field is centred nearest to a place of the input.
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

/** Ask for the terms of the pointed number, the newest only. */
export function startPointing() {
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    const unit = cell.value;
    const answer = shown.value;
    clearTimeout(timer);
    asking?.abort();
    if (!unit || !answer || unit.layer >= lab.value.layers.length) {
      explanation.value = null;
      return;
    }
    const { layer, channel, row, col } = unit;
    const at = { feature: { layer, n: 0, channel, row, col } };
    const body = { ...toNetwork(lab.value), at };
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
