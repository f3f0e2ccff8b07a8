/** Each layer type as lines of plain NumPy, forward and backward. */

import { literal, named, tuple } from './python.js';
import { Inexpressible } from './question.js';
import { everyAxis, kernelText, matrixText, perChannel } from './weights.js';

/** @typedef {import('./question.js').Question['reports'][number]} Report */
/**
 * @typedef {object} Step
 * @property {string[]} [setup] lines that make its weights
 * @property {string} forward expression of the output
 * @property {string[]} backward lines that make the gradient of its input from that of its output
 * @property {string[]} [uses] functions of the forward pass
 * @property {string[]} [returns] functions of the way back
 */
/** Python names: x and its gradient g before and after layer `at`. @typedef {{x: string, y: string, gx: string, gy: string, at: number}} Names */

const USUAL = { stride: '(1, 1)', pads: '((0, 0), (0, 0))', extra: '((0, 0), (0, 0))', dilation: '(1, 1)', groups: '1', mode: '"constant"', count_padding: 'True' };
/** @type {Record<string, string>} */
const MODES = { zeros: 'constant', reflect: 'reflect', replicate: 'edge', circular: 'wrap' };

/** @param {string} type */
const axesOf = (type) => (type.endsWith('1d') ? 1 : 2);

/** A number or pair for two axes; a signal is a picture of one row. @param {any} value @param {number} axes @param {number} usual */
const pairOf = (value, axes, usual) => (axes === 1 ? [usual, everyAxis(value, 1, usual)[0]] : everyAxis(value, 2, usual));

/** @param {any} padding as it was resolved @param {number} axes @returns {[number, number][]} */
const padsOf = (padding, axes) => (axes === 1 ? [[0, 0], padding.at(-1)] : padding);

/** A signal seen as a picture of one row, and back. @param {number} axes */
const asPicture = (axes) => ({ into: axes === 1 ? '[:, :, None]' : '', back: axes === 1 ? '[:, :, 0]' : '' });

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function convolution(layer, { input_shape: shape, padding }, { x, gx, gy, at }) {
  const axes = axesOf(layer.type);
  const { into, back } = asPicture(axes);
  const kernel = `kernel_${at}`;
  const { lines, groups } = kernelText(layer, shape[1], kernel);
  const weights = `${kernel}${layer.flip ? (axes === 1 ? '[:, :, ::-1]' : '[:, :, ::-1, ::-1]') : ''}${into}`;
  const given = {
    stride: tuple(pairOf(layer.stride, axes, 1)),
    pads: tuple(padsOf(padding, axes)),
    mode: literal(MODES[layer.padding_mode ?? 'zeros']),
    dilation: tuple(pairOf(layer.dilation, axes, 1)),
    groups: String(groups),
  };
  const rest = named(given, USUAL);
  const bias = layer.bias ? ` + ${perChannel(layer.bias, axes + 2)}` : '';
  const turned = layer.flip ? `grad_${kernel} = grad_${kernel}[:, :, ::-1, ::-1]` : '';
  return {
    setup: lines,
    forward: `conv2d(${[x + into, weights, ...rest].join(', ')})${back}${bias}`,
    backward: [
      `${gx}, grad_${kernel} = conv2d_gradients(${[gy + into, x + into, weights, ...rest].join(', ')})`,
      ...(turned ? [turned] : []),
      ...(axes === 1 ? [`${gx}, grad_${kernel} = ${gx}[:, :, 0], grad_${kernel}[:, :, 0]`] : []),
    ],
    uses: ['conv2d'],
    returns: ['conv2d_gradients'],
  };
}

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function transposed(layer, { input_shape: shape, output_shape: output, padding = [] }, { x, gx, gy, at }) {
  const axes = axesOf(layer.type);
  const { into, back } = asPicture(axes);
  const kernel = `kernel_${at}`;
  const { lines, groups } = kernelText({ ...layer, groups: layer.groups ?? 1 }, shape[1], kernel);
  const given = {
    start: tuple(padsOf(padding, axes).map(([before]) => before)),
    out: tuple(axes === 1 ? [1, output[2]] : output.slice(2)),
    stride: tuple(pairOf(layer.stride, axes, 1)),
    dilation: tuple(pairOf(layer.dilation, axes, 1)),
    groups: String(groups),
  };
  const rest = named(given, USUAL);
  const bias = layer.bias ? ` + ${perChannel(layer.bias, axes + 2)}` : '';
  return {
    setup: lines,
    forward: `conv_transpose2d(${[x + into, kernel + into, ...rest].join(', ')})${back}${bias}`,
    backward: [
      `${gx}, grad_${kernel} = conv_transpose2d_gradients(${[gy + into, x + into, kernel + into, ...rest].join(', ')})`,
      ...(axes === 1 ? [`${gx}, grad_${kernel} = ${gx}[:, :, 0], grad_${kernel}[:, :, 0]`] : []),
    ],
    uses: ['conv_transpose2d'],
    returns: ['conv_transpose2d_gradients'],
  };
}

/** Cells that complete the last windows, after the padding. @param {number} axes @param {Report} report @param {number[]} size @param {number[]} stride @param {number[]} dilation @param {[number, number][]} pads @returns {[number, number][]} */
function completing(axes, { input_shape: input, output_shape: output }, size, stride, dilation, pads) {
  const inputs = axes === 1 ? [1, input[2]] : input.slice(2);
  const outputs = axes === 1 ? [1, output[2]] : output.slice(2);
  return inputs.map((length, axis) => {
    const reach = (outputs[axis] - 1) * stride[axis] + dilation[axis] * (size[axis] - 1) + 1;
    return [0, Math.max(0, reach - length - pads[axis][0] - pads[axis][1])];
  });
}

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function pooling(layer, report, { x, gx, gy }) {
  const axes = axesOf(layer.type);
  const { into, back } = asPicture(axes);
  const size = pairOf(layer.size, axes, 1);
  const stride = pairOf(layer.stride ?? layer.size, axes, 1);
  const dilation = pairOf(layer.dilation, axes, 1);
  const pads = padsOf(report.padding, axes);
  const extra = completing(axes, report, size, stride, dilation, pads);
  const largest = layer.type.startsWith('max');
  /** @type {Record<string, string>} */
  const given = { size: tuple(size), stride: tuple(stride) };
  if (largest) {
    // What completes the last windows is as little as padding is: the least value of all.
    given.pads = tuple(pads.map(([before, after], axis) => [before, after + extra[axis][1]]));
    given.dilation = tuple(dilation);
  } else {
    given.pads = tuple(pads);
    given.extra = tuple(extra);
    given.count_padding = literal(layer.count_include_pad ?? true);
  }
  const pool = largest ? 'max_pool2d' : 'avg_pool2d';
  const rest = named(given, USUAL).join(', ');
  return {
    forward: `${pool}(${x}${into}, ${rest})${back}`,
    backward: [`${gx} = ${pool}_gradient(${gy}${into}, ${x}${into}, ${rest})${back}`],
    uses: [pool],
    returns: [`${pool}_gradient`],
  };
}

/** @param {string[]} forward @param {string} backward @param {string[]} [uses] @returns {(names: Names) => Step} */
const plain = ([forward], backward, uses = []) => {
  const filled = (/** @type {string} */ text, /** @type {Names} */ names) =>
    text.replace(/\b(x|y|g)\b/g, (name) => (name === 'x' ? names.x : name === 'y' ? names.y : names.gy));
  return (names) => ({ forward: filled(forward, names), backward: [`${names.gx} = ${filled(backward, names)}`], uses, returns: uses });
};

/** @type {Record<string, (names: Names) => Step>} */
const POINTWISE = {
  relu: plain(['np.maximum(x, 0)'], 'g * (x > 0)'),
  elu: plain(['np.maximum(x, 0) + np.expm1(np.minimum(x, 0))'], 'g * np.exp(np.minimum(x, 0))'),
  sigmoid: plain(['sigmoid(x)'], 'g * y * (1 - y)', ['sigmoid']),
  tanh: plain(['np.tanh(x)'], 'g * (1 - y**2)'),
  softplus: plain(['np.logaddexp(0, x)'], 'g * sigmoid(x)', ['sigmoid']),
  gelu: plain(['x * normal(x)'], 'g * (normal(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))', ['normal']),
  silu: plain(['x * sigmoid(x)'], 'g * sigmoid(x) * (1 + x * (1 - sigmoid(x)))', ['sigmoid']),
  abs: plain(['np.abs(x)'], 'g * np.sign(x)'),
  square: plain(['x**2'], 'g * 2 * x'),
  identity: plain(['x'], 'g'),
  flatten: plain(['x.reshape(len(x), -1)'], 'g.reshape(x.shape)'),
};

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function leaky({ type, slope = 0.01, weight }, { input_shape: shape }, names) {
  const steep = type === 'leaky_relu' ? literal(slope) : Array.isArray(weight) ? perChannel(weight, shape.length) : literal(weight);
  return plain([`np.where(x > 0, x, ${steep} * x)`], `g * np.where(x > 0, 1, ${steep})`)(names);
}

/** @param {any} layer @param {Report} _ @param {Names} names @returns {Step} */
function softmax({ type, axis = 1 }, _, names) {
  if (type === 'softmax') return plain([`softmax(x, ${axis})`], `y * (g - (g * y).sum(${axis}, keepdims=True))`, ['softmax'])(names);
  return plain([`np.log(softmax(x, ${axis}))`], `g - np.exp(y) * g.sum(${axis}, keepdims=True)`, ['softmax'])(names);
}

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function globalPool({ type }, { input_shape: shape }, names) {
  const axes = tuple(shape.slice(2).map((_, axis) => axis + 2));
  if (type === 'global_avg_pool') {
    const cells = shape.slice(2).reduce((all, one) => all * one, 1);
    return plain([`x.mean(${axes}, keepdims=True)`], `np.broadcast_to(g / ${cells}, x.shape)`)(names);
  }
  const { into, back } = asPicture(shape.length - 2);
  const size = tuple(shape.length === 3 ? [1, shape[2]] : shape.slice(2));
  return {
    forward: `${names.x}.max(${axes}, keepdims=True)`,
    backward: [`${names.gx} = max_pool2d_gradient(${names.gy}${into}, ${names.x}${into}, size=${size})${back}`],
    returns: ['max_pool2d_gradient'],
  };
}

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function batchNorm({ mean, variance, weight, bias, eps = 1e-5 }, { input_shape: shape }, { x, gx, gy, at }) {
  const along = (/** @type {number | number[]} */ values) => (Array.isArray(values) ? perChannel(values, shape.length) : `(${literal(values)})`);
  const scale = `scale_${at}`;
  const root = `np.sqrt(${along(variance)} + ${literal(eps)})`;
  return {
    setup: [`${scale} = ${weight === undefined ? '1' : along(weight)} / ${root}`],
    forward: `(${x} - ${along(mean)}) * ${scale}${bias === undefined ? '' : ` + ${along(bias)}`}`,
    backward: [`${gx} = ${gy} * ${scale}`],
  };
}

/** @param {any} layer @param {Report} report @param {Names} names @returns {Step} */
function dense(layer, { input_shape: shape }, { x, gx, gy, at }) {
  const inputs = shape.slice(1).reduce((all, one) => all * one, 1);
  return {
    setup: matrixText(layer, inputs, `weight_${at}`),
    forward: `${x}.reshape(len(${x}), -1) @ weight_${at}.T${layer.bias ? ` + np.array(${literal(layer.bias)})` : ''}`,
    backward: [`${gx} = (${gy} @ weight_${at}).reshape(${x}.shape)`],
  };
}

/** @type {Record<string, (layer: any, report: Report, names: Names) => Step>} */
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
  leaky_relu: leaky,
  prelu: leaky,
  softmax,
  log_softmax: softmax,
  batch_norm: batchNorm,
  dense,
};

/** @param {any} layer @param {Report} report @param {number} index @returns {Step} */
export function stepOf(layer, report, index) {
  const names = { x: `x${index}`, y: `x${index + 1}`, gx: `g${index}`, gy: `g${index + 1}`, at: index + 1 };
  if (Object.hasOwn(TYPES, layer.type)) return TYPES[layer.type](layer, report, names);
  if (Object.hasOwn(POINTWISE, layer.type)) return POINTWISE[layer.type](names);
  throw new Inexpressible(`Layer ${index + 1} (${layer.type}) is not written in plain NumPy here; PyTorch has it.`);
}
