/** What is asked of the server for one state of the lab, and the answers as planes of values. */

import { compute } from './api.js';
import { planeOf } from './areas.js';
import { givesVector, toNetwork } from './layer-types.js';
import { gradientLayer, gradientName, lossyNetwork } from './loss.js';
import { kernelLayer, shown } from './state.js';
import { drawnSide } from './zoom.js';

/** @typedef {import('./api.js').Tensor} Tensor */
/** @typedef {import('./state.js').Lab} Lab */
/** @typedef {import('./live.js').Plane} Plane */
/** @typedef {'live' | 'rest'} Stage while the hand moves, or after it */
/** @typedef {{dtype: 'uint8' | 'float32', max_side?: number}} Form */

/** While the hand moves, a map has at most this many rows to a row of pixels on the screen, */
const CELLS_A_PIXEL = 1.25;
/** and at most this many in all; columns alike. */
const LIVE_SIDE = 1600;
/** Up to this many cells exact values cost no more than a usual map in eight bits. */
const SMALL_CELLS = 65_536;
/** Up to this many values are sent exactly, all cells of them, when the hand rests. */
const EXACT_VALUES = 16_000_000;
/** Up to this many in eight bits; more are reduced. */
const MOST_VALUES = 64_000_000;
const MOST_SIDE = 4096;
const THUMB_SIDE = 96;

/**
 * How values travel.
 * @param {Stage} stage
 * @param {number} cells of one map, as far as known
 * @param {number} maps
 * @returns {Form}
 */
function formOf(stage, cells, maps) {
  if (stage === 'live') {
    const dtype = cells * maps <= SMALL_CELLS ? 'float32' : 'uint8';
    const side = Math.ceil(CELLS_A_PIXEL * drawnSide()) || LIVE_SIDE; // nothing is drawn at first
    return { dtype, max_side: Math.min(side, LIVE_SIDE) };
  }
  if (cells * maps <= EXACT_VALUES) return { dtype: 'float32' };
  return cells * maps <= MOST_VALUES ? { dtype: 'uint8' } : { dtype: 'uint8', max_side: MOST_SIDE };
}

/** @param {number[]} shape */
const cellsOf = (shape) => planeOf(shape).reduce((rows, cols) => rows * cols);

/**
 * Cells of a map before it is computed, as the last answer had them.
 * @param {Lab} state @param {number[] | undefined} shape in the last answer
 */
function cellsExpected({ input, layer }, shape) {
  const of = shown.peek()?.of;
  if (shape && of?.input === input && of.layer === layer) return cellsOf(shape);
  return input.array ? input.array.length * input.array[0].length : Infinity;
}

/** @param {Tensor} tensor @param {any} entry @param {number} place among the maps that were sent @param {number} channel @returns {Plane} */
function plane({ values, shape }, entry, place, channel) {
  const [rows, cols] = planeOf(shape);
  const exact = values instanceof Float32Array;
  return {
    values: values.subarray(place * rows * cols, (place + 1) * rows * cols),
    rows,
    cols,
    full: planeOf(entry.output_shape ?? entry.shape),
    exact,
    scale: exact ? 1 : entry.scale[place],
    offset: exact ? 0 : entry.offset[place],
    stats: entry.stats[channel] ?? entry.stats[0],
    edited: null,
  };
}

/** @param {Tensor} tensor @param {any} entry */
function planes(tensor, entry) {
  const count = tensor.shape.length > 2 ? tensor.shape[0] * tensor.shape[1] : 1;
  return Array.from({ length: count }, (_, index) => plane(tensor, entry, index, index));
}

/** The map in focus. @param {Lab} state @param {Stage} stage @param {AbortSignal} signal @param {any} [told] shapes of the state, where it is not the one that is edited */
export async function focusForward(state, stage, signal, told) {
  const { layer, channel } = state;
  const cells = told ? cellsOf(told.layers[layer].output_shape ?? []) : cellsExpected(state, shown.peek()?.layers[layer]?.output_shape);
  const form = formOf(stage, cells, 1);
  const wanted = { layers: [layer], ...(givesVector(state.layers, layer) ? {} : { channels: [channel] }), ...form };
  const { envelope, tensors } = await compute('/forward', { ...toNetwork(state), return: wanted }, signal);
  const map = plane(tensors[`layers.${layer}`], envelope.layers[layer], 0, channel);
  return { layers: envelope.layers, inputShape: envelope.input.shape, map };
}

/** One exact plane among those that were there before. @param {Plane} exact @param {number} channel */
const among = (exact, channel) => (shown.peek()?.gradient?.input ?? []).map((old, index) => (index === channel ? exact : old));

/** The gradients at the input, or at the maps of a layer, and at the kernel in view. @param {Lab} state @param {Stage} stage @param {AbortSignal} signal @param {any} [told] as above: then of one channel alone */
export async function focusGradient(state, stage, signal, told) {
  const index = told ? -1 : kernelLayer.peek();
  const [name, at] = [gradientName(state), gradientLayer(state)];
  const gradients = index < 0 ? [name] : [name, `layers.${index}.kernel`];
  const [layers, inputShape] = told ? [told.layers, told.input.shape] : [shown.peek()?.layers, shown.peek()?.inputShape];
  const shape = at < 0 ? inputShape : layers?.[at]?.output_shape;
  const cells = told ? cellsOf(shape) : cellsExpected(state, shape?.length ? shape : undefined);
  const count = shape?.length === 4 ? shape[1] : 1;
  const channel = Math.min(state.channel, count - 1);
  // Where all channels are too many to be sent exactly, that in focus may not be.
  const alone = told !== undefined || (stage === 'rest' && cells * count > EXACT_VALUES);
  const form = formOf(stage, cells, alone ? 1 : count);
  const body = { ...lossyNetwork(state, told?.layers), return: { gradients, ...form, ...(alone && !givesVector(state.layers, at) ? { channels: [channel] } : {}) } };
  const { envelope, tensors } = await compute('/backward', body, signal);
  const [input, kernel] = envelope.gradients;
  const one = alone ? plane(tensors[name], input, 0, channel) : null;
  return {
    gradient: {
      loss: envelope.loss,
      input: !one ? planes(tensors[name], input) : told ? [one] : among(one, channel),
      kernel: kernel ? planes(tensors[kernel.name], kernel) : null,
    },
  };
}

/** Small pictures of every map of every layer. @param {Lab} state @param {AbortSignal} signal */
export async function gallery(state, signal) {
  const wanted = { layers: 'all', max_side: THUMB_SIDE, dtype: 'uint8' };
  const { envelope, tensors } = await compute('/forward', { ...toNetwork(state), return: wanted }, signal);
  return {
    layers: envelope.layers,
    inputShape: envelope.input.shape,
    thumbs: envelope.layers.map((/** @type {any} */ entry) => planes(tensors[`layers.${entry.index}`], entry)),
  };
}
