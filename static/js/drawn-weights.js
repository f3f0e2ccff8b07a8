/** The weights that a seed gives: the server draws them, and the page asks for those that it shows. */

import { computed, effect, signal } from '../vendor/signals-core/signals-core.js';
import { Problem, compute } from './api.js';
import { channelsInto, sliceOf } from './kernel-edit.js';
import { isRandom, isTransposed } from './layer-types.js';
import { kernelLayer, part } from './state.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */

/** The matrix of the filter and the channel that are shown; null where none is known. */
export const drawnWeights = signal(/** @type {Matrix | null} */ (null));

/**
 * What gives one matrix of the kernel: a single 1 in its channel, slid over by the flipped kernel, or spread by it.
 * '' where the kernel in view is not random.
 */
const question = computed(() => {
  const index = kernelLayer.value;
  const layer = part.layers[index];
  if (!layer || !isRandom(layer.kernel)) return '';
  const { kernel, groups = 1 } = layer;
  const channels = channelsInto(index);
  const [filter, channel] = sliceOf(index);
  const first = Math.floor((filter * groups) / kernel.random.filters) * Math.floor(channels / groups);
  const [at, map, drawing] = isTransposed(layer)
    ? [filter, channel, { type: 'conv_transpose2d', kernel }]
    : [first + channel, filter, { type: 'conv2d', kernel, groups, padding: 'full', flip: true }];
  const impulse = Array.from({ length: channels }, (_, place) => [[place === at ? 1 : 0]]);
  return JSON.stringify({
    input: { array: [impulse] },
    layers: [drawing],
    return: { layers: [0], channels: [map], dtype: 'float32' },
  });
});

/** @param {string} asked @param {AbortSignal} signal @returns {Promise<Matrix | null>} */
async function draw(asked, signal) {
  try {
    const { tensors } = await compute('/forward', JSON.parse(asked), signal);
    const { values, shape } = tensors['layers.0'];
    const cols = shape[3];
    return Array.from({ length: shape[2] }, (_, row) => Array.from(values.subarray(row * cols, (row + 1) * cols)));
  } catch (error) {
    // The question of the map is refused for the same reason, which is said there.
    if (error instanceof Problem || error instanceof TypeError || signal.aborted) return null;
    throw error;
  }
}

/** Draw whenever other weights are shown. */
export function startDrawing() {
  effect(() => {
    const asked = question.value;
    const stop = new AbortController();
    if (!asked) drawnWeights.value = null;
    else draw(asked, stop.signal).then((matrix) => stop.signal.aborted || (drawnWeights.value = matrix));
    return () => stop.abort();
  });
}
