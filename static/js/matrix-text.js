/** How a number and a matrix are read from text: lines of numbers, a spreadsheet's cells, JSON, what Python prints. */

/** @typedef {import('./layer-types.js').Matrix} Matrix */

/** Every sign that people and programs write for minus. */
const MINUS = /[\u2010-\u2013\u2212\ufe63\uff0d]/g;

/** @param {string} text */
const plain = (text) => text.replace(MINUS, '-').replace(/\ufeff/g, '');

/** @param {string} text @returns {number} NaN where the text is no decimal number; a comma may stand for the point */
export function parseNumber(text) {
  const word = plain(text).trim().replace(/^([+-]?\d*),(\d*(e|$))/i, '$1.$2');
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : NaN;
}

/** A sentence for the person who wrote the text. */
class Unreadable extends Error {}

/** @param {string} word */
const doubt = (word) =>
  new Unreadable(`“${word}” may be one number or two: write ${word.replace(',', '.')} with a point, or ${word.replace(',', ', ')} with a space.`);

const PAIR = /[+-]?\d+,\d+/;

/** @param {string[]} lines @param {RegExp | string} separator @param {boolean} commas whether a comma stands for the point */
const cut = (lines, separator, commas) =>
  lines.map((line, row) =>
    line.split(separator).map((cell) => {
      const word = cell.trim();
      if (word === '') throw new Unreadable(`Row ${row + 1} has an empty cell: every cell needs a number.`);
      const value = commas || !word.includes(',') ? parseNumber(word) : NaN;
      if (!Number.isFinite(value)) throw new Unreadable(`“${word.slice(0, 20)}” is no decimal number.`);
      return value;
    }),
  );

/** Lines of numbers apart by commas or spaces; a comma between digits may stand for the point. @param {string[]} untrimmed */
function byCommas(untrimmed) {
  const lines = untrimmed.map((line) => line.trim());
  const text = lines.join('\n');
  const spaced = lines.some((line) => /[^\s,] +[^\s,]/.test(line));
  if (!text.includes(',')) return cut(lines, /\s+/, false);
  const tight = (text.match(/\d,(?=\d)/g) ?? []).length;
  const all = (text.match(/,/g) ?? []).length;
  const pair = PAIR.exec(text)?.[0] ?? '';
  const points = text.includes('.');
  if (spaced && tight === all && !points) return cut(lines, /\s+/, true);
  if (tight > 0 && (spaced || tight < all) && !points && /,\s|\s,|[^\s,] +[^\s,]/.test(text.replace(/\n/g, ';'))) throw doubt(pair);
  if (spaced && tight > 0) throw doubt(pair);
  if (spaced) return cut(lines, /\s*,\s*|\s+/, false);
  const single = lines.every((line) => (line.match(/,/g) ?? []).length <= 1);
  if (tight === all && single && !points) {
    if (lines.length === 1 || lines.some((line) => !line.includes(','))) return cut(lines, /\s+/, true);
    throw doubt(pair);
  }
  return cut(lines, ',', false);
}

/** @param {string} text without brackets */
function fromLines(text) {
  const lines = text.split(/\r\n?|\n/).filter((line) => line.trim() !== '');
  if (text.includes('\t')) return cut(lines, '\t', true);
  const ended = lines.map((line) => line.replace(/;\s*$/, ''));
  if (!ended.some((line) => line.includes(';'))) return byCommas(ended);
  if (ended.length > 1 && !ended.some((line) => /[^\s;] +[^\s;]/.test(line))) return cut(ended, ';', true);
  const rows = ended.flatMap((line) => line.split(';'));
  const pair = PAIR.exec(text)?.[0];
  // “0,5;0,5” is a spreadsheet's row of two numbers and somebody else's matrix of four.
  if (pair && rows.every((row) => PAIR.test(row) && !/\s/.test(row.trim()))) throw doubt(pair);
  return byCommas(rows);
}

/** What stands around the brackets in a program or on its console. */
const BEFORE = /^[\w.\s=]*\(?\s*$/;
const AFTER = /^\s*(,\s*\w+\s*=\s*[\w.'"]+\s*)*,?\s*\)?\s*;?\s*$/;

/** @param {string} text with brackets */
function fromBrackets(text) {
  const [first, last] = [text.indexOf('['), text.lastIndexOf(']')];
  const body = text.slice(first, last + 1);
  /** @type {string[]} */
  const rows = [];
  const shape = body
    .replace(/\[([^[\]]*)\]/g, (_, row) => `R${rows.push(row) && ''}`)
    .replace(/\s/g, '')
    .replace(/,(?=\]|$)/g, '')
    .replace(/R,?(?=R)/g, 'R');
  const [, opened = '', , closed = ''] = /^(\[*)(R+)(\]*)$/.exec(shape) ?? [];
  const whole = /^\[*R+\]*$/.test(shape) && opened.length === closed.length && (rows.length === 1 || opened.length > 0);
  if (!whole || !BEFORE.test(text.slice(0, first)) || !AFTER.test(text.slice(last + 1)))
    throw new Unreadable('The brackets are not those of one matrix: [[1, 2], [3, 4]].');
  const alone = rows.length === 1 && (rows[0].includes(';') || (/\S\s*\n\s*\S/.test(rows[0]) && !rows[0].includes(',')));
  const lines = alone ? rows[0].split(/[;\n]/).filter((line) => line.trim() !== '') : rows;
  return cut(
    lines.map((line) => line.trim().replace(/,$/, '')),
    lines.some((line) => line.includes(',')) ? ',' : /\s+/,
    false,
  );
}

/**
 * Read a matrix as people and programs write it.
 * @param {string} written
 * @returns {{value: Matrix} | {error: string}} the sentence says what cannot be read
 */
export function parseMatrix(written) {
  const text = plain(written);
  try {
    const value = text.trim() === '' ? [] : /[[\]]/.test(text) ? fromBrackets(text) : fromLines(text);
    if (!value.length) return { error: 'There are no numbers.' };
    const odd = value.findIndex((line) => line.length !== value[0].length);
    if (odd < 0) return { value };
    return { error: `Row ${odd + 1} has ${value[odd].length} and row 1 has ${value[0].length} numbers: rows must be all of one length.` };
  } catch (error) {
    if (error instanceof Unreadable) return { error: error.message };
    throw error;
  }
}
