/** The computation as a script of PyTorch, whose autograd makes the gradients. */

import { PICTURE_IMPORTS, inputText } from './input.js';
import { closingLines, partText } from './numpy.js';
import { literal, named, tuple } from './python.js';
import { Inexpressible, depth, gradientNames, lossLayer, subject } from './question.js';
import { everyAxis, kernelText, matrixText } from './weights.js';

/** @typedef {import('./question.js').Question} Question */
/** @typedef {Question['reports'][number]} Report */
/** @typedef {{setup?: string[], forward: string}} Step */

/** @param {string} type */
const axesOf = (type) => (type.endsWith('1d') ? 1 : 2);

/** @param {number[]} values */
const tensor = (values) => `torch.tensor(${literal(values)}, dtype=torch.float64)`;

/** Padding as PyTorch takes it: an amount for each axis where both ends have the same, else a map that is padded first. @param {[number, number][]} pads @param {string} mode @param {string} x @param {string} [fill] */
function padded(pads, mode, x, fill = '') {
  const even = pads.every(([before, after]) => before === after);
  if (even && mode === 'zeros') return { x, padding: tuple(pads.map(([before]) => before)) };
  const flat = tuple([...pads].reverse().flat());
  const how = mode === 'zeros' ? fill : `, mode=${literal(mode)}`;
  return { x: pads.flat().some(Boolean) ? `F.pad(${x}, ${flat}${how})` : x, padding: tuple(pads.map(() => 0)) };
}

/** @param {any} layer @param {Report} report @param {string} x @param {number} at @returns {Step} */
function convolution(layer, { input_shape: shape, padding = [] }, x, at) {
  const axes = axesOf(layer.type);
  const kernel = `kernel_${at}`;
  const { lines, groups } = kernelText(layer, shape[1], kernel);
  const pads = padded(padding.slice(-axes), layer.padding_mode ?? 'zeros', x);
  const ones = tuple(new Array(axes).fill(1));
  const usual = { bias: 'None', stride: ones, padding: tuple(new Array(axes).fill(0)), dilation: ones, groups: '1' };
  const given = {
    bias: layer.bias ? tensor(layer.bias) : 'None',
    stride: tuple(everyAxis(layer.stride, axes, 1)),
    padding: pads.padding,
    dilation: tuple(everyAxis(layer.dilation, axes, 1)),
    groups: String(groups),
  };
  const weights = layer.flip ? `${kernel}.flip(${tuple(axes === 1 ? [2] : [2, 3])})` : kernel;
  return {
    setup: [...lines, `${kernel} = torch.from_numpy(${kernel}).requires_grad_()`],
    forward: `F.conv${axes}d(${[pads.x, weights, ...named(given, usual)].join(', ')})`,
  };
}

/** @param {any} layer @param {Report} report @param {string} x @param {number} at @returns {Step} */
function transposed(layer, { input_shape: shape, output_shape: output, padding = [] }, x, at) {
  const axes = axesOf(layer.type);
  const kernel = `kernel_${at}`;
  const { lines, groups } = kernelText({ ...layer, groups: layer.groups ?? 1 }, shape[1], kernel);
  const one = tuple(new Array(axes).fill(1));
  const none = tuple(new Array(axes).fill(0));
  const given = {
    stride: tuple(everyAxis(layer.stride, axes, 1)),
    output_padding: tuple(everyAxis(layer.output_padding, axes, 0)),
    groups: String(groups),
    dilation: tuple(everyAxis(layer.dilation, axes, 1)),
  };
  const rest = named(given, { stride: one, output_padding: none, groups: '1', dilation: one });
  const cut = padding.slice(-axes).map(([before], axis) => `${before} : ${before + output[axis + 2]}`).join(', ');
  const bias = layer.bias ? ` + ${tensor(layer.bias)}[:${', None'.repeat(axes)}]` : '';
  return {
    setup: [...lines, `${kernel} = torch.from_numpy(${kernel}).requires_grad_()`],
    forward: `F.conv_transpose${axes}d(${[x, kernel, ...rest].join(', ')})[:, :, ${cut}]${bias}`,
  };
}

/** @param {any} layer @param {Report} _ @param {string} x @returns {Step} */
function pooling(layer, _, x) {
  const axes = axesOf(layer.type);
  const size = tuple(everyAxis(layer.size, axes, 1));
  const none = tuple(new Array(axes).fill(0));
  const largest = layer.type.startsWith('max');
  /** @type {Record<string, string>} */
  const given = {
    stride: tuple(everyAxis(layer.stride ?? layer.size, axes, 1)),
    padding: tuple(everyAxis(layer.padding, axes, 0)),
    ceil_mode: literal(layer.ceil_mode ?? false),
    ...(largest
      ? { dilation: tuple(everyAxis(layer.dilation, axes, 1)) }
      : { count_include_pad: literal(layer.count_include_pad ?? true) }),
  };
  const usual = { stride: size, padding: none, ceil_mode: 'False', dilation: tuple(new Array(axes).fill(1)), count_include_pad: 'True' };
  return { forward: `F.${layer.type}(${[x, size, ...named(given, usual)].join(', ')})` };
}

/** @param {any} layer @param {Report} report @param {string} x @returns {Step} */
function globalPool({ type }, { input_shape: shape }, x) {
  const axes = shape.length - 2;
  if (type === 'global_avg_pool') return { forward: `${x}.mean(${tuple(shape.slice(2).map((__, axis) => axis + 2))}, keepdim=True)` };
  return { forward: `F.max_pool${axes}d(${x}, ${tuple(shape.slice(2))})` };
}

/** @param {any} layer @param {Report} report @param {string} x @returns {Step} */
function batchNorm({ mean, variance, weight, bias, eps = 1e-5 }, { input_shape: shape }, x) {
  const all = (/** @type {number | number[]} */ values) =>
    Array.isArray(values) ? tensor(values) : `torch.full((${shape[1]},), ${literal(values)}, dtype=torch.float64)`;
  const rest = [...(weight === undefined ? [] : [`weight=${all(weight)}`]), ...(bias === undefined ? [] : [`bias=${all(bias)}`]), `eps=${literal(eps)}`];
  return { forward: `F.batch_norm(${[x, all(mean), all(variance), ...rest].join(', ')})` };
}

/** @param {any} layer @param {Report} report @param {string} x @param {number} at @returns {Step} */
function dense(layer, { input_shape: shape }, x, at) {
  const inputs = shape.slice(1).reduce((all, one) => all * one, 1);
  const weight = `weight_${at}`;
  return {
    setup: [...matrixText(layer, inputs, weight), `${weight} = torch.from_numpy(${weight})`],
    forward: `F.linear(${[`${x}.flatten(1)`, weight, ...(layer.bias ? [tensor(layer.bias)] : [])].join(', ')})`,
  };
}

/** @type {Record<string, (layer: any, report: Report, x: string, at: number) => Step>} */
const TYPES = {
  conv2d: convolution,
  conv1d: convolution,
  conv_transpose2d: transposed,
  conv_transpose1d: transposed,
  max_pool2d: pooling,
  max_pool1d: pooling,
  avg_pool2d: pooling,
  avg_pool1d: pooling,
  global_avg_pool: globalPool,
  global_max_pool: globalPool,
  batch_norm: batchNorm,
  dense,
  leaky_relu: ({ slope = 0.01 }, _, x) => ({ forward: `F.leaky_relu(${x}, ${literal(slope)})` }),
  prelu: ({ weight }, _, x) => ({ forward: `F.prelu(${x}, ${tensor([weight].flat())})` }),
  softmax: ({ axis = 1 }, _, x) => ({ forward: `F.softmax(${x}, ${axis})` }),
  log_softmax: ({ axis = 1 }, _, x) => ({ forward: `F.log_softmax(${x}, ${axis})` }),
  identity: (_, __, x) => ({ forward: x }),
  flatten: (_, __, x) => ({ forward: `${x}.flatten(1)` }),
  abs: (_, __, x) => ({ forward: `${x}.abs()` }),
  square: (_, __, x) => ({ forward: `${x}.square()` }),
  sigmoid: (_, __, x) => ({ forward: `${x}.sigmoid()` }),
  tanh: (_, __, x) => ({ forward: `${x}.tanh()` }),
  ...Object.fromEntries(['relu', 'elu', 'softplus', 'gelu', 'silu'].map((name) => [name, (/** @type {any} */ _, /** @type {any} */ __, /** @type {string} */ x) => ({ forward: `F.${name}(${x})` })])),
};

/** @param {any} layer @param {Report} report @param {number} index @returns {Step} */
function stepOf(layer, report, index) {
  if (Object.hasOwn(TYPES, layer.type)) return TYPES[layer.type](layer, report, `x${index}`, index + 1);
  throw new Inexpressible(`Layer ${index + 1} (${layer.type}) has no counterpart in PyTorch that is written here.`);
}

/** @param {Question} question @param {string} y */
function lossLines({ loss, reports, layer, api }, y) {
  const part = `${y}[${partText(loss.select)}]`;
  /** @type {Record<string, string>} */
  const losses = { sum: `${part}.sum()`, mean: `${part}.mean()`, l2: `${part}.square().sum() / 2` };
  if (Object.hasOwn(losses, loss.type)) return [`loss = ${losses[loss.type]}`];
  if (loss.type === 'mse') {
    const input = Array.isArray(loss.target) ? { array: loss.target } : loss.target;
    const { lines } = inputText(input, 'target', reports[layer].output_shape, api);
    return [...lines, `loss = F.mse_loss(${y}, torch.from_numpy(target))`];
  }
  throw new Inexpressible(`The loss ${loss.type} is not written in PyTorch here.`);
}

/** @param {Question} question @returns {import('./question.js').Snippet} */
export function pytorchSnippet(question) {
  const { network, reports, mode, inputShape, api, kernelLayer, gradientAt = -1 } = question;
  const gradient = mode === 'gradient';
  const steps = network.layers.slice(0, depth(question)).map((layer, index) => stepOf(layer, reports[index], index));
  const input = inputText(network.input, 'x0', inputShape, api);
  const back = gradient ? lossLines(question, `x${lossLayer(question) + 1}`) : [];
  const names = gradientNames(question);
  const target = back.some((line) => line.startsWith('target = picture'));
  const reader = input.picture || (target ? inputText(question.loss.target, 'target', inputShape, api).picture : '');
  const at = gradientAt + 1;
  const retained = at > 0 ? [`x${at}.retain_grad()`] : [];
  const kernel = names.length > 1 ? [`grad_kernel_${kernelLayer + 1} = kernel_${kernelLayer + 1}.grad`] : [];
  return {
    text: [
      `"""${subject(question)}, in PyTorch and double precision."""`,
      '',
      ...(reader ? [...PICTURE_IMPORTS, ''] : []),
      'import numpy as np',
      'import torch',
      'import torch.nn.functional as F',
      ...(reader ? ['from PIL import Image', '', '', reader, ''] : ['']),
      ...input.lines,
      'x0 = torch.from_numpy(x0).requires_grad_()',
      ...steps.flatMap(({ setup = [] }) => setup),
      '',
      ...steps.map(({ forward }, index) => `x${index + 1} = ${forward}`),
      ...(gradient ? ['', ...retained, ...back, 'loss.backward()', `g${at} = x${at}.grad`, ...kernel] : []),
      '',
      ...closingLines(question, (text) => (gradient ? `${text}.numpy()` : `${text}.detach().numpy()`)),
      '',
    ].join('\n'),
  };
}
