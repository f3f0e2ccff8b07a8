/** Maps as files that other programs read; every value exact, as float32. */

/** @typedef {import('./api.js').Tensor} Tensor */

const ALIGNED = 64;
/** So many significant digits tell every float32 apart from its neighbours. */
const FLOAT32_DIGITS = 9;

/** The shape of one map without the axes that count examples and channels. @param {number[]} shape */
export const mapShape = (shape) => shape.slice(Math.min(2, shape.length - 1));

/**
 * An array in NumPy's format, version 1.0.
 *
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @param {Float32Array<ArrayBuffer>} values @param {number[]} shape
 * @returns {BlobPart[]}
 */
export function npy(values, shape) {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tuple}), }`;
  const room = Math.ceil((10 + text.length + 1) / ALIGNED) * ALIGNED - 10;
  const head = new Uint8Array(10);
  head.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, room & 255, room >> 8]);
  return [head, `${text.padEnd(room - 1)}\n`, values];
}

/** A map as lines of numbers between commas. @param {Float32Array} values @param {number[]} shape */
export function csv(values, shape) {
  const cols = shape[shape.length - 1];
  const lines = [];
  for (let from = 0; from < values.length; from += cols) {
    const line = Array.from(values.subarray(from, from + cols), (value) => Number(value.toPrecision(FLOAT32_DIGITS)));
    lines.push(line.join(','), '\n');
  }
  return lines;
}

/** Let the browser keep a file. @param {Blob} blob @param {string} name */
export function keep(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Not at once: a browser may ask first where to.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
