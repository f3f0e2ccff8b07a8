/** Pointing at the picture itself: by hand, or with the arrows. */

import { isTransposed } from './layer-types.js';
import { pinPixel } from './pins.js';
import { part, pointedInput, shown } from './state.js';

const FAR = 10;
/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Rows and columns of the input; none before the first answer. @returns {number[] | null} */
const sides = () => (shown.value?.inputShape.length === 4 ? shown.value.inputShape.slice(2) : null);

/** @param {number} row @param {number} col */
function point(row, col) {
  const [rows, cols] = sides() ?? [0, 0];
  const within = row >= 0 && col >= 0 && row < rows && col < cols;
  // A gradient is shown of one channel; a map of this layer has all of them below it.
  const channel = part.mode === 'gradient' ? part.channel : part.slice[isTransposed(part.layers[part.layer]) ? 0 : 1];
  const most = (shown.value?.inputShape[1] ?? 1) - 1;
  pointedInput.value = within ? { channel: Math.min(channel, most), row, col } : null;
}

/** @param {PointerEvent} event */
export function onPicture({ currentTarget, clientX, clientY }) {
  const { left, top, width, height } = /** @type {Element} */ (currentTarget).getBoundingClientRect();
  const [rows, cols] = sides() ?? [0, 0];
  point(Math.floor(((clientY - top) / height) * rows), Math.floor(((clientX - left) / width) * cols));
}

/** Pin the pixel that is pointed at. */
export const pinPicture = () => void pinPixel(pointedInput.value);

export const leavePicture = () => {
  pointedInput.value = null;
};

/** @param {KeyboardEvent} event */
export function onPictureKey(event) {
  if (event.key === 'Enter') return pinPicture();
  const move = MOVES[event.key];
  const size = sides();
  if (!move || !size || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  event.preventDefault();
  const from = pointedInput.value ?? { row: size[0] >> 1, col: size[1] >> 1 };
  const step = event.shiftKey ? FAR : 1;
  const within = (/** @type {number} */ at, /** @type {number} */ most) => Math.min(Math.max(at, 0), most - 1);
  return point(within(from.row + move[0] * step, size[0]), within(from.col + move[1] * step, size[1]));
}
