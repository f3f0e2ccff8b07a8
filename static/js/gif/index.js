/** The sliding window as a moving picture. */

import { GIFEncoder, applyPalette, quantize } from '../../vendor/gifenc/gifenc.js';
import { accumulated } from '../accumulating.js';
import { oneCell } from '../areas.js';
import { ownPlane, scale } from '../focus.js';
import { number } from '../format.js';
import { matrixOf } from '../kernel-edit.js';
import { hasKernel, isBank, isRandom } from '../layer-types.js';
import { isSignal } from '../one-row.js';
import { paint } from '../painting.js';
import { lattice, latticeOf, placeOf } from '../slid.js';
import { lab, part, shown } from '../state.js';
import { INPUT, seenBy } from '../tied.js';
import { WIDTH, drawFrame, frameHeight } from './frame.js';

/** A moving picture has at most this many places along its longer side: few can be looked at. */
const MOST_PLACES = 12;
const DELAY_MS = 180;
const LAST_MS = 2000;
/** One of the 256 is kept for pixels that stay as they were. */
const COLOURS = 255;

/** The channels of a signal that make a map of a layer: its own alone, where no layer adds channels up; none where the input is no signal. @param {number} layer */
function channelsOf(layer) {
  const { input, layers, mode, channel } = part;
  if (!isSignal(input)) return null;
  const adds = layers.slice(0, layer + 1).some(({ type, kernel }) => /softmax|dense/.test(type) || isBank(kernel) || isRandom(kernel));
  return mode === 'gradient' || adds ? { row: 0, rows: /** @type {number[][]} */ (input.array).length } : { row: channel, rows: 1 };
}

/** @param {number} layer @returns {import('./frame.js').Source} */
function source(layer) {
  const { input } = part;
  const [rows, cols] = input.array ? [input.array.length, input.array[0].length] : (shown.value?.inputShape.slice(2) ?? [1, 1]);
  const image = input.array ? null : /** @type {HTMLImageElement | null} */ (document.querySelector('[data-testid=picture]'));
  return { rows, cols, image, gray: input.color === 'gray', numbers: input.array ?? null, channels: channelsOf(layer) };
}

/** The matrix that slides, where there is one to show. @param {number} layer */
const kernelOf = (layer) => (hasKernel(part.layers[layer]) && !isRandom(part.layers[layer].kernel) ? matrixOf(layer) : null);

function look() {
  const style = getComputedStyle(document.body);
  const [paper, ink] = [style.backgroundColor, style.color];
  return { paper, ink, line: getComputedStyle(/** @type {Element} */ (document.querySelector('header'))).borderBottomColor, mark: '#ffb938' };
}

/** What is shown of the output when the window stands at a place. @param {import('../areas.js').Area} here @param {import('../slid.js').Lattice} places @returns {Promise<import('../live.js').Plane>} */
async function planeAt(here, places) {
  const whole = /** @type {import('../live.js').Plane} */ (ownPlane.value);
  if (part.mode !== 'gradient') return whole;
  const state = lab.peek();
  const planes = (await accumulated(state, -1, here, places))?.input;
  const cells = planes?.[Math.min(state.channel, planes.length - 1)];
  return { ...whole, values: new Float32Array(whole.values.length), exact: true, scale: 1, offset: 0, ...cells };
}

/** @param {number} layer @param {import('../areas.js').Area} here @param {import('../live.js').Plane} plane */
function sentence(layer, { row, col }, plane) {
  if (part.mode === 'gradient') return `row ${row}, column ${col}: dL/dMap × kernel is added to what it has seen`;
  const whole = plane.rows === plane.full[0] && plane.cols === plane.full[1];
  const value = whole ? ` = ${number(plane.offset + plane.scale * plane.values[row * plane.cols + col], 5)}` : '';
  const { type, bias } = part.layers[layer];
  const made = hasKernel(part.layers[layer]) ? `Σ patch × kernel${bias ? ' + bias' : ''}` : type;
  return `row ${row}, column ${col}: ${made}${value}`;
}

/** The colours of the last frame, and those of the scale that a gradient has on its way. @param {Uint8ClampedArray} last @param {import('../colour.js').Scale} scale */
function paletteOf(last, { table }) {
  const all = new Uint8ClampedArray(last.length + table.byteLength);
  all.set(last);
  all.set(new Uint8ClampedArray(table.buffer), last.length);
  return quantize(all, COLOURS);
}

/** Let the page answer the hand. */
const breathe = () => new Promise((resolve) => setTimeout(resolve));

/**
 * Make the moving picture, frame by frame.
 * @param {(part: number) => void} tell how much of it is done
 * @returns {Promise<Blob | null>} null where there is nothing to slide over
 */
export async function slideGif(tell) {
  const layer = lattice.peek()?.layer ?? -1;
  const places = latticeOf(layer, shown.value?.layers[layer]?.output_shape, MOST_PLACES);
  const from = source(layer);
  if (!places || !ownPlane.value) return null;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [WIDTH, frameHeight(from, ownPlane.value)];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
  const painted = document.createElement('canvas');
  const [colours, kernel, now] = [look(), kernelOf(layer), scale.value];
  const draw = async (/** @type {number} */ at) => {
    const here = placeOf(places, at);
    const plane = await planeAt(here, places);
    paint(painted, plane, now);
    drawFrame(context, from, kernel, { here, sees: seenBy(oneCell(here), layer, INPUT), plane, painted, scale: now, fills: part.mode !== 'gradient', says: sentence(layer, here, plane) }, colours);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };
  const gif = GIFEncoder();
  const palette = paletteOf(await draw(places.count - 1), now);
  const stays = palette.length;
  palette.push([0, 0, 0]);
  /** @type {Uint8Array | null} */
  let before = null;
  for (let at = 0; at < places.count; at += 1) {
    const index = applyPalette(await draw(at), palette.slice(0, stays));
    const delay = at === places.count - 1 ? LAST_MS : DELAY_MS;
    const last = before;
    const news = last ? index.map((colour, pixel) => (colour === last[pixel] ? stays : colour)) : index;
    gif.writeFrame(news, canvas.width, canvas.height, { palette: last ? undefined : palette, delay, transparent: last !== null, transparentIndex: stays, dispose: 1 });
    before = index;
    tell((at + 1) / places.count);
    await breathe();
  }
  gif.finish();
  return new Blob([gif.bytes()], { type: 'image/gif' });
}
