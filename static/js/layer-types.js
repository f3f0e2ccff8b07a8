/** The layers that the page offers: their defaults and the fields that have a control. */

import { isSignal } from './one-row.js';

/** @typedef {number[][]} Matrix */
/** @typedef {{random: {filters: number, size: [number, number], init: string, seed: number}}} RandomKernel */
/** @typedef {Matrix | number[][][][] | RandomKernel} Kernel */
/** @typedef {{type: string, [field: string]: any}} Layer */
/** @typedef {{image?: string, sample?: string, array?: Matrix, signal?: boolean, color?: 'gray' | 'rgb', max_side?: number, range?: string}} Input `signal`: the rows of the array are channels */
/** @typedef {{label: string, kind: 'whole' | 'count' | 'number' | 'padding' | 'mode' | 'law' | 'flag', least?: number, most?: number}} Field */

/** @type {Record<string, Field>} */
export const FIELDS = {
  stride: { label: 'Stride', kind: 'whole', least: 1 },
  size: { label: 'Window', kind: 'whole', least: 1 },
  padding: { label: 'Padding', kind: 'padding' },
  padding_mode: { label: 'Border', kind: 'mode' },
  dilation: { label: 'Dilation', kind: 'whole', least: 1 },
  groups: { label: 'Groups', kind: 'whole', least: 1 },
  output_padding: { label: 'Output padding', kind: 'whole', least: 0 },
  bias: { label: 'Bias', kind: 'number' },
  mean: { label: 'Mean', kind: 'number' },
  variance: { label: 'Variance', kind: 'number' },
  scale: { label: 'Weight', kind: 'number' },
  eps: { label: 'Epsilon', kind: 'number' },
  features: { label: 'Features', kind: 'count', least: 1 },
  init: { label: 'Law', kind: 'law' },
  seed: { label: 'Seed', kind: 'count', least: 0, most: 2 ** 31 - 1 },
  slope: { label: 'Slope', kind: 'number' },
  weight: { label: 'Slope', kind: 'number' },
  flip: { label: 'Flip kernel', kind: 'flag' },
  ceil_mode: { label: 'Round up', kind: 'flag' },
  count_include_pad: { label: 'Count padding', kind: 'flag' },
};

export const SOBEL_X = [
  [-1, 0, 1],
  [-2, 0, 2],
  [-1, 0, 1],
];

/** Between every two cells the straight line from one to the other, at a stride of 2. */
const SPREAD = [
  [0.25, 0.5, 0.25],
  [0.5, 1, 0.5],
  [0.25, 0.5, 0.25],
];

/** A layer without numbers of its own. @param {string} type @param {string} group @param {string} title @param {string} says */
const plain = (type, group, title, says) => ({ group, title, says, fields: [], make: () => ({ type }) });

/** In the order of the menu, those of a group together. @type {Record<string, {group: string, title: string, short?: string, says: string, fields: string[], make: () => Layer}>} */
export const LAYER_TYPES = {
  conv2d: {
    group: 'Convolution',
    title: 'Convolution',
    says: 'Every cell of a map is the sum of a patch times the kernel, and the bias.',
    fields: ['stride', 'padding', 'padding_mode', 'dilation', 'groups', 'bias', 'flip'],
    make: () => ({
      type: 'conv2d',
      kernel: SOBEL_X,
      stride: 1,
      padding: 'same',
      padding_mode: 'zeros',
      dilation: 1,
      groups: 1,
      bias: 0,
      flip: false,
    }),
  },
  conv_transpose2d: {
    group: 'Convolution',
    title: 'Transposed convolution',
    short: 'Transposed',
    says: 'Every cell spreads the kernel, times its value, over a larger map, a stride apart: the way back of a convolution, forward.',
    fields: ['stride', 'padding', 'output_padding', 'dilation', 'bias'],
    make: () => ({ type: 'conv_transpose2d', kernel: SPREAD, stride: 2, padding: 1, output_padding: 1, dilation: 1, bias: 0 }),
  },
  max_pool2d: {
    group: 'Pooling',
    title: 'Max pooling',
    says: 'The largest value of each window.',
    fields: ['size', 'stride', 'padding', 'dilation', 'ceil_mode'],
    make: () => ({ type: 'max_pool2d', size: 2, stride: 2, padding: 0, dilation: 1, ceil_mode: false }),
  },
  avg_pool2d: {
    group: 'Pooling',
    title: 'Average pooling',
    says: 'The mean of each window.',
    fields: ['size', 'stride', 'padding', 'count_include_pad', 'ceil_mode'],
    make: () => ({ type: 'avg_pool2d', size: 2, stride: 2, padding: 0, count_include_pad: true, ceil_mode: false }),
  },
  conv1d: {
    group: 'Convolution',
    title: 'Convolution 1-D',
    short: 'Conv 1-D',
    says: 'Every cell of a map is the sum of a stretch of the signal times the kernel, and the bias.',
    fields: ['stride', 'padding', 'padding_mode', 'dilation', 'groups', 'bias', 'flip'],
    make: () => ({ ...LAYER_TYPES.conv2d.make(), type: 'conv1d', kernel: [[-1, 0, 1]] }),
  },
  conv_transpose1d: {
    group: 'Convolution',
    title: 'Transposed convolution 1-D',
    short: 'Transposed 1-D',
    says: 'Every cell spreads the kernel, times its value, over a longer signal, a stride apart: the way back of a convolution, forward.',
    fields: ['stride', 'padding', 'output_padding', 'dilation', 'bias'],
    make: () => ({ ...LAYER_TYPES.conv_transpose2d.make(), type: 'conv_transpose1d', kernel: [SPREAD[1]] }),
  },
  max_pool1d: {
    group: 'Pooling',
    title: 'Max pooling 1-D',
    short: 'Max pool 1-D',
    says: 'The largest value of each window.',
    fields: ['size', 'stride', 'padding', 'dilation', 'ceil_mode'],
    make: () => ({ ...LAYER_TYPES.max_pool2d.make(), type: 'max_pool1d' }),
  },
  avg_pool1d: {
    group: 'Pooling',
    title: 'Average pooling 1-D',
    short: 'Avg pool 1-D',
    says: 'The mean of each window.',
    fields: ['size', 'stride', 'padding', 'count_include_pad', 'ceil_mode'],
    make: () => ({ ...LAYER_TYPES.avg_pool2d.make(), type: 'avg_pool1d' }),
  },
  global_avg_pool: plain('global_avg_pool', 'Pooling', 'Global average', 'One number a map: the mean of all its cells.'),
  global_max_pool: plain('global_max_pool', 'Pooling', 'Global maximum', 'One number a map: the largest of all its cells.'),
  relu: plain('relu', 'Activation', 'ReLU', 'max(0, x): what is negative becomes zero, and so does its gradient.'),
  leaky_relu: {
    group: 'Activation',
    title: 'Leaky ReLU',
    says: 'x where it is positive, slope · x where it is negative.',
    fields: ['slope'],
    make: () => ({ type: 'leaky_relu', slope: 0.01 }),
  },
  prelu: {
    group: 'Activation',
    title: 'PReLU',
    says: 'Leaky ReLU with a slope that is learned; here you set it.',
    fields: ['weight'],
    make: () => ({ type: 'prelu', weight: 0.25 }),
  },
  elu: plain('elu', 'Activation', 'ELU', 'x where it is positive, eˣ − 1 where it is negative.'),
  abs: plain('abs', 'Activation', 'Absolute value', '|x|: an edge counts alike in both directions.'),
  square: plain('square', 'Activation', 'Square', 'x²: strong answers grow, weak ones fade.'),
  tanh: plain('tanh', 'Activation', 'Tanh', 'Squeezes into −1 to 1.'),
  sigmoid: plain('sigmoid', 'Activation', 'Sigmoid', '1 / (1 + e⁻ˣ): squeezes into 0 to 1.'),
  softplus: plain('softplus', 'Activation', 'Softplus', 'log(1 + eˣ): ReLU without its corner.'),
  gelu: plain('gelu', 'Activation', 'GELU', 'x times the share of a normal distribution below x.'),
  silu: plain('silu', 'Activation', 'SiLU', 'x · sigmoid(x).'),
  identity: plain('identity', 'Activation', 'Identity', 'x as it is.'),
  batch_norm: {
    group: 'Normalisation',
    title: 'Batch norm',
    says: 'As it stands after training: mean and variance are those of its batches, here one number for all channels.',
    fields: ['mean', 'variance', 'scale', 'bias', 'eps'],
    make: () => ({ type: 'batch_norm', mean: 0, variance: 1, scale: 1, bias: 0, eps: 1e-5 }),
  },
  flatten: plain('flatten', 'Fully connected', 'Flatten', 'All cells of all maps as the features of one vector, row after row.'),
  dense: {
    group: 'Fully connected',
    title: 'Dense',
    says: 'Every feature is a sum over all cells of all maps, each with a weight of its own; the seed gives the weights.',
    fields: ['features', 'init', 'seed', 'bias'],
    make: () => ({ type: 'dense', features: 10, init: 'he_normal', seed: 0, bias: 0 }),
  },
  softmax: plain('softmax', 'Shares of channels', 'Softmax', 'At each place, the channels become shares that add up to 1.'),
  log_softmax: plain('log_softmax', 'Shares of channels', 'Log-softmax', 'The logarithm of the channels’ shares at each place.'),
};

export const PADDING_NAMES = ['same', 'valid', 'full', 'same_lower', 'keep'];
/** The most cells that padding adds on one side. */
export const MOST_PADDING = 16_384;
/** The laws that random weights are drawn from. */
export const INITIALISERS = ['he_normal', 'he_uniform', 'xavier_normal', 'xavier_uniform', 'normal', 'uniform'];
export const PADDING_MODES = ['zeros', 'reflect', 'replicate', 'circular'];

/** @param {Layer} layer */
export const isConvolution = ({ type }) => type === 'conv2d' || type === 'conv1d';

/** @param {Layer} layer */
export const isTransposed = ({ type }) => type === 'conv_transpose2d' || type === 'conv_transpose1d';

/** @param {Layer} layer */
export const hasKernel = (layer) => isConvolution(layer) || isTransposed(layer);

/** Whether a layer gives features in place of maps. @param {Layer[]} layers @param {number} index */
export const givesVector = (layers, index) => layers.slice(0, index + 1).some(({ type }) => type === 'flatten' || type === 'dense');

/** @param {unknown} kernel @returns {kernel is RandomKernel} */
export const isRandom = (kernel) =>
  typeof kernel === 'object' && kernel !== null && 'random' in kernel;

/** @param {Kernel} kernel @returns {kernel is number[][][][]} */
export const isBank = (kernel) => Array.isArray(kernel) && Array.isArray(kernel[0][0]);

/** Rows and columns of a kernel. @param {Kernel} kernel @returns {[number, number]} */
export function kernelSize(kernel) {
  if (isRandom(kernel)) return kernel.random.size;
  const matrix = isBank(kernel) ? kernel[0][0] : /** @type {Matrix} */ (kernel);
  return [matrix.length, matrix[0].length];
}

/**
 * How many maps a layer gives.
 * @param {Layer} layer
 * @param {number} channels how many maps it is given
 */
function mapsOf(layer, channels) {
  if (layer.type === 'dense') return layer.features;
  if (!hasKernel(layer)) return channels;
  if (isRandom(layer.kernel)) return layer.kernel.random.filters;
  if (!isBank(layer.kernel)) return channels;
  return isTransposed(layer) ? layer.kernel[0].length : layer.kernel.length;
}

/** @param {Input} input */
function channelsOf(input) {
  if (isSignal(input)) return /** @type {Matrix} */ (input.array).length;
  return input.array || input.color === 'gray' ? 1 : 3;
}

/** How many maps stand before layer `index`. @param {Input} input @param {Layer[]} layers @param {number} index */
export const channelsBefore = (input, layers, index) => layers.slice(0, index).reduce((maps, layer) => mapsOf(layer, maps), channelsOf(input));

/** As many of a list as are wanted: it repeats, or ends before. @template T @param {T[]} list @param {number} wanted @returns {T[]} */
const fitted = (list, wanted) => (list.length === wanted ? list : Array.from({ length: wanted }, (_, place) => list[place % list.length]));

/**
 * The kernel of a layer as it meets `channels` maps: a bank's filters repeat or lose weights.
 *
 * The lab keeps the bank as it was made: from colour to gray and back, every weight is there again.
 * A bank is [filter][channel], that of a transposed convolution [channel][map], as in the API.
 * @param {Layer} layer @param {number} channels
 * @returns {Kernel}
 */
export function fittedKernel(layer, channels) {
  const { kernel, groups = 1 } = layer;
  if (!isBank(kernel)) return kernel;
  if (isTransposed(layer)) return fitted(kernel, channels);
  const wanted = Math.max(1, Math.floor(channels / [groups].flat()[0]));
  return kernel[0].length === wanted ? kernel : kernel.map((maps) => fitted(maps, wanted));
}

/** One number of the page for every map in the API. @param {Layer} layer @param {number} maps */
function filled(layer, maps) {
  const { type, bias, mean, variance, scale, features, init, seed, ...rest } = layer;
  const all = (/** @type {number} */ one) => new Array(maps).fill(one);
  const biased = bias ? { bias: all(bias) } : {};
  if (type === 'batch_norm') return { type, mean, variance, weight: scale, ...(bias ? { bias } : {}), ...rest };
  if (type === 'dense') return { type, weight: { random: { features, init, seed } }, ...biased };
  return { type, ...rest, ...biased };
}

/** The input as the API wants it. @param {Input} input @param {boolean} isVector whether there are features in the end */
function readInput({ signal, ...input }, isVector) {
  const { array } = input;
  if (array && signal) return { ...input, array: [array.map((line) => [line])] };
  // A dense layer would read the rows of a matrix as so many examples.
  return array && isVector ? { ...input, array: [[array]] } : input;
}

/**
 * The network as the API wants it: a bias is one number per map there, one number for all here.
 * @param {{input: Input, layers: Layer[]}} lab
 */
export function toNetwork({ input, layers }) {
  const asked = layers.map((layer, index) => {
    const channels = channelsBefore(input, layers, index);
    const fitted = hasKernel(layer) ? { ...layer, kernel: fittedKernel(layer, channels) } : layer;
    return filled(fitted, mapsOf(layer, channels));
  });
  return { input: readInput(input, givesVector(layers, layers.length - 1)), layers: asked };
}
