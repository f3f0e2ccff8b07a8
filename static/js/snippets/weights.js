/** The weights of a layer as Python, in their full form. */

import { laidOut, literal, tuple } from './python.js';
import { Inexpressible } from './question.js';

/** @param {unknown} value @returns {number[]} lengths of nested lists */
export const shapeOf = (value) => (Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []);

/** @param {{init?: string, seed?: number}} random @param {number[]} shape @param {number} into weights that meet in one output @param {number} from outputs that one input feeds */
function randomText({ init = 'he_normal', seed = 0 }, shape, into, from) {
  const [law, kind] = init.split('_');
  const uniform = init.endsWith('uniform');
  const draw = `np.random.default_rng(${seed})`;
  if (!kind) return uniform ? `${draw}.random(${tuple(shape)})` : `${draw}.standard_normal(${tuple(shape)})`;
  const fans = law === 'he' ? into : into + from;
  const drawn = uniform ? `${draw}.uniform(-1, 1, ${tuple(shape)})` : `${draw}.standard_normal(${tuple(shape)})`;
  return `${drawn} * (${uniform ? 6 : 2} / ${fans}) ** 0.5`;
}

/** @param {number[]} sizes */
const product = (sizes) => sizes.reduce((all, one) => all * one, 1);

/**
 * A convolution's kernel of shape (O, C/groups, …), or (C, O/groups, …) of a transposed one, and its groups.
 * @param {any} layer @param {number} channels that come in @param {string} name of the Python variable
 * @returns {{lines: string[], groups: number}}
 */
export function kernelText({ type, kernel, groups = 1 }, channels, name) {
  const axes = type.endsWith('1d') ? 1 : 2;
  if (kernel.random) {
    const { filters, size } = kernel.random;
    const outer = type.startsWith('conv_transpose') ? [channels, filters / groups] : [filters, channels / groups];
    const shape = [...outer, ...[size].flat()];
    if (shape.length < axes + 2) shape.push(shape[2]);
    const taps = product(shape.slice(2));
    return { lines: [`${name} = ${randomText(kernel.random, shape, (channels / groups) * taps, (filters / groups) * taps)}`], groups };
  }
  if (!Array.isArray(kernel)) throw new Inexpressible('A kernel that is given by its name has no numbers to write down.');
  const rank = shapeOf(kernel).length;
  const array = (/** @type {any} */ value) => `${name} = np.array(${laidOut(value, name.length + 12)}, float)`;
  if (rank === axes + 2) return { lines: [array(kernel)], groups };
  if (rank === axes + 1) return { lines: [array([kernel])], groups };
  const ones = new Array(axes + 1).fill(1).join(', ');
  // One matrix, met by every channel alone.
  return { lines: [array(kernel), `${name} = np.tile(${name}, (${channels}, ${ones}))`], groups: channels };
}

/** A dense layer's matrix (O, I). @param {any} layer @param {number} inputs @param {string} name */
export function matrixText({ weight }, inputs, name) {
  if (!weight.random) return [`${name} = np.array(${laidOut(weight, name.length + 12)}, float)`];
  const { features } = weight.random;
  return [`${name} = ${randomText(weight.random, [features, inputs], inputs, features)}`];
}

/** One number a channel, to be added to maps. @param {number[]} values @param {number} rank of the maps */
export const perChannel = (values, rank) => `np.array(${literal(values)})[${[':', ...new Array(rank - 2).fill('None')].join(', ')}]`;

/** @param {any} value one number, a pair, or nothing @param {number} axes @param {number} usual @returns {number[]} */
export const everyAxis = (value, axes, usual) => (Array.isArray(value) ? value : new Array(axes).fill(value ?? usual));
