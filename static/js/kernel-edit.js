/** The kernel that is shown, and how an edit of the shown part becomes an edit of the layer. */

import { batch } from '../vendor/signals-core/signals-core.js';
import { forgetUnder } from './field-view.js';
import { resized, shift } from './kernel.js';
import { channelsBefore, fittedKernel, isBank, isRandom, isTransposed } from './layer-types.js';
import { limitOf } from './limits.js';
import { parseMatrix } from './matrix-text.js';
import { isOneDimensional } from './one-row.js';
import { partialKernel } from './slid.js';
import { complain, complaints, drafts, edit, editLayer, forget, part, pointedWeight, shown } from './state.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */
/** @typedef {import('./layer-types.js').Kernel} Kernel */

export const LARGEST_WEIGHT = 1e6;

/** @param {number} index */
export const placeOf = (index) => `/layers/${index}/kernel`;

/** How many channels come into a layer. @param {number} index */
export const channelsInto = (index) => channelsBefore(part.input, part.layers, index);

/** The kernel as it is sent: a bank with the channels that come in. @param {number} index */
export const kernelOf = (index) => fittedKernel(part.layers[index], channelsInto(index));

/** What the two axes of a layer's bank count. @param {number} index @returns {[string, string]} */
export const bankAxes = (index) => (isTransposed(part.layers[index]) ? ['channel', 'map'] : ['filter', 'channel']);

/** How many filters and channels, or channels and maps, a bank has; null where one matrix serves each channel. @param {number} index @returns {[number, number] | null} */
export function bankSize(index) {
  const kernel = kernelOf(index);
  if (isBank(kernel)) return [kernel.length, kernel[0].length];
  if (!isRandom(kernel)) return null;
  const { groups = 1 } = part.layers[index];
  if (isTransposed(part.layers[index])) return [channelsInto(index), kernel.random.filters];
  return [kernel.random.filters, Math.max(1, Math.floor(channelsInto(index) / groups))];
}

/** Filter and channel that are shown, within the kernel. @param {number} index @returns {[number, number]} */
export function sliceOf(index) {
  const [filters, channels] = bankSize(index) ?? [1, 1];
  const [filter, channel] = part.slice;
  return [Math.min(filter, filters - 1), Math.min(channel, channels - 1)];
}

/** Where the cells of the grid stand: those of a bank in their filter and channel. @param {number} index */
export const cellsOf = (index) => (isBank(kernelOf(index)) ? [placeOf(index), ...sliceOf(index)].join('/') : placeOf(index));

/** What a cell of the grid is, to begin a sentence about it. @param {number} index */
export function subjectOf(index) {
  const size = bankSize(index);
  const [filter, channel] = sliceOf(index);
  const [one, other] = bankAxes(index);
  return size ? `A weight of ${one} ${filter}${size[1] > 1 ? ` on ${other} ${channel}` : ''}` : 'A weight';
}

/** The matrix in the grid. @param {number} index @returns {Matrix} */
export function matrixOf(index) {
  const kernel = kernelOf(index);
  const [filter, channel] = sliceOf(index);
  return isBank(kernel) ? kernel[filter][channel] : /** @type {Matrix} */ (kernel);
}

/** The plane of the gradient that belongs to the matrix in the grid. @param {number} index */
export function gradientOf(index) {
  if (part.mode !== 'gradient') return null;
  const { gradient, of } = shown.value ?? {};
  const planes = partialKernel.value ?? gradient?.kernel;
  if (!planes || of?.mode !== 'gradient') return null;
  const [filters, channels] = bankSize(index) ?? [planes.length, 1];
  const [filter, channel] = sliceOf(index);
  // Until the new kernel is answered, the answer may be of one with other filters.
  return planes.length === filters * channels ? planes[filter * channels + channel] : null;
}

/** @param {number} index @param {{row: number, col: number}} cell of the matrix in the grid */
export function weightAt(index, { row, col }) {
  const [filter, channel] = sliceOf(index);
  return { layer: index, filter, channel, row, col };
}

/** @param {number} index @param {{row: number, col: number} | null} cell of the matrix in the grid */
export function pointAtWeight(index, cell) {
  pointedWeight.value = cell && weightAt(index, cell);
}

/** Put a matrix in the grid; a bank's other matrices follow its size. @param {number} index @param {Matrix} matrix @param {string} [name] */
export function setMatrix(index, matrix, name) {
  const kernel = kernelOf(index);
  complain(placeOf(index), '');
  if (!isBank(kernel)) return editLayer(index, { kernel: matrix }, name);
  const [filter, channel] = sliceOf(index);
  const [rows, cols] = [matrix.length, matrix[0].length];
  const bank = kernel.map((maps, f) =>
    maps.map((old, c) => {
      if (f === filter && c === channel) return matrix;
      return old.length === rows && old[0].length === cols ? old : resized(old, rows, cols);
    }),
  );
  // What is typed in other filters stays, unless its cells go.
  if (kernel[filter][channel].length !== rows || kernel[filter][channel][0].length !== cols) forgetUnder(placeOf(index));
  return edit({ layers: part.layers.map((old, place) => (place === index ? { ...old, kernel: bank } : old)) }, name);
}

/** @typedef {{plane: string, row: number, col: number, text: string, said: string}} WrongText in a cell, of a bank in its filter and channel, and what is said of it */

/** What of a kernel's place is that of a cell. */
const CELL = /^((?:\/\d+\/\d+)?)\/(\d+)\/(\d+)$/;

/** What stands in cells and is no number. @param {number} index @returns {WrongText[]} */
const wrongTexts = (index) =>
  Object.entries(complaints.value).flatMap(([place, said]) => {
    const found = place.startsWith(placeOf(index)) && CELL.exec(place.slice(placeOf(index).length));
    return found ? [{ plane: found[1], row: Number(found[2]), col: Number(found[3]), text: drafts.value[place] ?? '', said }] : [];
  });

/** Let wrong texts go with their cells. @param {number} index @param {WrongText[]} texts before the kernel changed from one size to another @param {Matrix} from @param {Matrix} to */
function moveTexts(index, texts, from, to) {
  const [down, right] = [shift(from.length, to.length), shift(from[0].length, to[0].length)];
  const placeAt = (/** @type {string} */ plane, /** @type {number} */ row, /** @type {number} */ col) => `${placeOf(index)}${plane}/${row}/${col}`;
  for (const { plane, row, col } of wrongTexts(index)) forget(placeAt(plane, row, col));
  for (const { plane, row, col, text, said } of texts) {
    if (to[row + down]?.[col + right] === undefined) continue;
    const place = placeAt(plane, row + down, col + right);
    drafts.value = { ...drafts.value, [place]: text };
    complain(place, said);
  }
}

/** What the number of rows or columns that is being typed changes: `11` passes through 1, which must lose nothing. @type {{place: string, from: Kernel, texts: WrongText[], to: Kernel} | null} */
let resizing = null;

/** The hand comes to a size: the next one starts from the kernel as it is now. */
export const startResizing = () => {
  resizing = null;
};

/** Resize the kernel as it was when the hand came to its size. @param {number} index @param {'rows' | 'cols'} axis @param {number} count @param {string} place */
export function resizeKernel(index, axis, count, place) {
  const now = kernelOf(index);
  const going = resizing?.place === place && resizing.to === part.layers[index].kernel;
  const { from, texts } = going && resizing ? resizing : { from: now, texts: wrongTexts(index) };
  const change = (/** @type {Matrix} */ matrix) =>
    axis === 'rows' ? resized(matrix, count, matrix[0].length) : resized(matrix, matrix.length, count);
  const to = isBank(from) ? from.map((maps) => maps.map(change)) : change(/** @type {Matrix} */ (from));
  const matrixIn = (/** @type {Kernel} */ kernel) => (isBank(kernel) ? kernel[0][0] : /** @type {Matrix} */ (kernel));
  batch(() => {
    complain(placeOf(index), '');
    editLayer(index, { kernel: to }, place);
    moveTexts(index, texts, matrixIn(from), matrixIn(to));
  });
  resizing = { place, from, texts, to };
}

/** Put another matrix in the place of this one, drafts and all. @param {number} index @param {Matrix} matrix @param {string} [name] */
export function replaceMatrix(index, matrix, name) {
  forgetUnder(cellsOf(index), name);
  setMatrix(index, matrix, name);
}

/** Another kernel, seen at one of the maps that it makes. @param {number} index @param {object} change of the layer @param {number} [map] */
export function setKernel(index, change, map = 0) {
  forgetUnder(placeOf(index));
  edit({
    layers: part.layers.map((old, place) => (place === index ? { ...old, ...change } : old)),
    slice: isTransposed(part.layers[index]) ? [0, map] : [map, 0],
    channel: index === part.layer && part.mode === 'forward' ? map : part.channel,
    unit: null,
  });
}

/** @param {number} index @param {string} text */
export function pasteMatrix(index, text) {
  const read = parseMatrix(text);
  if ('error' in read) return complain(placeOf(index), `What was pasted is no matrix. ${read.error} The kernel stays.`);
  const matrix = read.value;
  const most = limitOf('kernel_side');
  const rows = isOneDimensional(part.layers[index]) ? 1 : most;
  const wrong =
    matrix.length > rows || matrix[0].length > most
      ? `The pasted matrix has ${matrix.length} × ${matrix[0].length} numbers; a kernel has ${rows > 1 ? `1 to ${rows} rows` : '1 row'} and 1 to ${most} columns.`
      : matrix.flat().some((value) => Math.abs(value) > LARGEST_WEIGHT)
        ? `A weight must be from −${LARGEST_WEIGHT} to ${LARGEST_WEIGHT}; the pasted matrix has a larger one.`
        : '';
  return wrong ? complain(placeOf(index), wrong) : replaceMatrix(index, matrix);
}
