/** The server's limits, by the names of `GET /limits`. */

import { limits } from './state.js';

/** The largest magnitude that can be typed. */
export const LARGEST = 1e6;
/** So many numbers can be typed as a matrix. */
export const MOST_NUMBERS = 4096;

/** What a server has that was not told otherwise. */
const USUAL = { kernel_side: 63, filters: 512, layers: 32, stride: 64 };

/** @param {keyof typeof USUAL} name */
export const limitOf = (name) => /** @type {number} */ (limits.value?.[name] ?? USUAL[name]);
