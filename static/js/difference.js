/** One map less another, cell by cell. */

/** @typedef {import('./live.js').Plane} Plane */

/** @param {Plane} one @param {Plane} other */
export const areAlike = (one, other) => one.full.every((side, axis) => side === other.full[axis]);

/** The value of a cell of the whole map; null where fewer cells are there. @param {Plane | null} plane @param {number} row @param {number} col */
export function valueAt(plane, row, col) {
  if (!plane || plane.rows !== plane.full[0] || plane.cols !== plane.full[1] || row >= plane.rows || col >= plane.cols) return null;
  return plane.offset + plane.scale * plane.values[row * plane.cols + col];
}

/** @param {Float32Array} values */
function statsOf(values) {
  let [min, max, sum, squares, count] = [Infinity, -Infinity, 0, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count += 1;
  }
  const mean = count ? sum / count : null;
  for (const value of values) if (Number.isFinite(value)) squares += (value - (mean ?? 0)) ** 2;
  return { min: count ? min : null, max: count ? max : null, mean, std: count ? Math.sqrt(squares / count) : null, nonfinite: values.length - count };
}

/** @param {Plane} left @param {Plane} right @returns {Plane | null} null where they have other cells */
export function minus(left, right) {
  if (!areAlike(left, right) || left.rows !== right.rows || left.cols !== right.cols) return null;
  const values = new Float32Array(left.values.length);
  for (let cell = 0; cell < values.length; cell += 1)
    values[cell] = left.offset + left.scale * left.values[cell] - (right.offset + right.scale * right.values[cell]);
  return { ...left, values, scale: 1, offset: 0, exact: left.exact && right.exact, stats: statsOf(values) };
}
