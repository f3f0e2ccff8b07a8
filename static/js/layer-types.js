/** The layers that the page offers: their defaults and the fields that have a control. */

/** @typedef {number[][]} Matrix */
/** @typedef {{random: {filters: number, size: [number, number], init: string, seed: number}}} RandomKernel */
/** @typedef {Matrix | number[][][][] | RandomKernel} Kernel */
/** @typedef {{type: string, [field: string]: any}} Layer */
/** @typedef {{label: string, kind: 'whole' | 'number' | 'padding' | 'mode' | 'flag', least?: number, optional?: boolean}} Field */

/** @type {Record<string, Field>} */
export const FIELDS = {
  stride: { label: 'Stride', kind: 'whole', least: 1 },
  size: { label: 'Window', kind: 'whole', least: 1 },
  padding: { label: 'Padding', kind: 'padding' },
  padding_mode: { label: 'Border', kind: 'mode' },
  dilation: { label: 'Dilation', kind: 'whole', least: 1 },
  groups: { label: 'Groups', kind: 'whole', least: 1 },
  bias: { label: 'Bias', kind: 'number' },
  slope: { label: 'Slope', kind: 'number' },
  flip: { label: 'Flip kernel', kind: 'flag' },
  ceil_mode: { label: 'Round up', kind: 'flag' },
};

export const SOBEL_X = [
  [-1, 0, 1],
  [-2, 0, 2],
  [-1, 0, 1],
];

/** @type {Record<string, {title: string, fields: string[], make: () => Layer}>} */
export const LAYER_TYPES = {
  conv2d: {
    title: 'Convolution',
    fields: ['stride', 'padding', 'padding_mode', 'dilation', 'bias', 'flip'],
    make: () => ({
      type: 'conv2d',
      kernel: SOBEL_X,
      stride: 1,
      padding: 'same',
      padding_mode: 'zeros',
      dilation: 1,
      bias: 0,
      flip: false,
    }),
  },
  max_pool2d: {
    title: 'Max pooling',
    fields: ['size', 'stride', 'padding', 'dilation', 'ceil_mode'],
    make: () => ({ type: 'max_pool2d', size: 2, stride: 2, padding: 0, dilation: 1, ceil_mode: false }),
  },
  avg_pool2d: {
    title: 'Average pooling',
    fields: ['size', 'stride', 'padding', 'ceil_mode'],
    make: () => ({ type: 'avg_pool2d', size: 2, stride: 2, padding: 0, ceil_mode: false }),
  },
  relu: { title: 'ReLU', fields: [], make: () => ({ type: 'relu' }) },
  leaky_relu: {
    title: 'Leaky ReLU',
    fields: ['slope'],
    make: () => ({ type: 'leaky_relu', slope: 0.01 }),
  },
  abs: { title: 'Absolute value', fields: [], make: () => ({ type: 'abs' }) },
  square: { title: 'Square', fields: [], make: () => ({ type: 'square' }) },
  tanh: { title: 'Tanh', fields: [], make: () => ({ type: 'tanh' }) },
  sigmoid: { title: 'Sigmoid', fields: [], make: () => ({ type: 'sigmoid' }) },
  softplus: { title: 'Softplus', fields: [], make: () => ({ type: 'softplus' }) },
  gelu: { title: 'GELU', fields: [], make: () => ({ type: 'gelu' }) },
  silu: { title: 'SiLU', fields: [], make: () => ({ type: 'silu' }) },
};

export const PADDING_NAMES = ['same', 'valid', 'full', 'same_lower', 'keep'];
export const PADDING_MODES = ['zeros', 'reflect', 'replicate', 'circular'];

/** @param {Layer} layer */
export const hasKernel = (layer) => layer.type === 'conv2d';

/** @param {unknown} kernel @returns {kernel is RandomKernel} */
export const isRandom = (kernel) =>
  typeof kernel === 'object' && kernel !== null && 'random' in kernel;

/** @param {Kernel} kernel @returns {kernel is number[][][][]} */
export const isBank = (kernel) => Array.isArray(kernel) && Array.isArray(kernel[0][0]);

/**
 * How many maps a layer gives.
 * @param {Layer} layer
 * @param {number} channels how many maps it is given
 */
function mapsOf(layer, channels) {
  if (!hasKernel(layer)) return channels;
  if (isRandom(layer.kernel)) return layer.kernel.random.filters;
  return isBank(layer.kernel) ? layer.kernel.length : channels;
}

/** How many maps stand before layer `index`. @param {{color?: string, array?: unknown}} input @param {Layer[]} layers @param {number} index */
export const channelsBefore = (input, layers, index) =>
  layers.slice(0, index).reduce((maps, layer) => mapsOf(layer, maps), input.array || input.color === 'gray' ? 1 : 3);

/**
 * The network as the API wants it: a bias is one number per map there, one number for all here.
 * @param {{input: {color?: string, array?: unknown}, layers: Layer[]}} lab
 */
export function toNetwork({ input, layers }) {
  const asked = layers.map((layer, index) => {
    if (!hasKernel(layer)) return layer;
    const { bias, ...rest } = layer;
    const maps = mapsOf(layer, channelsBefore(input, layers, index));
    return bias ? { ...rest, bias: new Array(maps).fill(bias) } : rest;
  });
  return { input, layers: asked };
}
