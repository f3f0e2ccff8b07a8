/** One picture of the sliding window: the input with what the window sees, the kernel, and what it has made. */

import { inkOn } from '../colour.js';
import { number } from '../format.js';
import { after } from '../slid.js';

/** @typedef {import('../areas.js').Area} Area */
/** @typedef {{rows: number, cols: number, image: CanvasImageSource | null, gray: boolean, numbers: number[][] | null, channels: {row: number, rows: number} | null}} Source the input, as a picture or as its numbers; `channels`: those rows that the window sees, where rows are channels */
/**
 * @typedef {object} Moment
 * @property {Area} here the cells that the window makes
 * @property {Area | null} sees the cells of the input that it sees
 * @property {import('../live.js').Plane} plane what is shown of the output
 * @property {HTMLCanvasElement} painted the same in colours
 * @property {import('../colour.js').Scale} scale
 * @property {boolean} fills whether cells after `here` are still to come
 * @property {string} says
 */

/** Pixels of the frame. */
export const PANEL = 240;
export const GAP = 16;
const KERNEL = 96;
const LINE = 30;
export const WIDTH = 2 * PANEL + KERNEL + 4 * GAP;
/** From this width on a cell has room for its value. */
const WIDE_CELL = 22;
const LEAST_MARK = 6;

/** Where a grid of cells stands in its panel. @param {number} rows @param {number} cols @param {number} x @param {number} width @param {number} height */
export function fit(rows, cols, x, width, height) {
  const cell = Math.min(width / cols, height / rows);
  return { cell, left: x + (width - cell * cols) / 2, top: GAP + (height - cell * rows) / 2 };
}

/** @param {CanvasRenderingContext2D} context @param {ReturnType<typeof fit>} box @param {Area} area @param {string} colour */
function mark(context, { cell, left, top }, { row, col, rows, cols }, colour) {
  const [width, height] = [cols * cell, rows * cell];
  // A cell of a photo would not be seen.
  const more = Math.max(0, LEAST_MARK - Math.min(width, height)) / 2;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(left + col * cell - more, top + row * cell - more, width + 2 * more, height + 2 * more);
}

/** @param {CanvasRenderingContext2D} context @param {ReturnType<typeof fit>} box @param {number} row @param {number} col @param {number} value @param {string} ink */
function write(context, { cell, left, top }, row, col, value, ink) {
  const text = number(value, 3);
  context.font = `${Math.min(13, cell * 0.4, (1.6 * cell) / text.length)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = ink;
  context.fillText(text, left + (col + 0.5) * cell, top + (row + 0.5) * cell);
}

/** @param {CanvasRenderingContext2D} context @param {ReturnType<typeof fit>} box @param {number[][]} numbers @param {{ink: string, line: string}} look */
function grid(context, box, numbers, { ink, line }) {
  context.strokeStyle = line;
  context.lineWidth = 1;
  numbers.forEach((values, row) =>
    values.forEach((value, col) => {
      context.strokeRect(box.left + col * box.cell, box.top + row * box.cell, box.cell, box.cell);
      if (box.cell >= WIDE_CELL / 2) write(context, box, row, col, value, ink);
    }),
  );
}

/** @param {CanvasRenderingContext2D} context @param {Source} source @param {Moment} moment @param {number} height @param {{ink: string, line: string, mark: string}} look */
function drawInput(context, { rows, cols, image, gray, numbers, channels }, { sees }, height, look) {
  const box = fit(rows, cols, GAP, PANEL, height);
  if (image) {
    context.filter = gray ? 'grayscale(1)' : 'none';
    context.drawImage(image, box.left, box.top, cols * box.cell, rows * box.cell);
    context.filter = 'none';
  } else if (numbers) grid(context, box, numbers, look);
  if (sees) mark(context, box, { ...sees, ...channels }, look.mark);
}

/** @param {CanvasRenderingContext2D} context @param {Moment} moment @param {number} height @param {{paper: string, mark: string}} look */
function drawOutput(context, { here, sees, plane, painted, scale, fills }, height, { paper, mark: colour }) {
  const { full: [rows, cols] } = plane;
  const box = fit(rows, cols, 3 * GAP + PANEL + KERNEL, PANEL, height);
  context.imageSmoothingEnabled = painted.width > cols * box.cell;
  context.drawImage(painted, box.left, box.top, cols * box.cell, rows * box.cell);
  if (box.cell >= WIDE_CELL && plane.rows === rows && plane.cols === cols)
    plane.values.forEach((value, at) => {
      const real = plane.offset + plane.scale * value;
      write(context, box, Math.floor(at / cols), at % cols, real, inkOn(scale, real));
    });
  context.fillStyle = paper;
  if (fills)
    for (const { row, col, rows: high, cols: wide } of after(here, rows, cols))
      context.fillRect(box.left + col * box.cell, box.top + row * box.cell, wide * box.cell + 1, high * box.cell + 1);
  // On a gradient lights up what it is added to.
  if (fills || sees) mark(context, box, fills ? here : /** @type {Area} */ (sees), colour);
}

/** Rows of pixels for panels as high as the higher of both needs. @param {Source} source @param {import('../live.js').Plane} plane */
export const panelHeight = ({ rows, cols }, { full }) => Math.ceil(Math.min(PANEL, Math.max(rows * Math.min(PANEL / cols, PANEL / rows), full[0] * Math.min(PANEL / full[1], PANEL / full[0]))));

/** @param {Source} source @param {import('../live.js').Plane} plane */
export const frameHeight = (source, plane) => panelHeight(source, plane) + 2 * GAP + LINE;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Source} source
 * @param {number[][] | null} kernel
 * @param {Moment} moment
 * @param {{ink: string, paper: string, line: string, mark: string}} look
 */
export function drawFrame(context, source, kernel, moment, look) {
  const { width, height: whole } = context.canvas;
  const height = panelHeight(source, moment.plane);
  context.fillStyle = look.paper;
  context.fillRect(0, 0, width, whole);
  drawInput(context, source, moment, height, look);
  if (kernel) grid(context, fit(kernel.length, kernel[0].length, 2 * GAP + PANEL, KERNEL, height), kernel, look);
  drawOutput(context, moment, height, look);
  context.fillStyle = look.ink;
  context.font = '13px system-ui, sans-serif';
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillText(moment.says, GAP, height + 2 * GAP + LINE / 2 - 4, width - 2 * GAP);
}
