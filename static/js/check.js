/** The finite-difference check of the pinned pixel or weight: is its gradient what moving it a little says? */

import { computed, effect, signal } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { lossyNetwork } from './loss.js';
import { pinnedPixel, pinnedWeight } from './pins.js';
import { lab, part, shown } from './state.js';

/** The hand rests by then. */
const REST_MS = 500;
/** The network is run several times in double precision: on more cells than this only when asked. */
const MOST_CELLS = 1 << 20;

/** @typedef {{analytic: number, numeric: number, step: number, verdict: 'pass' | 'kink' | 'fail', note: string}} Check */

/** @type {import('../vendor/signals-core/signals-core.js').Signal<Check | {problem: string} | 'running' | null>} */
export const check = signal(null);

/** What is to be checked, as the API wants it; null where nothing is pinned in a gradient. */
const asked = computed(() => {
  if (part.mode !== 'gradient') return null;
  const [weight, pixel] = [pinnedWeight.value, pinnedPixel.value];
  if (weight) {
    const { layer, filter, channel, row, col } = weight;
    return { ...lossyNetwork(lab.value), wrt: `layers.${layer}.kernel`, indices: [[filter, channel, row, col]] };
  }
  return pixel && { ...lossyNetwork(lab.value), wrt: 'input', indices: [[0, pixel.channel, pixel.row, pixel.col]] };
});
/** As text, for an equal question to be no news. */
const question = computed(() => (asked.value ? JSON.stringify(asked.value) : ''));

/** Whether there is something to check. */
export const isChecked = computed(() => question.value !== '');

/** @type {AbortController | null} */
let asking = null;

/** Notes count layers from 0, the page from 1. @param {string} note */
const counted = (note) => note.replace(/\blayer (\d+)/g, (_, index) => `layer ${Number(index) + 1}`);

export async function runCheck() {
  const body = asked.peek();
  if (!body) return;
  asking?.abort();
  asking = new AbortController();
  check.value = 'running';
  try {
    const { step, checks } = await describe('/gradcheck', body, asking.signal);
    const [{ analytic, numeric, verdict, note }] = checks;
    check.value = { analytic, numeric, step, verdict, note: counted(note) };
  } catch (error) {
    if (error instanceof DOMException) return; // something else is checked
    if (error instanceof Problem) check.value = { problem: error.message };
    else if (error instanceof TypeError) check.value = { problem: 'The server does not answer.' };
    else throw error;
  }
}

/** Whether the input is small enough to be checked unasked. */
function isSmall() {
  const shape = shown.peek()?.inputShape;
  return shape !== undefined && shape.length > 0 && shape.reduce((all, one) => all * one, 1) <= MOST_CELLS;
}

/** Check what is pinned when the hand rests. */
export function startChecks() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    const now = question.value;
    clearTimeout(timer);
    asking?.abort();
    check.value = null;
    if (now) timer = setTimeout(() => isSmall() && void runCheck(), REST_MS);
  });
}
