/** Values as Python text. */

const WIDE = 88;

/** @param {unknown} value @returns {string} */
export function literal(value) {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object') return `{${Object.entries(value).map(([name, one]) => `${literal(name)}: ${literal(one)}`).join(', ')}}`;
  return String(value);
}

/** As `literal`, over several lines where one would be too long. @param {any} value @param {number} [indent] columns that the first line stands in @returns {string} */
export function laidOut(value, indent = 0) {
  const flat = literal(value);
  if (flat.length + indent <= WIDE || typeof value !== 'object' || value === null) return flat;
  const inner = ' '.repeat(indent + 4);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (Array.isArray(value) && value.every((one) => typeof one === 'number')) return wrapped(value, inner, ' '.repeat(indent));
  const parts = Array.isArray(value)
    ? value.map((one) => inner + laidOut(one, indent + 4))
    : Object.entries(value).map(([name, one]) => `${inner}${literal(name)}: ${laidOut(one, indent + 4)}`);
  return `${open}\n${parts.join(',\n')},\n${' '.repeat(indent)}${close}`;
}

/** Many numbers, as many on a line as fit. @param {number[]} numbers @param {string} inner @param {string} outer */
function wrapped(numbers, inner, outer) {
  const lines = [''];
  for (const one of numbers) {
    const text = `${literal(one)}, `;
    if (inner.length + lines[lines.length - 1].length + text.length > WIDE) lines.push('');
    lines[lines.length - 1] += text;
  }
  return `[\n${lines.map((line) => inner + line.trimEnd()).join('\n')}\n${outer}]`;
}

/** A tuple, of tuples where there are lists in it. @param {any} value @returns {string} */
export const tuple = (value) =>
  Array.isArray(value) ? `(${value.map(tuple).join(', ')}${value.length === 1 ? ',' : ''})` : literal(value);

/** Arguments by name, without those that have their usual value. @param {Record<string, string>} given @param {Record<string, string>} usual */
export const named = (given, usual) =>
  Object.entries(given)
    .filter(([name, text]) => text !== usual[name])
    .map(([name, text]) => `${name}=${text}`);

/** Text within single quotes of a shell. @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
