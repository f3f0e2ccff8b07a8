/** Values to colours. Blue is negative, red is positive, zero is the paper. */

const STEPS = 512;

/** @typedef {[number, number, number]} Rgb */
/** @typedef {{low: number, high: number, table: Uint32Array, stops: string[]}} Scale */

/** @type {Record<string, {negative: Rgb[], zero: Rgb, positive: Rgb[]}>} */
const SIGNED = {
  light: {
    negative: [[8, 40, 92], [33, 102, 172], [123, 174, 216]],
    zero: [251, 251, 250],
    positive: [[238, 150, 128], [178, 24, 43], [94, 6, 28]],
  },
  dark: {
    negative: [[176, 214, 255], [92, 167, 255], [38, 84, 140]],
    zero: [22, 23, 25],
    positive: [[140, 52, 46], [255, 110, 90], [255, 200, 186]],
  },
};

/** Viridis at equal steps, as the server has it. Source: Smith, van der Walt and Firing, 2015, CC0. */
const VIRIDIS_HEX =
  '44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e8a' +
  '3a538b38598c355e8d33638d31688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d' +
  '20928c1f978b1e9c891fa18821a58524aa8328ae802eb37c35b7793dbc7446c06f50c46a5ac864' +
  '65cb5e70cf577cd25089d54895d840a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725';

/** @type {Rgb[]} */
const VIRIDIS = (VIRIDIS_HEX.match(/.{6}/g) ?? []).map((colour) => {
  const number = parseInt(colour, 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
});
/** @type {Rgb[]} */
const GRAY = [[0, 0, 0], [255, 255, 255]];

/** @param {'auto' | 'signed' | 'gray' | 'viridis'} colors @param {number} least @param {boolean} dark */
function stopsOf(colors, least, dark) {
  if (colors === 'gray' || (colors === 'auto' && least >= 0)) return GRAY;
  if (colors === 'viridis') return VIRIDIS;
  const { negative, zero, positive } = SIGNED[dark ? 'dark' : 'light'];
  return [...negative, zero, ...positive];
}

/** @param {Rgb[]} stops @param {number} at 0 to 1 @returns {Rgb} */
function between(stops, at) {
  const place = at * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const part = place - index;
  const mix = (/** @type {number} */ c) =>
    Math.round(stops[index][c] * (1 - part) + stops[index + 1][c] * part);
  return [mix(0), mix(1), mix(2)];
}

/**
 * The scale for values between `least` and `most`; a signed one has zero in its middle.
 * @param {'auto' | 'signed' | 'gray' | 'viridis'} colors
 * @param {number} least
 * @param {number} most
 * @param {boolean} dark
 * @returns {Scale}
 */
export function scaleFor(colors, least, most, dark) {
  const stops = stopsOf(colors, least, dark);
  const reach = Math.max(Math.abs(least), Math.abs(most)) || 1;
  const signed = stops.length === 7;
  const [low, high] = signed ? [-reach, reach] : [least, most > least ? most : least + 1];
  const table = new Uint32Array(STEPS);
  for (let step = 0; step < STEPS; step += 1) {
    const [red, green, blue] = between(stops, step / (STEPS - 1));
    table[step] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian RGBA
  }
  return { low, high, table, stops: stops.map(([red, green, blue]) => `rgb(${red} ${green} ${blue})`) };
}

/** Not finite: a colour that no scale has. */
const NOT_FINITE = ((255 << 24) | (0xd9 << 16) | (0x00 << 8) | 0xd9) >>> 0;

/**
 * Colour a map.
 * @param {Pick<import('./live.js').Plane, 'values' | 'scale' | 'offset' | 'exact'>} plane
 * @param {Pick<Scale, 'low' | 'high' | 'table'>} scale
 * @param {Uint32Array} pixels one per cell
 */
export function colourInto({ values, scale: step, offset, exact }, { low, high, table }, pixels) {
  const factor = (STEPS - 1) / (high - low);
  const start = 0.5 - low * factor; // half a step rounds
  // Written out, for twelve million cells call no function each.
  if (exact) {
    for (let i = 0; i < values.length; i += 1) {
      const place = values[i] * factor + start;
      if (place >= 0 && place < STEPS) pixels[i] = table[place | 0];
      else if (!Number.isFinite(place)) pixels[i] = NOT_FINITE;
      else pixels[i] = table[place < 0 ? 0 : STEPS - 1];
    }
    return;
  }
  const codes = new Uint32Array(256); // every code's colour once, not every pixel's
  const known = { values: Float32Array.from(codes, (_, code) => offset + step * code), scale: 1, offset: 0, exact: true };
  colourInto(known, { low, high, table }, codes);
  for (let i = 0; i < values.length; i += 1) pixels[i] = codes[values[i]];
}

/** Black or white, whichever reads better on the colour of a value. @param {Scale} scale @param {number} value */
export function inkOn({ low, high, table }, value) {
  const place = Math.round(((value - low) / (high - low)) * (STEPS - 1));
  const pixel = Number.isFinite(place) ? table[Math.min(Math.max(place, 0), STEPS - 1)] : NOT_FINITE;
  const luma = 0.299 * (pixel & 255) + 0.587 * ((pixel >> 8) & 255) + 0.114 * ((pixel >> 16) & 255);
  return luma > 128 ? '#000' : '#fff';
}

const BINS = 256;
/** A sample of this many cells tells the distribution of a larger map. */
const SAMPLE = 1 << 19;

/** @typedef {{counts: Uint32Array, counted: number, low: number, high: number}} Histogram */

/** The distance of sampled cells: never a divisor of the columns, which would sample only some of them. @param {number} cells @param {number} cols */
function strideOf(cells, cols) {
  let stride = Math.ceil(cells / SAMPLE);
  while (stride > 1 && cols % stride === 0) stride += 1;
  return stride;
}

/**
 * Count the values of a map in equal bins between its extremes.
 * @param {import('./live.js').Plane} plane
 * @returns {Histogram}
 */
export function histogram({ values, cols, scale, offset, exact, stats }) {
  const counts = new Uint32Array(BINS);
  const low = exact ? (stats.min ?? 0) : offset;
  const high = exact ? (stats.max ?? 0) : offset + scale * 255;
  const stride = strideOf(values.length, cols);
  const counted = Math.ceil(values.length / stride);
  if (exact) {
    const factor = high > low ? (BINS - 1) / (high - low) : 0;
    for (let i = 0; i < values.length; i += stride) counts[Math.round((values[i] - low) * factor)] += 1;
  } else {
    for (let i = 0; i < values.length; i += stride) counts[values[i]] += 1;
  }
  return { counts, counted, low, high };
}

/**
 * The range that holds `percent` of the values nearest to zero (or to the least, where none is negative).
 * @param {import('./live.js').Plane} plane
 * @param {number} percent
 * @param {Histogram} [told] the plane's histogram, where it is known
 * @returns {[number, number]}
 */
export function clippedRange(plane, percent, told) {
  const { min, max } = plane.stats;
  if (min === null || max === null) return [0, 1];
  if (percent >= 100 || max <= min) return [min, max];
  const { counts, counted, low, high } = told ?? histogram(plane);
  const at = (/** @type {number} */ bin) => low + ((high - low) * bin) / (BINS - 1);
  const weighed = Array.from(counts, (count, bin) => ({ size: Math.abs(at(bin)), count }));
  weighed.sort((a, b) => a.size - b.size);
  let left = (counted * percent) / 100;
  const last = weighed.find(({ count }) => (left -= count) <= 0);
  // Where nearly all are zero, what matters is the rest.
  const few = !last || last.size <= (high - low) / (BINS - 1);
  const reach = few ? Math.max(Math.abs(min), Math.abs(max)) : last.size;
  return [Math.max(min, -reach), Math.min(max, reach)];
}
