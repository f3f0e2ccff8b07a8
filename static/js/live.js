/**
 * The live loop: every edit goes out at once, one request is in flight, the newest wins.
 *
 * An edit is answered in three steps, each given up as soon as a newer edit is there: the map in
 * focus in few bytes (so that it is painted first), the thumbnails of every layer, and, when the
 * hand rests, every cell of the map with its exact value.
 */

import { batch, computed, effect, signal, untracked } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { mostFilters } from './fitting.js';
import { toNetwork } from './layer-types.js';
import { gradientLayer, lossOf } from './loss.js';
import { focusForward, focusGradient, gallery } from './requests.js';
import { away, editedAt, faults, lab, lastEditAt, look, refusal, reports, shapes, shown } from './state.js';
import { saying } from './under-way.js';

/**
 * @typedef {object} Plane values of one map: the number itself, or offset + scale · code
 * @property {Uint8Array | Float32Array} values
 * @property {number} rows of `values`
 * @property {number} cols of `values`
 * @property {[number, number]} full rows and columns of the map, of which `values` may be reduced
 * @property {number} scale
 * @property {number} offset
 * @property {boolean} exact
 * @property {any} stats of the full map
 * @property {number | null} edited when the edit was made that this is the first answer to
 */
/**
 * @typedef {object} Shown
 * @property {any[]} layers what the server said of each layer
 * @property {import('./state.js').Lab} of the state that was computed
 * @property {string} asked the question that this answers
 * @property {number[]} inputShape
 * @property {Plane | null} map
 * @property {Plane[][]} thumbs by layer and channel
 * @property {{loss: number, input: Plane[], kernel: Plane[] | null} | null} gradient at the input, or at the maps of a layer
 */

/** The map in focus is on the screen by then. */
const PAINTED_MS = 30;
const REST_MS = 180;
const AGAIN_MS = 2000;
const LAST_GOOD = 'What you see is the last good answer.';
const NOTHING_LOST = 'Nothing you have set is lost: it is all here and in the link, and the maps come with the server.';

/** What the answer depends on; colours and the like are none of it. */
const question = computed(() => {
  const { input, layers, layer, channel, mode } = lab.value;
  return JSON.stringify([input, layers, layer, channel, mode, lossOf(lab.value), mode === 'gradient' && gradientLayer(lab.value)]);
});

/** Whether what is shown answers what is asked now. */
export const isCurrent = computed(() => shown.value?.asked === question.value);

/** @typedef {{state: import('./state.js').Lab, asked: string}} Asked */

/** @param {Asked} of @param {any} news */
function publish({ state, asked }, news) {
  const old = shown.peek() ?? { layers: [], thumbs: [], map: null, gradient: null, inputShape: [] };
  batch(() => {
    faults.value = [];
    refusal.value = null;
    away.value = false;
    shown.value = /** @type {Shown} */ ({ ...old, ...news, of: state, asked });
    if (news.layers) reports.value = news.layers;
  });
}

/** @param {any} told of shapes */
function publishShapes(told) {
  batch(() => {
    shapes.value = told;
    reports.value = told.layers;
  });
}

/** Whether an edit has gone out whose picture has not come. */
export const answering = signal(false);

let dirty = false;
/** When the newest edit was made that has gone out; 0 where there was none yet. */
let answered = 0;
let running = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;
/** @type {AbortController | null} */
let background = null;
/** @type {AbortController | null} */
let foreground = null;

/** Which step of what is asked was given up, and has not been asked for again. */
export const cancelled = signal(/** @type {import('./state.js').Waiting['step'] | null} */ (null));

/** Give up the request under way; the picture stays as it is. @param {import('./state.js').Waiting['step']} step */
export function cancel(step) {
  if (step === 'answer') foreground?.abort();
  else background?.abort();
  if (step === 'exact') cancelled.value = step;
}

/** @param {unknown} error */
const isCancel = (error) => error instanceof DOMException && error.name === 'AbortError';

/** @param {import('./api.js').Fault[]} found @param {string} place */
const isAt = (found, place) => found.some(({ pointer }) => pointer.startsWith(place));

/** Leave a map that the network does not have, as a link may ask for. @param {import('./api.js').Fault[]} found */
function leaveMissing(found) {
  if (isAt(found, '/return/channels')) look({ channel: 0 });
}

/** Where a request that needs too much memory is refused: at the control that made it so, else at the picture. */
function blamed() {
  if (refusal.peek()) return faults.peek()[0]?.pointer ?? ''; // what was changed since did not make it so
  const { input, layers } = lab.peek();
  const place = lastEditAt();
  return layers[Number(place.split('/')[2])] && place.startsWith('/layers/') ? place : input.array ? '' : '/input';
}

/** @param {unknown} error */
function report(error) {
  if (isCancel(error)) return;
  if (error instanceof Problem) {
    // The API's routes are all there: what is not is the picture.
    const pointer = error.memory ? blamed() : error.status === 404 ? '/input' : '';
    refusal.value = error.memory;
    faults.value = error.faults.length ? error.faults : [{ pointer, detail: error.message }];
    leaveMissing(error.faults);
  } else if (error instanceof TypeError) {
    away.value = true;
    faults.value = [{ pointer: '', detail: `The server does not answer; it is asked again. ${shown.peek() ? LAST_GOOD : NOTHING_LOST}` }];
    clearTimeout(again);
    again = setTimeout(askAgain, AGAIN_MS);
  } else {
    faults.value = [{ pointer: '', detail: `The answer could not be read. ${LAST_GOOD}` }];
    reportError(error);
  }
}

/** @param {number} ms @param {AbortSignal} signal */
const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve(null)), { once: true });
  });

/** @param {import('./state.js').Lab} state @returns {(state: import('./state.js').Lab, stage: import('./requests.js').Stage, signal: AbortSignal) => Promise<any>} */
const focusOf = ({ mode }) => (mode === 'gradient' ? focusGradient : focusForward);

/** The planes of an answer that the focus canvas may show. @param {any} news @returns {Plane[]} */
const focusPlanes = ({ map, gradient }) => (map ? [map] : gradient.input);

/** @param {Asked} of @returns {Promise<boolean>} whether every cell came with its exact value */
async function answer(of) {
  const { state } = of;
  const edited = editedAt === answered ? null : editedAt;
  answered = editedAt;
  foreground = new AbortController();
  answering.value = true;
  const { signal } = foreground;
  performance.mark('request');
  try {
    const news = await saying('answer', () => focusOf(state)(state, 'live', signal));
    performance.mark('response');
    for (const plane of focusPlanes(news)) plane.edited = edited;
    publish(of, news);
    return focusPlanes(news).every(({ exact, rows, cols, full }) => exact && rows * cols === full[0] * full[1]);
  } finally {
    answering.value = false;
  }
}

/** Complete an answer while no newer edit is there. @param {Asked} of @param {boolean} complete */
async function follow(of, complete) {
  const { state } = of;
  background = new AbortController();
  const { signal } = background;
  try {
    await pause(PAINTED_MS, signal);
    if (signal.aborted) return;
    const [told, thumbs] = await Promise.all([
      describe('/shapes', toNetwork(state), signal),
      gallery(state, signal),
    ]);
    publishShapes(told);
    publish(of, thumbs);
    if (complete) return;
    await pause(REST_MS, signal);
    if (!signal.aborted) publish(of, await saying('exact', () => focusOf(state)(state, 'rest', signal)));
  } catch (error) {
    report(error);
  }
}

/** Say how many filters would fit, where theirs is the control that made a request too large. @param {any} told of shapes, as it was refused */
async function sayWhatFits(told) {
  const memory = refusal.peek();
  const [fault] = faults.peek();
  const most = memory && (await mostFilters(lab.peek(), fault?.pointer ?? '', told, memory));
  if (most && faults.peek()[0] === fault) faults.value = [{ ...fault, detail: `${fault.detail} Up to ${most} filters fit.` }];
}

/** Say what is wrong with an illegal network, layer by layer, with the legal ranges. */
async function describeFaults() {
  try {
    const told = await describe('/shapes', toNetwork(lab.peek()), new AbortController().signal);
    publishShapes(told);
    if (!dirty) await sayWhatFits(told);
  } catch (error) {
    if (!(error instanceof Problem)) report(error);
  }
}

/** Whether an answer failed for its loss: once it is known that a pinned cell or a region has left its map, or which size a target has, another question is asked. @param {unknown} error */
const isOfLoss = (error) => error instanceof Problem && isAt(error.faults, '/loss/');

async function run() {
  if (running) return;
  running = true;
  while (dirty) {
    dirty = false;
    const of = { state: lab.peek(), asked: question.peek() };
    try {
      const complete = await answer(of);
      if (!dirty) follow(of, complete);
    } catch (error) {
      cancelled.value = isCancel(error) && !dirty ? 'answer' : null;
      if (!isOfLoss(error)) report(error);
      if (error instanceof Problem && !dirty) await describeFaults();
      if (isOfLoss(error) && !dirty) report(error);
    }
  }
  running = false;
}

/** Ask what the page shows, though it may have been asked before. */
export function askAgain() {
  clearTimeout(again);
  dirty = true;
  cancelled.value = null;
  background?.abort();
  run();
}

/** Ask whenever the question changes. */
export function startLive() {
  effect(() => {
    question.value;
    untracked(askAgain);
  });
}
