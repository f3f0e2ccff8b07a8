/** Where the sliding window stands: which unit it makes, and what it has made so far. */

import { computed, signal } from '../vendor/signals-core/signals-core.js';
import { lossLayer } from './loss.js';
import { part, shown } from './state.js';

/** A large map is walked in strides: at most this many places along its longer side. */
const MOST_PLACES = 48;

/** @typedef {import('./areas.js').Area} Area */
/** @typedef {{layer: number, maps: number, rows: number, cols: number, stride: number, down: number, across: number, count: number}} Lattice */

/** The walk that is on: how many places were left behind, and whether it goes on by itself. */
export const walk = signal(/** @type {{at: number, playing: boolean} | null} */ (null));

/** What the gradient has become on the way; null where all of it is shown. */
export const partial = signal(/** @type {import('./live.js').Plane | null} */ (null));

/** What dL/dKernel has become on the way, filter by filter and channel by channel. */
export const partialKernel = signal(/** @type {import('./live.js').Plane[] | null} */ (null));

/** The layer whose units are made one by one: the one that is shown, or that the loss looks at. */
const walkedLayer = computed(() => (part.mode === 'gradient' ? lossLayer(part) : part.layer));

/** @param {number} layer @param {number[] | undefined} shape @param {number} most @returns {Lattice | null} */
export function latticeOf(layer, shape, most = MOST_PLACES) {
  if (shape?.length !== 4) return null;
  const [maps, rows, cols] = shape.slice(1);
  const stride = Math.ceil(Math.max(rows, cols) / most);
  const [down, across] = [Math.ceil(rows / stride), Math.ceil(cols / stride)];
  return { layer, maps, rows, cols, stride, down, across, count: down * across };
}

/** The map whose units they are. */
const walkedMap = computed(() => {
  const { mode, loss, unit, region, channel, map } = part;
  const chosen = loss === 'unit' ? unit : loss === 'region' ? region : null;
  return mode === 'forward' ? channel : (chosen?.channel ?? map);
});

/** Why the window does not slide over a map of rows and columns; '' where it does. */
export const whyNoSlide = computed(() =>
  part.mode === 'gradient' && part.loss === 'mse' && part.target.of !== 'number'
    ? 'The window slides where the loss is of single cells, or their distance from one number; this one compares the whole map with a picture.'
    : '',
);

/** The places of the walk; null where a layer has no rows and columns, or the loss is none of single units. */
export const lattice = computed(() => {
  if (whyNoSlide.value) return null;
  return latticeOf(walkedLayer.value, shown.value?.layers[walkedLayer.value]?.output_shape);
});

/** The cells that place `at` of a walk makes. @param {Lattice} places @param {number} at @returns {Area} */
export function placeOf({ rows, cols, stride, across, count }, at) {
  const place = Math.min(at, count - 1);
  const row = Math.floor(place / across) * stride;
  const col = (place % across) * stride;
  return { row, col, rows: Math.min(stride, rows - row), cols: Math.min(stride, cols - col) };
}

/** The cells where the window stands. */
export const here = computed(() => (walk.value && lattice.value ? placeOf(lattice.value, walk.value.at) : null));

/** The unit that the window makes. @returns {import('./state.js').Unit | null} */
export const slid = computed(() => {
  if (!here.value || !lattice.value) return null;
  const { layer, maps } = lattice.value;
  return { layer, channel: Math.min(walkedMap.value, maps - 1), row: here.value.row, col: here.value.col };
});

/** Cells that come after a place: the rest of its rows, and all rows below. @param {Area} area @param {number} rows of the map @param {number} cols @returns {Area[]} */
export function after(area, rows, cols) {
  const [next, below] = [area.col + area.cols, area.row + area.rows];
  const rest = { row: area.row, col: next, rows: area.rows, cols: cols - next };
  return [rest, { row: below, col: 0, rows: rows - below, cols }].filter((one) => one.rows > 0 && one.cols > 0);
}

/** Cells of the shown map that the window has not made yet. @returns {Area[]} */
export const unmade = computed(() => {
  if (!here.value || !lattice.value || part.mode === 'gradient') return [];
  return after(here.value, lattice.value.rows, lattice.value.cols);
});
