/**
 * The live loop: every edit goes out at once, one request is in flight, the newest wins.
 *
 * An edit is answered in three steps, each given up as soon as a newer edit is there: the map in
 * focus in eight bits (so that it is painted first), the thumbnails of every layer, and, when the
 * hand rests, the exact values.
 */

import { batch, computed, effect } from '../vendor/signals-core/signals-core.js';
import { Problem, compute, describe } from './api.js';
import { toNetwork } from './layer-types.js';
import { faults, kernelLayer, lab, shapes, shown, waiting } from './state.js';

/** @typedef {import('./api.js').Tensor} Tensor */
/**
 * @typedef {object} Plane values of one map: the number itself, or offset + scale · code
 * @property {Uint8Array | Float32Array} values
 * @property {number} rows
 * @property {number} cols
 * @property {number} scale
 * @property {number} offset
 * @property {boolean} exact
 * @property {any} stats of the full map
 */
/**
 * @typedef {object} Shown
 * @property {any[]} layers what the server said of each layer
 * @property {import('./state.js').Lab} of the state that was computed
 * @property {number[]} inputShape
 * @property {Plane | null} map
 * @property {Plane[][]} thumbs by layer and channel
 * @property {{loss: number, input: Plane[], kernel: Plane[] | null} | null} gradient
 */

const THUMB_SIDE = 96;
const GRADIENT_SIDE = 2048;
const REST_MS = 180;
const SLOW_MS = 200;
const LONG_MS = 1000;
/** Above this many cells exact values come one by one, from the arithmetic of the pointed cell. */
const EXACT_CELLS = 4_000_000;

/** What the answer depends on; colours and the like are none of it. */
const question = computed(() => {
  const { input, layers, layer, channel, mode, loss, unit } = lab.value;
  return JSON.stringify([input, layers, layer, channel, mode, loss, loss === 'unit' && unit]);
});

/** @param {import('./state.js').Lab} state */
export function lossOf({ loss, unit, layer }) {
  if (loss !== 'unit' || !unit) return { type: loss === 'unit' ? 'sum' : loss, select: { layer } };
  const select = {
    layer: unit.layer,
    channels: [unit.channel],
    rows: [unit.row, unit.row + 1],
    cols: [unit.col, unit.col + 1],
  };
  return { type: 'sum', select };
}

/** @param {Tensor} tensor @param {any} entry @param {number} channel @returns {Plane} */
function plane({ values, shape }, entry, channel) {
  const [rows, cols] = shape.slice(-2);
  const size = rows * cols;
  const exact = values instanceof Float32Array;
  return {
    values: values.subarray(channel * size, (channel + 1) * size),
    rows,
    cols,
    exact,
    scale: exact ? 1 : entry.scale[channel],
    offset: exact ? 0 : entry.offset[channel],
    stats: entry.stats[channel],
  };
}

/** @param {Tensor} tensor @param {any} entry */
const planes = (tensor, entry) =>
  Array.from({ length: tensor.shape[0] * tensor.shape[1] }, (_, index) => plane(tensor, entry, index));

/** @param {import('./state.js').Lab} state @param {string} dtype @param {AbortSignal} signal */
async function focusForward(state, dtype, signal) {
  const wanted = { layers: [state.layer], channels: [state.channel], dtype };
  const { envelope, tensors } = await compute('/forward', { ...toNetwork(state), return: wanted }, signal);
  const entry = envelope.layers[state.layer];
  const map = plane(tensors[`layers.${state.layer}`], entry, 0);
  map.stats = entry.stats[state.channel];
  return { layers: envelope.layers, inputShape: envelope.input.shape, map };
}

/** @param {import('./state.js').Lab} state @param {string} dtype @param {AbortSignal} signal */
async function focusGradient(state, dtype, signal) {
  const index = kernelLayer.value;
  const gradients = index < 0 ? ['input'] : ['input', `layers.${index}.kernel`];
  const body = { ...toNetwork(state), loss: lossOf(state), return: { gradients, dtype, max_side: GRADIENT_SIDE } };
  const { envelope, tensors } = await compute('/backward', body, signal);
  const [input, kernel] = envelope.gradients;
  return {
    gradient: {
      loss: envelope.loss,
      input: planes(tensors.input, input),
      kernel: kernel ? planes(tensors[kernel.name], kernel) : null,
    },
  };
}

/** @param {import('./state.js').Lab} state @param {AbortSignal} signal */
async function gallery(state, signal) {
  const wanted = { layers: 'all', max_side: THUMB_SIDE, dtype: 'uint8' };
  const { envelope, tensors } = await compute('/forward', { ...toNetwork(state), return: wanted }, signal);
  return {
    layers: envelope.layers,
    inputShape: envelope.input.shape,
    thumbs: envelope.layers.map((/** @type {any} */ entry) => planes(tensors[`layers.${entry.index}`], entry)),
  };
}

/** @param {import('./state.js').Lab} state @param {object} news */
function publish(state, news) {
  performance.mark('response');
  const old = shown.value ?? { layers: [], thumbs: [], map: null, gradient: null, inputShape: [] };
  batch(() => {
    faults.value = [];
    shown.value = /** @type {Shown} */ ({ ...old, ...news, of: state });
  });
}

let dirty = false;
let running = false;
/** @type {AbortController | null} */
let background = null;
/** @type {AbortController | null} */
let foreground = null;

/** Give up the request under way; the picture stays as it is. */
export const cancel = () => foreground?.abort();

/** @param {unknown} error */
function report(error) {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  if (error instanceof Problem) {
    faults.value = error.faults.length ? error.faults : [{ pointer: '', detail: error.message }];
  } else if (error instanceof TypeError) {
    faults.value = [{ pointer: '', detail: 'The server does not answer. What you see is the last good answer.' }];
  } else {
    throw error;
  }
}

/** @param {number} ms @param {AbortSignal} signal */
const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve(null)), { once: true });
  });

/** @param {import('./state.js').Lab} state */
async function answer(state) {
  foreground = new AbortController();
  const timers = [
    setTimeout(() => (waiting.value = 'slow'), SLOW_MS),
    setTimeout(() => (waiting.value = 'long'), LONG_MS),
  ];
  performance.mark('request');
  const focus = state.mode === 'gradient' ? focusGradient : focusForward;
  try {
    publish(state, await focus(state, 'uint8', foreground.signal));
  } finally {
    timers.forEach(clearTimeout);
    waiting.value = '';
  }
  if (dirty) return;
  background = new AbortController();
  const { signal } = background;
  const [told, thumbs] = await Promise.all([
    describe('/shapes', toNetwork(state), signal),
    gallery(state, signal),
  ]);
  shapes.value = told;
  publish(state, thumbs);
  await pause(REST_MS, signal);
  if (signal.aborted) return;
  const size = shown.value?.map ? shown.value.map.values.length : 0;
  if (size <= EXACT_CELLS) publish(state, await focus(state, 'float32', signal));
}

/** Say what is wrong with an illegal network, layer by layer, with the legal ranges. */
async function describeFaults() {
  try {
    shapes.value = await describe('/shapes', toNetwork(lab.value), new AbortController().signal);
  } catch (error) {
    if (!(error instanceof Problem)) report(error);
  }
}

async function run() {
  if (running) return;
  running = true;
  while (dirty) {
    dirty = false;
    try {
      await answer(lab.value);
    } catch (error) {
      report(error);
      if (error instanceof Problem && !dirty) await describeFaults();
    }
  }
  running = false;
}

/** Ask whenever the question changes. */
export function startLive() {
  effect(() => {
    question.value;
    dirty = true;
    background?.abort();
    run();
  });
}

