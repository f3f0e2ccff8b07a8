/**
 * Signals: typed numbers whose rows are channels.
 *
 * To the page a signal is a picture one row high, with layers of one dimension whose kernels have one row.
 * The API has three axes (N, C, L) for it: requests and answers are turned here.
 */

/** @typedef {import('./layer-types.js').Layer} Layer */
/** @typedef {{array?: number[][], signal?: boolean}} Input */

/** Whether the rows of the typed numbers are channels. @param {Input} input */
export const isSignal = ({ array, signal }) => Boolean(array && signal);

/** Whether a layer's windows have one dimension. @param {Layer} layer */
export const isOneDimensional = ({ type }) => type.endsWith('1d');

/** How many dimensions a type's windows have; '' where it has none. @param {string} type */
export const dimensionsOf = (type) => /[12]d$/.exec(type)?.[0] ?? '';

/** @param {any} pair of rows and columns, or one number for both */
const ofColumns = (pair) => [pair].flat()[Array.isArray(pair) ? 1 : 0];

/** @param {any} padding in rows and columns @returns {any} before and after */
function alongRow(padding) {
  const sides = ofColumns(padding);
  return Array.isArray(sides) && sides[0] === sides[1] ? sides[0] : sides;
}

/** @param {any} matrix */
const middleRow = (matrix) => [matrix[matrix.length >> 1]];

/** @param {any} kernel @param {(matrix: any) => any} change of every matrix @param {(size: any) => any} resize of random ones */
function changed(kernel, change, resize) {
  if ('random' in kernel) return { random: { ...kernel.random, size: resize(kernel.random.size) } };
  return Array.isArray(kernel[0][0]) ? kernel.map((/** @type {any[]} */ maps) => maps.map(change)) : change(kernel);
}

/** How the fields of a layer of two dimensions become those of one. @type {Record<string, (value: any) => any>} */
const TO_ONE = {
  kernel: (kernel) => changed(kernel, middleRow, ([, cols]) => [1, cols]),
  stride: ofColumns,
  size: ofColumns,
  dilation: ofColumns,
  output_padding: ofColumns,
  padding: alongRow,
};

/** @param {number} usual that changes nothing along the rows */
const besides = (usual) => (/** @type {any} */ value) => (value === usual ? usual : [usual, value]);

/** How those of one dimension become those of two that compute the same of every row. @type {Record<string, (value: any) => any>} */
const TO_TWO = {
  stride: besides(1),
  size: (size) => [1, size],
  output_padding: besides(0),
  padding: (padding) => (Array.isArray(padding) ? [[0, 0], padding] : typeof padding === 'string' ? padding : besides(0)(padding)),
};

/** @param {Layer} layer @param {string} to dimensions @param {Record<string, (value: any) => any>} change @returns {Layer} */
function turned(layer, to, change) {
  if (!dimensionsOf(layer.type) || layer.type.endsWith(to)) return layer;
  const fields = Object.entries(layer).map(([name, value]) => [name, change[name]?.(value) ?? value]);
  return { ...Object.fromEntries(fields), type: layer.type.slice(0, -2) + to };
}

/** The layers as they are for signals, or for pictures and matrices; the same list where they are so already. @param {Layer[]} layers @param {boolean} signal */
export function layersFor(layers, signal) {
  const all = layers.map((layer) => (signal ? turned(layer, '1d', TO_ONE) : turned(layer, '2d', TO_TWO)));
  return all.every((layer, index) => layer === layers[index]) ? layers : all;
}

/** @param {any} loss */
function withoutRows({ select, target, ...loss }) {
  const { rows: _, ...rest } = select ?? {};
  const lines = Array.isArray(target) ? target.map((maps) => maps.map((/** @type {number[][]} */ lines) => (lines.length === 1 ? lines[0] : lines))) : target;
  return { ...loss, ...(select && { select: rest }), ...(target !== undefined && { target: lines }) };
}

/** @param {Layer} layer @returns {Layer} */
const lineOf = (layer) =>
  layer.kernel ? { ...layer, kernel: changed(layer.kernel, ([line]) => line, ([, cols]) => cols) } : layer;

/** A request as the API wants it: with layers of one dimension, all of it has one axis less. @param {any} body */
export function asked(body) {
  if (!body.layers?.some(isOneDimensional)) return body;
  const { input, layers, loss, indices, ...rest } = body;
  return {
    input: { ...input, array: input.array[0].map((/** @type {number[][]} */ [line]) => line) },
    layers: layers.map((/** @type {Layer} */ layer) => (isOneDimensional(layer) ? lineOf(layer) : layer)),
    ...(loss && { loss: withoutRows(loss) }),
    ...(indices && { indices: indices.map((/** @type {number[]} */ [first, channel, , col]) => [first, channel, col]) }),
    ...rest,
  };
}

/** @param {number[] | null | undefined} axes @param {number} row */
const addRow = (axes, row) => axes?.length === 3 && axes.splice(2, 0, row);

/** An answer with four axes in place of a signal's three. @template T @param {T} told @returns {T} */
export function answered(told) {
  const { input, layers = [], gradients = [], position, terms = [] } = /** @type {any} */ (told);
  for (const entry of [told, input, ...layers, ...gradients])
    for (const shape of ['shape', 'input_shape', 'output_shape']) addRow(entry?.[shape], 1);
  for (const { left, right } of position?.length === 3 ? terms : [])
    for (const factor of [left, right]) addRow(factor.position, 0);
  addRow(position, 0);
  return told;
}

/** The axes that an array of a network has in the API. @param {{layers: Layer[]}} network @param {number[]} shape */
export const axesIn = ({ layers }, shape) =>
  shape?.length === 4 && layers.some(isOneDimensional) ? [...shape.slice(0, 2), shape[3]] : shape;
