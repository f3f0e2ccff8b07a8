/** What is pointed at: its terms from the server, its receptive field on the picture. */

import { computed, effect } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { oneCell } from './areas.js';
import { bankSize, gradientOf, sliceOf } from './kernel-edit.js';
import { toNetwork } from './layer-types.js';
import { isOutside } from './pinned.js';
import { gradientLayer, lossLayer, lossyNetwork } from './loss.js';
import { pinnedPixel, pinnedWeight } from './pins.js';
import { slid } from './slid.js';
import { explanation, kernelLayer, part, pointed, pointedInput, pointedWeight, shown } from './state.js';
import { INPUT, metBy, shapeOf, tiedTo } from './tied.js';
import { isVector, placeOfUnit } from './vectors.js';

const ASK_AFTER_MS = 60;

/** The cell that the arithmetic is about: the one under the hand, else where the window slides, else the pinned one, if it is there. */
export const cell = computed(() => [pointed.value, slid.value, part.unit].find((unit) => unit && !isOutside(unit)) ?? null);

/** Whether the hand is at nothing: what is pinned counts then. */
const isFree = computed(() => !pointed.value && !slid.value && !pointedWeight.value && !pointedInput.value);

/** The weight that lights up what it meets: the one under the hand, else the pinned one. */
export const weight = computed(() => pointedWeight.value ?? (isFree.value ? pinnedWeight.value : null));

/** The pixel of the input that lights up what sees it: the one under the hand, else the pinned one. */
export const pixel = computed(() => pointedInput.value ?? (isFree.value ? pinnedPixel.value : null));

/** The weight whose gradient the arithmetic is about; where maps are shown it only lights up. */
const weightCell = computed(() => (part.mode === 'gradient' ? weight.value : null));

/** @param {import('./state.js').Weight} weight */
function ofWeight(weight) {
  const layer = part.layers[weight.layer];
  const met = layer && metBy(weight, layer);
  return met ? tiedTo(met, weight.layer - 1, false) : new Map();
}

/** What lights up in each layer and in the input, padding included: what is tied to the weight, the pixel or the cell that the arithmetic is about. */
export const lit = computed(() => {
  const unit = cell.value;
  if (weightCell.value) return ofWeight(weightCell.value);
  if (pixel.value) return tiedTo(oneCell(pixel.value), INPUT);
  if (weight.value && !pointed.value && !slid.value) return ofWeight(weight.value);
  return unit ? tiedTo(oneCell(placeOfUnit(shapeOf(unit.layer), unit)), unit.layer) : new Map();
});

/** Rows and columns of the input that light up. */
export const receptiveField = computed(() => lit.value.get(INPUT) ?? null);

/**
 * The cell of layer `index` whose field is centred nearest to a pixel of the input.
 * @param {number} index @param {number} row @param {number} col
 */
export function cellAbove(index, row, col) {
  const report = shown.value?.layers[index];
  const field = report?.receptive_field;
  if (!field || report.output_shape.length < 4) return null;
  const [height, width] = report.output_shape.slice(2);
  const place = (/** @type {number} */ at, /** @type {number} */ axis, /** @type {number} */ size) => {
    const index = Math.round((at - field.start[axis] - (field.size[axis] - 1) / 2) / field.stride[axis]);
    return Math.min(Math.max(index, 0), size - 1);
  };
  return { row: place(row, 0, height), col: place(col, 1, width) };
}

/** The state whose answer is shown: later steps of the same answer change no term. */
const answered = computed(() => shown.value?.of ?? null);

/** A sum of more products than this is not written out: its value is told. */
const MOST_TERMS = 4096;

/** The gradient of the pointed weight where its terms are too many, as `/explain` would tell it. */
const briefly = computed(() => {
  const told = weightCell.value;
  const plane = told && gradientOf(told.layer);
  const [, , rows, cols] = shown.value?.layers[told?.layer ?? 0]?.output_shape ?? [];
  if (!told || !plane || rows * cols <= MOST_TERMS) return null;
  const { layer, filter, channel, row, col } = told;
  const value = plane.offset + plane.scale * plane.values[row * plane.cols + col];
  return { of: `layers.${layer}.kernel`, layer, position: [filter, channel, row, col], value, count: rows * cols };
});

/** The cell under the hand of dL/dMap. */
const innerUnit = computed(() => {
  const [unit, { gradient, of } = {}] = [pointed.value, shown.value ?? {}];
  return unit && gradient && of?.mode === 'gradient' && gradientLayer(of) === unit.layer ? unit : null;
});

/** The same where the loss looks at it: its value alone, which is no sum. */
const ofLoss = computed(() => {
  const [unit, { gradient, of } = {}] = [innerUnit.value, shown.value ?? {}];
  if (!unit || !gradient || !of || lossLayer(of) !== unit.layer) return null;
  const { layer, channel } = unit;
  const { row, col } = placeOfUnit(shapeOf(layer), unit);
  const plane = gradient.input[Math.min(channel, gradient.input.length - 1)];
  if (!plane?.exact || plane.cols !== plane.full[1] || plane.rows !== plane.full[0]) return null;
  return { of: `layers.${layer}.gradient`, layer, position: isVector(shapeOf(layer)) ? [0, channel] : [0, channel, row, col], value: plane.values[row * plane.cols + col] };
});

/** The pointed feature of a dense layer whose terms are too many: its value alone, where that is in view. */
const ofDense = computed(() => {
  const [unit, { of, layers, map } = {}] = [cell.value, shown.value ?? {}];
  if (!unit || !of || of.layers[unit.layer]?.type !== 'dense' || pixel.value || weightCell.value) return null;
  const { layer, channel } = unit;
  const count = layers?.[layer]?.input_shape?.slice(1).reduce((/** @type {number} */ all, /** @type {number} */ one) => all * one, 1) ?? 0;
  if (count <= MOST_TERMS) return null;
  const value = of.mode === 'forward' && of.layer === layer && map?.exact ? map.values[channel] : undefined;
  return { of: `layers.${layer}.output`, layer, position: [0, channel], value, count };
});

/** What is known without asking. */
const known = computed(() => briefly.value ?? ofLoss.value ?? ofDense.value);

/** What to explain, as the API wants it; null where nothing is pointed at. */
const asked = computed(() => {
  const state = answered.value;
  const unit = cell.value;
  if (!state || known.value) return null;
  if (weightCell.value && state.mode === 'gradient')
    return { ...lossyNetwork(state), at: { kernel_gradient: weightCell.value } };
  if (pixel.value) return { ...lossyNetwork(state), at: { input_gradient: { n: 0, ...pixel.value } } };
  if (!unit || unit.layer >= state.layers.length) return null;
  if (innerUnit.value && lossLayer(state) > unit.layer) return { ...lossyNetwork(state), at: { input_gradient: { n: 0, ...unit, layer: unit.layer + 1 } } };
  return { ...toNetwork(state), at: { feature: { n: 0, ...unit } } };
});

/** An explanation as the page names it: the gradient at what comes into a layer is dL/dMap of the one below. @param {any} told @param {any} at what was asked for */
const named = (told, at) => (at.input_gradient?.layer ? { ...told, of: `layers.${told.layer - 1}.gradient`, layer: told.layer - 1 } : told);

/** Whether an explanation is of a gradient at the input or at maps. @param {any} told */
export const isGradientOfMap = (told) => told?.of === 'input' || Boolean(told?.of?.endsWith('.gradient'));

/** @type {Set<string>} */
const NONE = new Set();

/** Weights of the shown matrix that meet the pointed pixel or cell of dL/dMap, as `row,col`. */
const litWeights = computed(() => {
  const told = explanation.value;
  const index = kernelLayer.value;
  if (!isGradientOfMap(told) || !told.terms || index !== (told.of === 'input' ? 0 : told.layer + 1)) return NONE;
  const [filter, channel] = sliceOf(index);
  const shown = (/** @type {number[]} */ [f, c]) => !bankSize(index) || (f === filter && c === channel);
  const met = told.terms.map((/** @type {any} */ { left, right }) => (left.name === 'kernel' ? left : right));
  return new Set(met.filter((/** @type {any} */ { position }) => shown(position)).map((/** @type {any} */ { position }) => position.slice(2).join()));
});

/** Whether a weight of the shown matrix lights up: for what it meets, or as the one that is pointed at or pinned elsewhere. @param {number} index @param {number} row @param {number} col */
export function isLitWeight(index, row, col) {
  if (litWeights.value.has(`${row},${col}`)) return true;
  const [filter, channel] = sliceOf(index);
  const at = weight.value;
  return at !== null && at.layer === index && at.row === row && at.col === col && (!bankSize(index) || (at.filter === filter && at.channel === channel));
}

/** Channels of the input that light up; null where all of them do. */
const litChannels = computed(() => {
  if (pixel.value) return [pixel.value.channel];
  const { of, terms } = explanation.value ?? {};
  return of === 'layers.0.output' && terms ? terms.flatMap((/** @type {any} */ { left, right }) => [left, right].filter(({ name }) => name === 'input').map(({ position }) => position[1])) : null;
});

/** Whether the hand lights a cell of the input. @param {import('./state.js').Pixel} cell */
export function isLit({ channel, row, col }) {
  const area = receptiveField.value;
  if (litChannels.value?.includes(channel) === false) return false;
  return area !== null && row >= area.row && col >= area.col && row < area.row + area.rows && col < area.col + area.cols;
}

/** Whether the arithmetic has anything to be about. */
export const isPointing = computed(() => Boolean(cell.value || pixel.value || weightCell.value));

/** Ask for the terms of the pointed number, the newest only. */
export function startPointing() {
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    const body = asked.value;
    clearTimeout(timer);
    asking?.abort();
    if (!body) {
      explanation.value = known.value;
      return;
    }
    timer = setTimeout(async () => {
      asking = new AbortController();
      try {
        explanation.value = named(await describe('/explain', body, asking.signal), body.at);
      } catch (error) {
        if (error instanceof DOMException) return; // a newer cell is asked for
        if (error instanceof Problem) explanation.value = { problem: error.message };
        else if (error instanceof TypeError) explanation.value = { problem: 'The server does not answer: the terms cannot be had now. The map stays.' };
        else throw error;
      }
    }, ASK_AFTER_MS);
  });
}
