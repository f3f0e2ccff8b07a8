/** What the page knows. `lab` is all that a person chose; it is what the link and undo carry. */

import { signal, computed, batch } from '../vendor/signals-core/signals-core.js';
import { LAYER_TYPES, hasKernel } from './layer-types.js';
import { isSignal, layersFor } from './one-row.js';

/** @typedef {import('./layer-types.js').Layer} Layer */
/** @typedef {import('./layer-types.js').Input} Input */
/** @typedef {{layer: number, channel: number, row: number, col: number}} Unit */
/** @typedef {{channel: number, row: number, col: number}} Pixel */
/** @typedef {{layer: number, filter: number, channel: number, row: number, col: number}} Weight */
/** @typedef {{layer: number, channel: number} & import('./areas.js').Area} Region cells of one map */
/** @typedef {{of: 'number', number: number} | {of: 'input'} | {of: 'numbers', array: number[][]} | {of: 'sample' | 'image', name: string}} Target what the maps should become */
/** @typedef {Pick<Lab, 'input' | 'layers' | 'loss' | 'map' | 'unit' | 'region' | 'target'>} Kept what a comparison is with */
/**
 * @typedef {object} Lab
 * @property {Input} input
 * @property {Layer[]} layers
 * @property {number} layer the layer that is shown and edited
 * @property {number} channel the map that is in focus
 * @property {[number, number]} slice which filter and input channel the kernel grid shows
 * @property {'forward' | 'gradient'} mode
 * @property {'sum' | 'mean' | 'l2' | 'channel' | 'region' | 'unit' | 'mse'} loss
 * @property {number} map whose sum is the loss, where one map is
 * @property {number} gradientAt the layer at whose maps the gradient is shown; -1 at the input
 * @property {Unit | null} unit the pinned cell
 * @property {Region | null} region the dragged region
 * @property {Target} target
 * @property {({of: 'input'} & Pixel) | ({of: 'kernel'} & Weight) | null} pin the pinned pixel or weight
 * @property {Kept | null} kept the state A that what is edited, B, is compared with
 * @property {'a' | 'b' | 'difference'} compare which of the two is shown
 * @property {'auto' | 'signed' | 'gray' | 'viridis'} colors
 * @property {'map' | 'layer' | 'network'} scale whose extremes get the full colours
 * @property {number} clip percentile of magnitudes that gets the full colour
 * @property {number} overlay opacity of a gradient over the picture
 */

/** @returns {Lab} */
export const initialLab = () => ({
  input: { sample: 'astronaut', color: 'gray' },
  layers: [LAYER_TYPES.conv2d.make()],
  layer: 0,
  channel: 0,
  slice: [0, 0],
  mode: 'forward',
  loss: 'sum',
  map: 0,
  gradientAt: -1,
  unit: null,
  region: null,
  target: { of: 'number', number: 0 },
  pin: null,
  kept: null,
  compare: 'b',
  colors: 'auto',
  scale: 'map',
  clip: 99.5,
  overlay: 0.8,
});

export const lab = signal(initialLab());

/** The lab part by part: who reads one here is told of changes of that one alone. @type {Readonly<Lab>} */
export const part = Object.create(null);
for (const name of /** @type {(keyof Lab)[]} */ (Object.keys(initialLab()))) {
  const value = computed(() => lab.value[name]);
  Object.defineProperty(part, name, { get: () => value.value });
}

/** @type {import('../vendor/signals-core/signals-core.js').Signal<any>} */
export const limits = signal(null);
/** @type {import('../vendor/signals-core/signals-core.js').Signal<any[]>} */
export const presets = signal([]);
/** @type {import('../vendor/signals-core/signals-core.js').Signal<any[]>} */
export const samples = signal([]);

/** The record of the picture, once known. @type {import('../vendor/signals-core/signals-core.js').Signal<any>} */
export const picture = signal(null);

/** Text in a control that is not (yet) its value, by place. */
export const drafts = signal(/** @type {Record<string, string>} */ ({}));
/** What the page itself finds wrong, by place. */
export const complaints = signal(/** @type {Record<string, string>} */ ({}));
/** What the server finds wrong with the network as it stands. */
export const faults = signal(/** @type {import('./api.js').Fault[]} */ ([]));
/** Whether the server did not answer when it was last asked. */
export const away = signal(false);
/** What a request would need and may, in bytes, that was refused for its memory. */
export const refusal = signal(/** @type {{estimated: number, limit: number} | null} */ (null));
/** Whether a person has chosen a loss from its menu: no other one is then chosen for them. */
export const lossChosen = signal(false);
/** @typedef {{step: 'answer' | 'exact', seconds: number}} Waiting what is under way, the first answer or every cell exactly, and how long it has been; 0 is not long */
/** The request of what is in focus, where it is slow. */
export const waiting = signal(/** @type {Waiting | null} */ (null));

/** The last good answers: they stay until better ones are there. */
export const shown = signal(/** @type {import('./live.js').Shown | null} */ (null));
export const shapes = signal(/** @type {any} */ (null));
/** Whether a map or a gradient is shown; another one may have been asked for since. */
export const shownMode = computed(() => shown.value?.of.mode ?? lab.value.mode);
/** What the hand points into: the lab, or, until what it asks for is there, the state that is shown. */
export const inView = computed(() => {
  const of = shown.value?.of;
  const isThere = !of || (of.mode === lab.value.mode && (of.mode === 'forward' || of.gradientAt === lab.value.gradientAt));
  return isThere ? lab.value : of;
});
/** What the server said last of each layer, of a map or of shapes alone. */
export const reports = signal(/** @type {any[]} */ ([]));

/** @type {import('../vendor/signals-core/signals-core.js').Signal<Unit | null>} */
export const pointed = signal(null);
/** A weight under the hand, in the kernel that is shown. */
export const pointedWeight = signal(/** @type {Weight | null} */ (null));
/** A cell of the input, or of dL/dInput, under the hand. */
export const pointedInput = signal(/** @type {Pixel | null} */ (null));
/** The terms of the pointed or pinned number. @type {import('../vendor/signals-core/signals-core.js').Signal<any>} */
export const explanation = signal(null);

const HISTORY_LENGTH = 200;
const BURST_MS = 700;
const past = signal(/** @type {Lab[]} */ ([]));
const future = signal(/** @type {Lab[]} */ ([]));
export const canUndo = computed(() => past.value.length > 0);
export const canRedo = computed(() => future.value.length > 0);
let burst = { name: '', at: 0 };

const SIZES = /^\/layers\/\d+\/(kernel\/|size|padding|dilation)/;
let sized = '';
/** The place of the last edit that changed how much of its input a kernel or window spans. */
export const sizedAt = () => sized;

/** The place of the last edit, '' where it has none. */
export const lastEditAt = () => burst.name;

/** When the last edit was made, on the clock of `performance`. */
export let editedAt = 0;
/** The browser would hold the marks of every edit for as long as the page is open. */
const MOST_MARKED = 500;
let edits = 0;
function markEdit() {
  edits += 1;
  if (edits % MOST_MARKED === 0) {
    performance.clearMarks();
    performance.clearMeasures();
  }
  editedAt = performance.mark('edit').startTime;
}

/**
 * Change the lab. Changes of one name that follow each other closely are one step of undo.
 * @param {Partial<Lab>} change
 * @param {string} [name]
 */
export function edit(change, name = '') {
  markEdit();
  const now = editedAt;
  const same = name !== '' && name === burst.name && now - burst.at < BURST_MS;
  burst = { name, at: now };
  if (SIZES.test(name)) sized = name;
  batch(() => {
    if (!same) past.value = [...past.value, lab.value].slice(-HISTORY_LENGTH);
    future.value = [];
    lab.value = settled({ ...lab.value, ...change });
  });
}

/**
 * A state whose parts fit each other: layers have the dimensions of the input; a loss of the pinned cell
 * or of the region goes with it, for the menu to say what is used.
 * @param {Lab} state @returns {Lab}
 */
export function settled(state) {
  const isLost = (state.loss === 'unit' && !state.unit) || (state.loss === 'region' && !state.region);
  return { ...state, layers: layersFor(state.layers, isSignal(state.input)), loss: isLost ? 'sum' : state.loss };
}

/** @param {Partial<Lab>} change a change of the view that undo need not know */
export const look = (change) => {
  lab.value = { ...lab.value, ...change };
};

function forgetAll() {
  drop(drafts, () => true);
  drop(complaints, () => true);
}

/** @param {typeof past} from @param {typeof past} to */
function travel(from, to) {
  const target = from.value.at(-1);
  if (!target) return;
  burst = { name: '', at: 0 };
  markEdit();
  batch(() => {
    from.value = from.value.slice(0, -1);
    to.value = [...to.value, lab.value];
    forgetAll();
    lab.value = target;
  });
}
export const undo = () => travel(past, future);
export const redo = () => travel(future, past);

/** Take texts away; where there are none of them, nothing is told. @param {typeof drafts} texts @param {(place: string) => boolean} dropped */
function drop(texts, dropped) {
  const kept = Object.entries(texts.value).filter(([place]) => !dropped(place));
  if (kept.length < Object.keys(texts.value).length) texts.value = Object.fromEntries(kept);
}

/**
 * Forget what was typed in a place that gets a new value; what is being typed stays.
 * @param {string} place
 * @param {string} name place of the control that changes it
 */
function forgetUnder(place, name) {
  if (name.startsWith(`${place}/`)) return; // a part of it, a cell or a side: the others keep their texts
  const dropped = (/** @type {string} */ pointer) => pointer !== name && (pointer === place || pointer.startsWith(`${place}/`));
  drop(drafts, dropped);
  drop(complaints, dropped);
}

/** @param {number} index @param {object} change @param {string} [name] */
export function editLayer(index, change, name = '') {
  const layers = lab.value.layers.map((old, i) => (i === index ? { ...old, ...change } : old));
  batch(() => {
    for (const field of Object.keys(change)) forgetUnder(`/layers/${index}/${field}`, name);
    edit({ layers }, name);
  });
}

/** What is pinned in a layer stays with it, wherever it goes. @param {Layer[]} layers @returns {Pick<Lab, 'unit' | 'region' | 'pin'>} */
function pinsAmong(layers) {
  const { unit, region, pin, layers: before } = lab.value;
  const now = (/** @type {{layer: number}} */ { layer }) => layers.indexOf(before[layer]);
  return {
    unit: unit && now(unit) >= 0 ? { ...unit, layer: now(unit) } : null,
    region: region && now(region) >= 0 ? { ...region, layer: now(region) } : null,
    pin: pin?.of !== 'kernel' ? pin : now(pin) >= 0 ? { ...pin, layer: now(pin) } : null,
  };
}

/** @param {Layer[]} layers @param {number} selected */
export function setLayers(layers, selected) {
  batch(() => {
    forgetAll();
    const layer = Math.max(0, Math.min(selected, layers.length - 1));
    edit({ layers, layer, channel: 0, map: 0, gradientAt: -1, slice: [0, 0], ...pinsAmong(layers) });
  });
}

/** @param {string} place @param {string} sentence '' takes the complaint back */
export function complain(place, sentence) {
  if (!sentence) return drop(complaints, (one) => one === place);
  if (complaints.value[place] !== sentence) complaints.value = { ...complaints.value, [place]: sentence };
}

/**
 * Take what was typed: apply it where it is legal, else keep the text and say what would be.
 * @template T
 * @param {string} place
 * @param {string} text
 * @param {(text: string) => {value: T} | {error: string}} parse
 * @param {(value: T) => void} apply
 */
export function typed(place, text, parse, apply) {
  const result = parse(text);
  batch(() => {
    drafts.value = { ...drafts.value, [place]: text };
    if ('error' in result) return complain(place, result.error);
    complain(place, '');
    return apply(result.value);
  });
}

/** Forget a draft that has become the value; a wrong one stays to be mended. @param {string} place */
export function settle(place) {
  if (!complaints.value[place]) drop(drafts, (one) => one === place);
}

/** Drop a draft and its complaint. @param {string} place */
export function forget(place) {
  batch(() => {
    complain(place, '');
    settle(place);
  });
}

/** The nearest layer at or before the chosen one that has a kernel, or −1. */
export const kernelLayer = computed(() => {
  const { layers, layer: chosen } = part;
  for (let index = chosen; index >= 0; index -= 1) if (hasKernel(layers[index])) return index;
  return -1;
});
