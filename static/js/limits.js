/** The server's limits, by the names of `GET /limits`. */

import { limits } from './state.js';

/** What a server has that was not told otherwise. */
const USUAL = { kernel_side: 63, filters: 512, layers: 32, stride: 64 };

/** @param {keyof typeof USUAL} name */
export const limitOf = (name) => /** @type {number} */ (limits.value?.[name] ?? USUAL[name]);
