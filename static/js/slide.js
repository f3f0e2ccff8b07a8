/** Sliding the window: by itself or step by step, over all places of the map. */

import { batch, effect, signal, untracked } from '../vendor/signals-core/signals-core.js';
import { accumulated } from './accumulating.js';
import { Problem } from './api.js';
import { focusPlane } from './focus.js';
import { here, lattice, partial, partialKernel, walk } from './slid.js';
import { kernelLayer, lab, part, shown, shownMode } from './state.js';
import { reveal } from './zoom.js';

/** @typedef {import('./live.js').Plane} Plane */

/** Places a second. */
export const SPEEDS = [1, 2, 4, 10, 30];
const calm = matchMedia('(prefers-reduced-motion: reduce)');
export const speed = signal(calm.matches ? 1 : 4);

const places = () => lattice.peek()?.count ?? 0;

/** @param {number} at */
const within = (at) => Math.max(0, Math.min(at, places() - 1));

/** Where motion is not wanted, it is not begun unasked. */
export function begin() {
  walk.value = { at: 0, playing: !calm.matches };
}

export function end() {
  walk.value = null;
}

/** Go to a place; the hand takes over from the clock. @param {number} at */
export function goTo(at) {
  if (walk.peek()) walk.value = { at: within(at), playing: false };
}

/** @param {number} count */
export const step = (count) => goTo((walk.peek()?.at ?? 0) + count);

export function toggle() {
  const now = walk.peek();
  if (!now) return;
  const ended = now.at >= places() - 1;
  walk.value = { at: ended && !now.playing ? 0 : now.at, playing: !now.playing };
}

function advance() {
  const now = walk.peek();
  if (!now?.playing) return;
  const at = within(now.at + 1);
  walk.value = { at, playing: at < places() - 1 };
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const target = /** @type {Element} */ (event.target);
  if (!walk.peek() || event.ctrlKey || event.metaKey || event.altKey || target.closest('input, textarea, select, [role=menu]')) return;
  /** @type {Record<string, () => void>} */
  const keys = { '.': () => step(1), ',': () => step(-1), Escape: end };
  // A button has its own use for the space bar.
  if (!target.closest('button')) keys[' '] = toggle;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

let asking = false;
let stale = false;

const forget = () =>
  batch(() => {
    partial.value = null;
    partialKernel.value = null;
  });

/** Ask for the gradients of the places passed: one request at a time, the newest place next. */
async function accumulate() {
  stale = true;
  if (asking) return;
  asking = true;
  while (stale) {
    stale = false;
    const [area, places, whole] = [here.peek(), lattice.peek(), focusPlane.peek()];
    if (!area || !places || !whole || lab.peek().mode !== 'gradient' || shownMode.peek() !== 'gradient') forget();
    else await show(area, places, whole);
  }
  asking = false;
}

/** Cells in the place of those of the whole. @param {Plane} whole @param {{values: Float32Array, rows: number, cols: number}} [cells] none are zeros @returns {Plane} */
const inPlaceOf = (whole, cells = { values: new Float32Array(whole.rows * whole.cols), rows: whole.rows, cols: whole.cols }) => ({ ...whole, ...cells, exact: true, scale: 1, offset: 0, edited: null });

/** @param {import('./areas.js').Area} area @param {import('./slid.js').Lattice} places @param {Plane} whole the gradient of all places */
async function show(area, places, whole) {
  const state = lab.peek();
  try {
    const found = await accumulated(state, kernelLayer.peek(), area, places);
    if (!here.peek() || stale) return;
    const kernels = shown.peek()?.gradient?.kernel ?? [];
    batch(() => {
      partial.value = inPlaceOf(whole, found?.input[Math.min(state.channel, found.input.length - 1)]);
      partialKernel.value = kernels.map((kernel, at) => inPlaceOf(kernel, found?.kernel?.[at]));
    });
  } catch (error) {
    if (!(error instanceof Problem || error instanceof TypeError)) throw error;
    end(); // what is wrong is said where it is asked for the whole
  }
}

/** Move the window while it plays, and follow it with the gradient. */
export function startSlide() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    clearTimeout(timer);
    if (walk.value?.playing) timer = setTimeout(advance, 1000 / speed.value);
  });
  effect(() => {
    const area = here.value;
    if (area && part.mode === 'forward') untracked(() => reveal(area.row, area.col));
  });
  effect(() => {
    const { mode, loss, target, map, gradientAt, unit, region, channel, input, layers } = part;
    if (here.value || mode || shownMode.value || gradientAt || loss || target || map || unit || region || channel || input || layers) untracked(() => void accumulate());
  });
  addEventListener('keydown', onKey);
}
