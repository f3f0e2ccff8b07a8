/** Telling how long a request of what is in focus has been under way, once that is long enough to be seen. */

import { waiting } from './state.js';

/** Before, a sign of it would only flicker. */
const SLOW_MS = 200;
/** From then on it is said what is computed, how long it has taken, and how to give it up. */
const LONG_MS = 400;
const TICK_MS = 500;

/** @typedef {import('./state.js').Waiting['step']} Step */

/**
 * Do some work, and say so while it goes on.
 * @template T
 * @param {Step} step
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function saying(step, work) {
  const began = performance.now();
  /** @type {import('./state.js').Waiting} */
  let last = { step, seconds: 0 };
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const say = (/** @type {number} */ seconds) => {
    last = { step, seconds };
    waiting.value = last;
    timer = setTimeout(() => say((performance.now() - began) / 1000), seconds ? TICK_MS : LONG_MS - SLOW_MS);
  };
  timer = setTimeout(() => say(0), SLOW_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    if (waiting.peek() === last) waiting.value = null; // not what a newer request says
  }
}
