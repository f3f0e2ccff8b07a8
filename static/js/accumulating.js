/** The gradient of the units that the window has passed: it is the sum of what each of them sends back. */

import { compute } from './api.js';
import { lossOf, lossyNetwork } from './loss.js';

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

/** A part of the loss: of the cells of one area alone. @param {any} loss @param {Area} area @param {Lattice} lattice @returns {{loss: any, weight: number} | null} none where the loss does not look there */
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

/** What was asked for last, by its question: whole rows stay the same for a row of steps. @type {Map<string, Promise<Cells>>} */
const known = new Map();
const MOST_KNOWN = 4;

/** @param {object} body @returns {Promise<Cells>} */
async function ask(body) {
  const { tensors } = await compute('/backward', body, new AbortController().signal);
  const { values, shape } = tensors.input;
  return { values: /** @type {Float32Array} */ (values), rows: shape[2], cols: shape[3] };
}

/** @param {object} body */
function remembered(body) {
  const key = JSON.stringify(body);
  const answer = known.get(key) ?? ask(body);
  known.delete(key);
  known.set(key, answer);
  answer.catch(() => known.delete(key));
  for (const old of [...known.keys()].slice(0, -MOST_KNOWN)) known.delete(old);
  return answer;
}

/**
 * dL/dInput of one channel, of the units up to a place of the walk.
 * @param {import('./state.js').Lab} state @param {Area} area @param {Lattice} lattice
 * @returns {Promise<Cells | null>} null where the loss looks at none of them
 */
export async function accumulated(state, area, lattice) {
  const parts = passed(area, lattice.cols).map((one) => within(lossOf(state), one, lattice)).filter((one) => one !== null);
  const wanted = { gradients: ['input'], channels: [state.channel], dtype: 'float32', max_side: MOST_SIDE };
  const answers = await Promise.all(parts.map(({ loss }) => remembered({ ...lossyNetwork(state), loss, return: wanted })));
  if (!answers.length) return null;
  const sum = new Float32Array(answers[0].values.length);
  answers.forEach(({ values }, at) => values.forEach((value, cell) => (sum[cell] += parts[at].weight * value)));
  return { ...answers[0], values: sum };
}
