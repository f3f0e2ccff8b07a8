/** What a link may carry. Every field is checked; what makes no sense gets its usual value. */

import { FIELDS, INITIALISERS, LAYER_TYPES, MOST_PADDING, PADDING_MODES, PADDING_NAMES, hasKernel } from './layer-types.js';
import { LARGEST, MOST_NUMBERS, limitOf } from './limits.js';
import { isOneDimensional } from './one-row.js';
import { settled } from './state.js';

/** @typedef {import('./layer-types.js').Layer} Layer */
/** @typedef {import('./state.js').Lab} Lab */

const MOST_CELLS = 500_000;
const LARGEST_WHOLE = 2 ** 31 - 1;

/** @param {unknown} value @returns {value is number} */
const isNumber = (value) => typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= LARGEST;

/** @param {unknown} value @param {number} least @param {number} most @returns {value is number} */
const isWhole = (value, least, most = LARGEST_WHOLE) =>
  Number.isInteger(value) && /** @type {number} */ (value) >= least && /** @type {number} */ (value) <= most;

/** @param {unknown} value @returns {value is Record<string, any>} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The sides of a rectangular array of numbers.
 * @param {any} value
 * @param {number} [deepest] axes there may be
 * @returns {number[] | null} null where it is ragged, empty, deeper or holds anything else
 */
function arraySides(value, deepest = 4) {
  if (isNumber(value)) return [];
  if (!Array.isArray(value) || value.length === 0 || deepest === 0) return null;
  const [first, ...rest] = value.map((part) => arraySides(part, deepest - 1));
  const equal = (/** @type {number[] | null} */ sides) =>
    first !== null && sides?.length === first.length && sides.every((side, axis) => side === first[axis]);
  return first && rest.every(equal) ? [value.length, ...first] : null;
}

/** @param {any} value @param {number[]} depths @param {number} most */
function isArray(value, depths, most) {
  const sides = arraySides(value);
  return sides !== null && depths.includes(sides.length) && sides.reduce((a, b) => a * b, 1) <= most;
}

/** @param {any} random */
const isRandomKernel = (random) =>
  isObject(random) &&
  Object.keys(random).length === 4 &&
  isWhole(random.filters, 1, limitOf('filters')) &&
  Array.isArray(random.size) &&
  random.size.length === 2 &&
  random.size.every((/** @type {unknown} */ side) => isWhole(side, 1, limitOf('kernel_side'))) &&
  INITIALISERS.includes(random.init) &&
  isWhole(random.seed, 0);

/** @param {any} value @param {any} usual */
function isKernel(value, usual) {
  if (isObject(value)) return Object.keys(value).length === 1 && isRandomKernel(value.random);
  const sides = arraySides(value);
  const depths = [2, 4, arraySides(usual)?.length ?? 2];
  if (sides === null || !isArray(value, depths, MOST_CELLS)) return false;
  const within = sides.slice(-2).every((side) => side <= limitOf('kernel_side'));
  return within && (sides.length < 4 || sides[0] <= limitOf('filters'));
}

/** @param {any} value @param {any} usual */
function isPadding(value, usual) {
  if (typeof value === 'string') return typeof usual === 'string' && PADDING_NAMES.includes(value);
  const all = [value].flat(2);
  const formed = isWhole(value, 0) || isArray(value, [1, 2], 4);
  return formed && [1, 2, 4].includes(all.length) && all.every((one) => isWhole(one, 0, MOST_PADDING));
}

/** Whether a value is built as the usual one is. @param {any} value @param {any} usual @returns {boolean} */
function isAlike(value, usual) {
  if (isNumber(usual)) return isNumber(value);
  if (Array.isArray(usual)) return isArray(value, [arraySides(usual)?.length ?? 1], MOST_CELLS);
  if (isObject(usual))
    return isObject(value) && Object.keys(value).every((name) => Object.hasOwn(usual, name) && isAlike(value[name], usual[name]));
  return typeof value === typeof usual;
}

/** @type {Record<string, (value: any, field: import('./layer-types.js').Field, usual: any) => boolean>} */
const KINDS = {
  whole: (value, { least = 0 }) =>
    isWhole(value, least) ||
    (Array.isArray(value) && value.length === 2 && value.every((one) => isWhole(one, least))),
  number: isNumber,
  padding: (value, _, usual) => isPadding(value, usual),
  mode: (value) => PADDING_MODES.includes(value),
  count: (value, { least = 0, most = limitOf('filters') }) => isWhole(value, least, most),
  law: (value) => INITIALISERS.includes(value),
  flag: (value) => typeof value === 'boolean',
};

/** @param {string} name @param {any} value @param {any} usual what the layer has when it is new */
function isField(name, value, usual) {
  if (name === 'kernel') return isKernel(value, usual);
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : null;
  const isLegal = field && KINDS[field.kind];
  return isLegal ? isLegal(value, field, usual) : isAlike(value, usual);
}

/** Whether a field of a layer has one dimension. @param {string} name @param {any} value */
function isAlong(name, value) {
  if (name === 'kernel') return isObject(value) ? value.random.size[0] === 1 : arraySides(value)?.at(-2) === 1;
  return name === 'padding' ? !Array.isArray(value?.[0]) : !Array.isArray(value);
}

/** @param {any} read @returns {Layer | null} null where the type is none of ours */
function legalLayer(read) {
  if (!isObject(read) || typeof read.type !== 'string' || !Object.hasOwn(LAYER_TYPES, read.type)) return null;
  const { type } = read;
  const { fields, make } = LAYER_TYPES[type];
  const layer = make();
  for (const name of new Set([...Object.keys(layer), ...fields])) {
    if (name === 'type' || !Object.hasOwn(read, name)) continue;
    if (isField(name, read[name], layer[name]) && (!isOneDimensional(layer) || isAlong(name, read[name]))) layer[name] = read[name];
  }
  return layer;
}

/** @param {unknown} name @returns {name is string} */
const isSample = (name) => typeof name === 'string' && /^[\w-]{1,100}$/.test(name);
/** @param {unknown} name @returns {name is string} */
const isImage = (name) => typeof name === 'string' && /^[0-9a-f]{64}$/.test(name);

/** @param {any} input @returns {import('./state.js').Input | null} */
function legalInput(input) {
  if (!isObject(input)) return null;
  if (isArray(input.array, [2], MOST_NUMBERS)) return { array: input.array, ...(input.signal === true ? { signal: true } : {}) };
  const [named, kept] = [isSample(input.sample), isImage(input.image)];
  if (!named && !kept) return null;
  return {
    ...(kept ? { image: input.image } : { sample: input.sample }),
    color: input.color === 'rgb' ? 'rgb' : 'gray',
    ...(isWhole(input.max_side, 1, 16_384) ? { max_side: input.max_side } : {}),
    ...(['unit', 'signed', 'byte'].includes(input.range) ? { range: input.range } : {}),
  };
}

/** @param {any} unit @param {Layer[]} layers @returns {import('./state.js').Unit | null} */
function legalUnit(unit, layers) {
  if (!isObject(unit)) return null;
  const { layer, channel, row, col } = unit;
  const whole = [layer, channel, row, col].every((one) => isWhole(one, 0));
  return whole && layer < layers.length ? { layer, channel, row, col } : null;
}

/** @param {any} region @param {Layer[]} layers @returns {Lab['region']} */
function legalRegion(region, layers) {
  const corner = legalUnit(region, layers);
  if (!corner || !isWhole(region.rows, 1) || !isWhole(region.cols, 1)) return null;
  return { ...corner, rows: region.rows, cols: region.cols };
}

/** @param {any} target @returns {Lab['target'] | null} */
function legalTarget(target) {
  if (!isObject(target)) return null;
  const { of, number, array, name } = target;
  if (of === 'input') return { of };
  if (of === 'number' && isNumber(number)) return { of, number };
  if (of === 'numbers' && isArray(array, [2], MOST_NUMBERS)) return { of, array };
  return (of === 'sample' && isSample(name)) || (of === 'image' && isImage(name)) ? { of, name } : null;
}

/** @param {any} pin @param {Layer[]} layers @returns {Lab['pin']} */
function legalPin(pin, layers) {
  if (!isObject(pin)) return null;
  const { of, layer, filter, channel, row, col } = pin;
  if (![channel, row, col].every((one) => isWhole(one, 0))) return null;
  if (of === 'input') return { of, channel, row, col };
  const there = of === 'kernel' && isWhole(layer, 0, layers.length - 1) && isWhole(filter, 0) && hasKernel(layers[layer]);
  return there ? { of, layer, filter, channel, row, col } : null;
}

/** Which of a kernel's matrices is shown, or the last one where there are fewer. @param {any} slice @returns {[number, number]} */
const legalSlice = (slice) =>
  Array.isArray(slice) && slice.length === 2 && slice.every((place) => isWhole(place, 0)) ? [slice[0], slice[1]] : [0, 0];

/** @param {any} kept @param {Lab} usual @returns {Lab['kept']} */
function legalKept(kept, usual) {
  if (!isObject(kept) || !legalInput(kept.input) || !Array.isArray(kept.layers)) return null;
  const { input, layers, loss, map, unit, region, target } = legalLab({ ...kept, kept: null }, usual);
  return { input, layers, loss, map, unit, region, target };
}

/** @type {Record<string, (value: any) => boolean>} */
const VIEW = {
  mode: (value) => ['forward', 'gradient'].includes(value),
  loss: (value) => ['sum', 'mean', 'l2', 'channel', 'region', 'unit', 'mse'].includes(value),
  compare: (value) => ['a', 'b', 'difference'].includes(value),
  colors: (value) => ['auto', 'signed', 'gray', 'viridis'].includes(value),
  scale: (value) => ['map', 'layer', 'network'].includes(value),
  clip: (value) => [100, 99.5, 98, 95].includes(value),
  overlay: (value) => isNumber(value) && value >= 0 && value <= 1,
};

/**
 * The whole state of a link, with `usual` where the link says nothing that can be.
 * @param {Record<string, any>} read
 * @param {Lab} usual
 * @returns {Lab}
 */
export function legalLab(read, usual) {
  const view = Object.entries(VIEW).filter(([name, isLegal]) => isLegal(read[name]));
  const given = Array.isArray(read.layers) && read.layers.length <= limitOf('layers') ? read.layers.map(legalLayer) : [];
  const layers = given.filter((layer) => layer !== null);
  const whole = layers.length > 0 && layers.length === given.length;
  const stack = whole ? layers : usual.layers;
  const layer = whole && isWhole(read.layer, 0, stack.length - 1) ? read.layer : stack.length - 1;
  const state = {
    ...usual,
    ...Object.fromEntries(view.map(([name]) => [name, read[name]])),
    input: legalInput(read.input) ?? usual.input,
    layers: stack,
    layer,
    channel: whole && isWhole(read.channel, 0) ? read.channel : 0,
    slice: legalSlice(read.slice),
    map: whole && isWhole(read.map, 0) ? read.map : 0,
    gradientAt: whole && isWhole(read.gradientAt, -1, stack.length - 1) ? read.gradientAt : -1,
    unit: whole ? legalUnit(read.unit, stack) : null,
    region: whole ? legalRegion(read.region, stack) : null,
    target: legalTarget(read.target) ?? usual.target,
    pin: whole ? legalPin(read.pin, stack) : null,
    kept: legalKept(read.kept, usual),
  };
  return settled(state);
}
