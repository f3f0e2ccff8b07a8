/** The computation as a script of plain NumPy. */

import { PICTURE_IMPORTS, inputText } from './input.js';
import { functionTexts } from './numpy-functions.js';
import { stepOf } from './numpy-layers.js';
import { literal } from './python.js';
import { Inexpressible, depth, gradientNames, lossLayer, subject } from './question.js';

/** @typedef {import('./question.js').Question} Question */

/** The part of the maps that a loss looks at, as an index. @param {any} select */
export function partText({ channels, rows, cols } = /** @type {any} */ ({})) {
  if (!channels && !rows && !cols) return '...';
  const along = (/** @type {number[] | undefined} */ span) => (span ? span.join(':') : ':');
  // A signal has no rows.
  return [':', channels ? literal(channels) : ':', ...(rows ? [along(rows)] : []), ...(cols ? [rows ? along(cols) : `..., ${along(cols)}`] : [])].join(', ');
}

/** The loss and the gradient at the layer that it looks at. @param {Question} question @param {string} y @param {string} g */
function lossLines({ loss, reports, layer, api }, y, g) {
  const part = `${y}[part]`;
  /** @type {Record<string, [string, string]>} */
  const losses = {
    sum: [`${part}.sum()`, '1'],
    mean: [`${part}.mean()`, `1 / ${part}.size`],
    l2: [`(${part} ** 2).sum() / 2`, part],
  };
  if (Object.hasOwn(losses, loss.type)) {
    const [value, upstream] = losses[loss.type];
    return [`part = np.s_[${partText(loss.select)}]`, `loss = ${value}`, `${g} = np.zeros(${y}.shape)`, `${g}[part] = ${upstream}`];
  }
  if (loss.type === 'mse') {
    const input = Array.isArray(loss.target) ? { array: loss.target } : loss.target;
    const { lines } = inputText(input, 'target', reports[layer].output_shape, api);
    return [...lines, `loss = ((${y} - target) ** 2).mean()`, `${g} = 2 * (${y} - target) / ${y}.size`];
  }
  throw new Inexpressible(`The loss ${loss.type} is not written in plain NumPy here; PyTorch has it.`);
}

/** @param {Question} question @param {string[]} functions */
const importLines = ({ network, loss, mode }, functions) => {
  const target = mode === 'gradient' && loss.type === 'mse' && !Array.isArray(loss.target) && !loss.target.array;
  const pictures = !network.input.array || target;
  const math = functions.some((text) => text.includes('math.'));
  return [
    ...(pictures ? PICTURE_IMPORTS.slice(0, 1) : []),
    ...(math ? ['import math'] : []),
    ...(pictures ? PICTURE_IMPORTS.slice(1) : []),
    ...(pictures || math ? [''] : []),
    'import numpy as np',
    ...(pictures ? ['from PIL import Image'] : []),
  ];
};

/** What is taken from the numbers, and where it is kept. @param {Question} question @param {(text: string) => string} plain how an array of the library becomes one of NumPy */
export function closingLines(question, plain = (text) => text) {
  const { mode, channel, layer, name, reports, kernelLayer, gradientAt = -1 } = question;
  const gradient = mode === 'gradient';
  const shape = !gradient ? reports[layer].output_shape : gradientAt < 0 ? [] : reports[gradientAt].output_shape;
  const flat = shape.length === 2;
  const source = gradient ? `${plain(`g${gradientAt + 1}`)}[0${flat ? '' : `, ${channel}`}]` : `${plain(`x${layer + 1}`)}[0${flat ? '' : `, ${channel}`}]`;
  const kernel = gradientNames(question).length > 1 ? [`np.save(${literal(`${name}-kernel.npy`)}, ${plain(`grad_kernel_${kernelLayer + 1}`)})`] : [];
  return [`values = ${source}`, ...kernel, `np.save(${literal(`${name}.npy`)}, values)`, 'print(values.shape, values.min(), values.max())'];
}

/** @param {Question} question @returns {import('./question.js').Snippet} */
export function numpySnippet(question) {
  const { network, reports, mode, inputShape, api } = question;
  const gradient = mode === 'gradient';
  const steps = network.layers.slice(0, depth(question)).map((layer, index) => stepOf(layer, reports[index], index));
  const used = steps.flatMap(({ uses = [], returns = [] }) => (gradient ? [...uses, ...returns] : uses));
  const last = lossLayer(question) + 1;
  const back = gradient
    ? ['', ...lossLines(question, `x${last}`, `g${last}`), ...steps.flatMap((step) => [step.backward]).reverse().flat()]
    : [];
  const input = inputText(network.input, 'x0', inputShape, api);
  const target = back.some((line) => line.startsWith('target = picture'));
  const reader = input.picture || (target ? inputText(question.loss.target, 'target', inputShape, api).picture : '');
  const functions = [...(reader ? [reader] : []), ...functionTexts(used)];
  const text = [
    `"""${subject(question)}, in plain NumPy and double precision."""`,
    '',
    ...importLines(question, [...functions, ...back, ...steps.map(({ forward }) => forward)]),
    '',
    ...functions.flatMap((one) => ['', one]),
    '',
    ...input.lines,
    ...steps.flatMap(({ setup = [] }) => setup),
    '',
    ...steps.map(({ forward }, index) => `x${index + 1} = ${forward}`),
    ...back,
    '',
    ...closingLines(question),
    '',
  ];
  return { text: text.join('\n').replace(/\n{4,}/g, '\n\n\n') };
}
