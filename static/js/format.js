/** Numbers and sizes as people read them. */

/** @param {number} value @param {number} digits significant digits */
export function number(value, digits = 4) {
  if (!Number.isFinite(value)) return 'not finite';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4 ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  return text.replaceAll('-', '−').replace('e+', 'e');
}

/** A number with all its digits. @param {number} value */
export const exactly = (value) => String(value).replaceAll('-', '−').replace('e+', 'e');

/** Characters of a decimal that is as good as short, besides its digits: "0." and one to spare. */
const SPARE = 3;

/** A number in little room: only a long fraction is cut, a whole number never. @param {number} value @param {number} digits significant digits of a fraction */
export function brief(value, digits) {
  const whole = exactly(value);
  if (Number.isInteger(value) || whole.replace('−', '').length <= digits + SPARE) return whole;
  const places = String(Math.trunc(Math.abs(value))).length;
  if (Math.abs(value) < 1) return number(value, digits);
  return exactly(Number(value.toFixed(Math.max(0, digits - places))));
}

/** @type {Record<string, string>} */
const AXES = { cols: 'columns', length: 'cells' };

/** What there are so many of along an axis that the API names. @param {string} axis */
export const axisWord = (axis) => AXES[axis] ?? axis;

/** "1 row", "2 rows". @param {number} count @param {string} what */
export const countOf = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** @param {number} value */
export const signed = (value) => (value > 0 ? '+' : '') + number(value, 3);

/** @param {number[]} shape (N, C, H, W), (N, C, L), or (N, features) */
export const shape = (shape) => (shape.length > 2 ? shape.slice(1).join(' × ') : countOf(shape[shape.length - 1], 'feature'));

/** @param {number} count */
export function amount(count) {
  if (count >= 1e9) return `${number(count / 1e9, 3)} G`;
  if (count >= 1e6) return `${number(count / 1e6, 3)} M`;
  return count >= 1e4 ? `${number(count / 1e3, 3)} k` : String(count);
}
