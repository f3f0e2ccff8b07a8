/** The gradients of the units that the window has passed: it is the sum of what each of them sends back. */

import { compute } from './api.js';
import { gradientName, lossOf, lossyNetwork } from './loss.js';

/** @typedef {import('./areas.js').Area} Area */
/** @typedef {import('./slid.js').Lattice} Lattice */
/** @typedef {{values: Float32Array, rows: number, cols: number}} Cells */

const MOST_SIDE = 1024;

/** The cells up to a place and with it: whole rows above, and a part of its own. @param {Area} area @param {number} cols @returns {Area[]} */
const passed = (area, cols) =>
  [
    { row: 0, col: 0, rows: area.row, cols },
    { row: area.row, col: 0, rows: area.rows, cols: area.col + area.cols },
  ].filter(({ rows }) => rows > 0);

/** @typedef {{loss: any, weight: number}} Part of a loss */

/** A part of the loss: of the cells of one area alone. @param {any} loss @param {Area} area @param {Lattice} lattice @returns {Part | null} none where the loss does not look there */
function within(loss, area, { rows, cols }) {
  const { select } = loss;
  const span = (/** @type {number[] | undefined} */ asked, /** @type {number} */ from, /** @type {number} */ count) => {
    const [first, last] = asked ?? [0, Infinity];
    return [Math.max(first, from), Math.min(last, from + count)];
  };
  const [down, across] = [span(select.rows, area.row, area.rows), span(select.cols, area.col, area.cols)];
  if (down[0] >= down[1] || across[0] >= across[1]) return null;
  // A mean over a part is larger by as much as the part is smaller.
  const whole = (select.rows ? select.rows[1] - select.rows[0] : rows) * (select.cols ? select.cols[1] - select.cols[0] : cols);
  const share = ((down[1] - down[0]) * (across[1] - across[0])) / whole;
  return { loss: { ...loss, select: { ...select, rows: down, cols: across } }, weight: loss.type === 'mean' ? share : 1 };
}

/**
 * The parts of the loss of the cells of one area. The mean square from one number t is made of losses of single cells:
 * (a − t)² is a² − 2ta and what no gradient knows of.
 * @param {import('./state.js').Lab} state @param {Area} area @param {Lattice} lattice @returns {Part[]}
 */
function partsWithin(state, area, lattice) {
  if (state.loss !== 'mse' || state.target.of !== 'number') {
    const part = within(lossOf(state), area, lattice);
    return part ? [part] : [];
  }
  const { maps, rows, cols } = lattice;
  const select = { layer: state.layer, rows: [area.row, area.row + area.rows], cols: [area.col, area.col + area.cols] };
  const weight = 2 / (maps * rows * cols);
  return [{ loss: { type: 'l2', select }, weight }, { loss: { type: 'sum', select }, weight: -weight * state.target.number }];
}

/** @typedef {{input: import('./api.js').Tensor, kernel: import('./api.js').Tensor | undefined}} Gradients */

/** What was asked for last, by its question: whole rows stay the same for a row of steps. @type {Map<string, Promise<Gradients>>} */
const known = new Map();
const MOST_KNOWN = 8;

/** @param {object} body @param {string} name of the gradient @param {string} kernel name of its gradient @returns {Promise<Gradients>} */
async function ask(body, name, kernel) {
  const { tensors } = await compute('/backward', body, new AbortController().signal);
  return { input: tensors[name], kernel: tensors[kernel] };
}

/** @param {object} body @param {string} name @param {string} kernel */
function remembered(body, name, kernel) {
  const key = JSON.stringify(body);
  const answer = known.get(key) ?? ask(body, name, kernel);
  known.delete(key);
  known.set(key, answer);
  answer.catch(() => known.delete(key));
  for (const old of [...known.keys()].slice(0, -MOST_KNOWN)) known.delete(old);
  return answer;
}

/** The planes of a sum of gradients, each with its weight. @param {import('./api.js').Tensor[]} tensors @param {number[]} weights @returns {Cells[]} */
function summed(tensors, weights) {
  const [{ shape, values: first }] = tensors;
  const [rows, cols] = shape.slice(-2);
  const sum = new Float32Array(first.length);
  tensors.forEach(({ values }, at) => values.forEach((value, cell) => (sum[cell] += weights[at] * value)));
  return Array.from({ length: sum.length / (rows * cols) }, (_, plane) => ({ values: sum.subarray(plane * rows * cols, (plane + 1) * rows * cols), rows, cols }));
}

/**
 * dL/dInput, or dL/dMap of the layer that is shown, and dL/dKernel of the units up to a place of the walk, channel by channel.
 * @param {import('./state.js').Lab} state @param {number} layer whose kernel is meant; -1 for none @param {Area} area @param {Lattice} lattice
 * @returns {Promise<{input: Cells[], kernel: Cells[] | null} | null>} null where the loss looks at none of them
 */
export async function accumulated(state, layer, area, lattice) {
  const parts = passed(area, lattice.cols).flatMap((one) => partsWithin(state, one, lattice));
  const kernel = `layers.${layer}.kernel`;
  const name = gradientName(state);
  const wanted = { gradients: layer < 0 ? [name] : [name, kernel], dtype: 'float32', max_side: MOST_SIDE };
  const answers = await Promise.all(parts.map(({ loss }) => remembered({ ...lossyNetwork(state), loss, return: wanted }, name, kernel)));
  if (!answers.length) return null;
  const weights = parts.map(({ weight }) => weight);
  const kernels = answers.map((answer) => answer.kernel).filter((one) => one !== undefined);
  return { input: summed(answers.map(({ input }) => input), weights), kernel: kernels.length ? summed(kernels, weights) : null };
}
