/** The input as Python: a picture that is read, or the numbers themselves. */

import { laidOut, literal } from './python.js';
import { Inexpressible } from './question.js';

export const PICTURE_IMPORTS = ['import io', 'import urllib.request'];

const READ = `def picture(address, size=None):
    """Read a picture: red, green and blue from 0 to 255, shape (1, 3, H, W)."""
    with urllib.request.urlopen(address) as answer:
        read = Image.open(io.BytesIO(answer.read())).convert("RGB")
    if size is not None:
        read = read.resize(size, Image.Resampling.LANCZOS, reducing_gap=1.0)
    return np.moveaxis(np.asarray(read, float), 2, 0)[None]
`;

/** @type {Record<string, (name: string) => string>} */
const RANGES = {
  unit: (name) => `${name} / 255`,
  signed: (name) => `${name} / 127.5 - 1`,
  byte: (name) => name,
};

/**
 * @param {any} input of the API
 * @param {string} name of the Python variable
 * @param {number[]} shape that it gets
 * @param {string} api
 * @returns {{picture: string, lines: string[]}} the function that reads pictures, or '', and what to run
 */
export function inputText(input, name, shape, api) {
  if (input.array) {
    const numbers = laidOut(input.array, name.length + 18);
    return { picture: '', lines: [`${name} = np.array(${numbers}, float).reshape(${shape.join(', ')})`] };
  }
  if (!input.sample && !input.image) throw new Inexpressible('An input of this kind cannot be written down.');
  const place = input.image ? `images/${input.image}` : `samples/${encodeURIComponent(input.sample)}`;
  const size = input.max_side ? `, size=(${shape[3]}, ${shape[2]})` : '';
  const lines = [`${name} = picture(${literal(`${api}/${place}/content`)}${size})`];
  if (input.color === 'gray') lines.push(`${name} = 0.299 * ${name}[:, :1] + 0.587 * ${name}[:, 1:2] + 0.114 * ${name}[:, 2:]`);
  const ranged = RANGES[input.range ?? 'unit'](name);
  if (ranged !== name) lines.push(`${name} = ${ranged}`);
  return { picture: READ, lines };
}
