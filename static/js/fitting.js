/** What a request that needs too much memory could have instead. */

import { describe } from './api.js';
import { isRandom, toNetwork } from './layer-types.js';

/** @typedef {{estimated: number, limit: number}} Memory in bytes */

const FILTERS = /^\/layers\/(\d+)\/kernel\/random\/filters$/;

/**
 * How many filters of the layer that was changed last would fit; 0 where that is not known, or none.
 *
 * The need grows with the filters, and no slower the more there are: between one filter and those
 * that were refused, a straight line lies above it.
 * @param {import('./state.js').Lab} state that was refused
 * @param {string} place of the control that made it too large
 * @param {any} told of its shapes
 * @param {Memory} memory
 */
export async function mostFilters(state, place, told, memory) {
  const index = Number(FILTERS.exec(place)?.[1] ?? NaN);
  const kernel = state.layers[index]?.kernel;
  if (!isRandom(kernel) || kernel.random.filters < 2) return 0;
  const one = { random: { ...kernel.random, filters: 1 } };
  const layers = state.layers.map((layer, at) => (at === index ? { ...layer, kernel: one } : layer));
  const least = await describe('/shapes', toNetwork({ ...state, layers }), new AbortController().signal);
  // Gradients and the answer need more than the forward pass, for which shapes tell it.
  const limit = (memory.limit * told.estimated) / Math.max(memory.estimated, told.estimated);
  const each = (told.estimated - least.estimated) / (kernel.random.filters - 1);
  if (!(each > 0) || least.estimated > limit) return 0;
  return Math.min(kernel.random.filters - 1, 1 + Math.floor((limit - least.estimated) / each));
}
