/** What a layer without weights computes, as a formula with its own numbers in it. */

import { exactly } from './format.js';
import { isOneDimensional } from './one-row.js';

/** @typedef {import('./layer-types.js').Layer} Layer */

/** @param {number} slope */
const leaky = (slope) => `x for x > 0, else ${exactly(slope)} · x`;

/** @param {Layer} layer */
const sides = (layer) => (Array.isArray(layer.size) ? layer.size : isOneDimensional(layer) ? [layer.size] : [layer.size, layer.size]);

/** By what a mean is divided. @param {Layer} layer */
function divisor(layer) {
  const cells = sides(layer).reduce((all, side) => all * side, 1);
  const padded = [layer.padding].flat(2).some((one) => one > 0);
  if (padded && !layer.count_include_pad) return 'how many of them are no padding';
  return layer.ceil_mode ? `${cells}, less where it leaves the input` : String(cells);
}

/** @param {Layer} layer */
const largest = (layer) => `max(x) of a window of ${sides(layer).join(' × ')}`;

/** @param {Layer} layer */
const average = (layer) => `Σ x / ${divisor(layer)}, the sum over a window of ${sides(layer).join(' × ')}`;

/** @type {Record<string, (layer: Layer, shape: number[] | undefined) => string>} */
const FORMULAS = {
  relu: () => 'max(0, x)',
  leaky_relu: ({ slope }) => leaky(slope),
  prelu: ({ weight }) => leaky(weight),
  elu: () => 'x for x > 0, else eˣ − 1',
  abs: () => '|x|',
  square: () => 'x²',
  tanh: () => '(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)',
  sigmoid: () => '1 / (1 + e⁻ˣ)',
  softplus: () => 'ln(1 + eˣ)',
  gelu: () => 'x · (1 + erf(x / √2)) / 2',
  silu: () => 'x / (1 + e⁻ˣ)',
  softmax: () => 'eˣ / Σ eˣ, the sum over the channels at this place',
  log_softmax: () => 'x − ln Σ eˣ, the sum over the channels at this place',
  identity: () => 'x',
  batch_norm: ({ mean, variance, scale, bias, eps }) => `(x − ${exactly(mean)}) / √(${exactly(variance)} + ${exactly(eps)}) · ${exactly(scale)} + ${exactly(bias)}`,
  flatten: () => 'x, map after map, row after row',
  dense: ({ bias }) => `Σ x · weight${bias ? ` + ${exactly(bias)}` : ''}, the sum over all that comes in`,
  max_pool2d: largest,
  max_pool1d: largest,
  avg_pool2d: average,
  avg_pool1d: average,
  global_avg_pool: (_, shape) => `Σ x / ${shape?.length === 4 ? shape[2] * shape[3] : 'cells'}, the sum over the map`,
  global_max_pool: () => 'max(x) of the map',
};

/** The value of a layer's cell; '' for a layer with weights. @param {Layer} layer @param {number[]} [inputShape] (N, C, H, W) */
export function valueFormula(layer, inputShape) {
  const formula = FORMULAS[layer.type]?.(layer, inputShape);
  return formula ? `y = ${formula}` : '';
}
