/** What a layer without weights computes, as a formula with its own numbers in it. */

import { exactly } from './format.js';

/** @typedef {import('./layer-types.js').Layer} Layer */

/** @param {number} slope */
const leaky = (slope) => `x for x > 0, else ${exactly(slope)} · x`;

/** @param {Layer} layer */
const sides = ({ size }) => (Array.isArray(size) ? size : [size, size]);

/** By what a mean is divided. @param {Layer} layer */
function divisor(layer) {
  const [rows, cols] = sides(layer);
  const padded = [layer.padding].flat(2).some((one) => one > 0);
  if (padded && !layer.count_include_pad) return 'how many of them are no padding';
  return layer.ceil_mode ? `${rows * cols}, less where it leaves the input` : String(rows * cols);
}

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
  max_pool2d: (layer) => `max(x) of a window of ${sides(layer).join(' × ')}`,
  avg_pool2d: (layer) => `Σ x / ${divisor(layer)}, the sum over a window of ${sides(layer).join(' × ')}`,
  global_avg_pool: (_, shape) => `Σ x / ${shape?.length === 4 ? shape[2] * shape[3] : 'cells'}, the sum over the map`,
  global_max_pool: () => 'max(x) of the map',
};

/** The value of a layer's cell; '' for a layer with weights. @param {Layer} layer @param {number[]} [inputShape] (N, C, H, W) */
export function valueFormula(layer, inputShape) {
  const formula = FORMULAS[layer.type]?.(layer, inputShape);
  return formula ? `y = ${formula}` : '';
}
