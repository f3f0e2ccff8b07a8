/** The loss of a state: what of the maps is one number, as the API wants it. */

import { givesVector, toNetwork } from './layer-types.js';
import { isSignal } from './one-row.js';
import { isOutside, regionWithin, toldSides } from './pinned.js';

/** @typedef {import('./state.js').Lab} Lab */
/** @typedef {import('./state.js').Target} Target */
/** @typedef {import('./pinned.js').Reports} Reports */

/** The largest that may be asked for. */
const MOST_SIDE = 16_384;

/** @param {import('./state.js').Region} region */
const selectOf = ({ layer, channel, row, col, rows, cols }) => ({ layer, channels: [channel], rows: [row, row + rows], cols: [col, col + cols] });

/** The map that is the loss, where one is: the chosen one, or the last that there is. @param {Pick<Lab, 'map' | 'layer'>} state @param {Reports} [told] */
export const lossMap = ({ map, layer }, told) => Math.min(map, (toldSides(layer, told)?.[0] ?? Infinity) - 1);

/** The picture or the numbers that the maps should become. @param {Lab} state @param {Reports} [told] */
function targetOf({ target, input, layers, layer }, told) {
  if (target.of === 'number') return target.number;
  const [maps, rows, cols] = toldSides(layer, told) ?? [1, MOST_SIDE, MOST_SIDE];
  if (target.of === 'numbers') return givesVector(layers, layer) ? target.array : [Array.from({ length: maps }, () => target.array)];
  const { array, range, max_side: side } = input;
  if (target.of === 'input' && array) return [isSignal(input) && array.length > 1 ? array.map((line) => [line]) : Array.from({ length: maps }, () => array)];
  const { max_side: _, ...source } = target.of === 'input' ? input : { [target.of]: target.name };
  // A larger picture is reduced to the map's size, the input's own as far as the input is.
  const most = target.of === 'input' ? Math.min(side ?? Infinity, Math.max(rows, cols)) : Math.max(rows, cols);
  return { ...source, color: maps === 3 ? 'rgb' : 'gray', max_side: most, ...(range ? { range } : {}) };
}

/**
 * The loss as the API wants it: the sum, where the pinned cell or the region has left its map.
 * @param {Lab} state @param {Reports} [told] of the state's layers @returns {{type: string, select?: any, target?: any}}
 */
export function lossOf(state, told) {
  const { loss, unit, region, layer } = state;
  const sum = { type: 'sum', select: { layer } };
  if (loss === 'mse') return { type: loss, target: targetOf(state, told) };
  if (loss === 'channel') return { type: 'sum', select: { layer, channels: [lossMap(state, told)] } };
  if (loss === 'unit' && unit && givesVector(state.layers, unit.layer)) return isOutside(unit, told) ? sum : { type: 'sum', select: { layer: unit.layer, channels: [unit.channel] } };
  if (loss === 'unit') return unit && !isOutside(unit, told) ? { type: 'sum', select: selectOf({ ...unit, rows: 1, cols: 1 }) } : sum;
  if (loss !== 'region') return { type: loss, select: { layer } };
  const left = region && regionWithin(region, told);
  return left ? { type: 'sum', select: selectOf(left) } : sum;
}

/** The layer whose output the loss looks at. @param {Pick<Lab, 'loss' | 'unit' | 'region' | 'layer'>} state */
export function lossLayer({ loss, unit, region, layer }) {
  const chosen = loss === 'unit' ? unit : loss === 'region' ? region : null;
  return chosen?.layer ?? layer;
}

/** The layer at whose maps the gradient is shown, no later than the loss looks; -1 at the input. @param {Pick<Lab, 'gradientAt' | 'loss' | 'unit' | 'region' | 'layer'>} state */
export const gradientLayer = (state) => (state.gradientAt <= lossLayer(state) ? state.gradientAt : -1);

/** What the gradient is called that is shown. @param {Parameters<typeof gradientLayer>[0]} state */
export function gradientTitle(state) {
  const at = gradientLayer(state);
  return at < 0 ? 'dL/dInput' : `dL/dMap of layer ${at + 1}`;
}

/** What the gradient is called in the API. @param {Parameters<typeof gradientLayer>[0]} state */
export function gradientName(state) {
  const at = gradientLayer(state);
  return at < 0 ? 'input' : `layers.${at}.output`;
}

/** The network and its loss: a target is of the last layer's output, so that the rest is left out. @param {Lab} state @param {Reports} [told] */
export function lossyNetwork(state, told) {
  const { input, layers, layer, loss } = state;
  const network = toNetwork({ input, layers: loss === 'mse' ? layers.slice(0, layer + 1) : layers });
  return { ...network, loss: lossOf(state, told) };
}
