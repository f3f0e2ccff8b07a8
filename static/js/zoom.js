/**
 * How large the focus map is drawn and which part of it stands in its frame.
 *
 * A way of looking, as scrolling is: neither undo nor the link carries it, for an undo after an edit must not move the map under the hand.
 */

import { computed, effect, signal } from '../vendor/signals-core/signals-core.js';
import { focusPlane } from './focus.js';

/** The widest a cell gets, in CSS pixels. */
const WIDEST_CELL = 96;
const STEP = 1.5;
const WHEEL_STEP = 1.0015;
const DRAG_PIXELS = 4;
/** A side of a thin map is drawn no shorter, in CSS pixels: its cells are then oblong. */
const LEAST_SIDE = 48;

/** CSS pixels of the frame. */
const frame = signal({ width: 0, height: 0 });
/** 1 shows the whole map; the centre is a part of its rows and columns, so that it suits every map. */
const view = signal({ zoom: 1, down: 0.5, across: 0.5 });

// Numbers first: a map as large as the last one is no news.
const rows = computed(() => focusPlane.value?.full[0] ?? 1);
const cols = computed(() => focusPlane.value?.full[1] ?? 1);
const full = computed(() => ({ rows: rows.value, cols: cols.value }));
/** CSS pixels of a cell where the whole map is shown. */
const fitting = computed(() => Math.min(frame.value.width / full.value.cols, frame.value.height / full.value.rows));
const mostZoom = computed(() => Math.max(1, WIDEST_CELL / (fitting.value || 1)));

/** CSS pixels of a side of the map. @param {number} cell @param {number} count of its cells @param {number} room */
const sideOf = (cell, count, room) => Math.max(cell * count, Math.min(LEAST_SIDE, room));

/** @param {number} size of the map @param {number} room @param {number} centre as a part of the map */
const startOf = (size, room, centre) =>
  size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, room / 2 - centre * size));

/** Where the map stands in its frame, in CSS pixels; `cell` is the side of one cell, `wide` and `tall` are its own sides where a thin map makes it oblong. */
export const box = computed(() => {
  const { rows, cols } = full.value;
  const { zoom, down, across } = view.value;
  const cell = fitting.value * Math.min(zoom, mostZoom.value);
  const width = sideOf(cell, cols, frame.value.width);
  const height = sideOf(cell, rows, frame.value.height);
  const left = startOf(width, frame.value.width, across);
  const top = startOf(height, frame.value.height, down);
  return { left, top, width, height, cell, wide: width / cols, tall: height / rows, rows, cols };
});

/** Pixels of the screen along the longer side of the whole map. */
export const drawnSide = () => Math.max(box.peek().width, box.peek().height) * devicePixelRatio;

export const zoomed = computed(() => Math.min(view.value.zoom, mostZoom.value) > 1);
export const canEnlarge = computed(() => view.value.zoom < mostZoom.value);

/** Cells that stand in the frame, in part at least. */
export const visible = computed(() => {
  const { left, top, wide, tall, rows, cols } = box.value;
  const within = (/** @type {number} */ at, /** @type {number} */ most) => Math.min(Math.max(at, 0), most);
  return {
    top: within(Math.floor(-top / tall), rows),
    left: within(Math.floor(-left / wide), cols),
    bottom: within(Math.ceil((frame.value.height - top) / tall), rows),
    right: within(Math.ceil((frame.value.width - left) / wide), cols),
  };
});

/** Bring a point of the map, given in CSS pixels of its box, to a place of the frame. @param {number} zoom @param {{down: number, across: number}} part @param {number} x @param {number} y */
function show(zoom, part, x, y) {
  const { width, height } = frame.value;
  const mapWidth = sideOf(fitting.value * zoom, full.value.cols, width);
  const mapHeight = sideOf(fitting.value * zoom, full.value.rows, height);
  const centre = (/** @type {number} */ at, /** @type {number} */ room, /** @type {number} */ size, /** @type {number} */ to) => {
    const half = Math.min(0.5, room / 2 / size);
    return Math.min(Math.max(at + (room / 2 - to) / size, half), 1 - half);
  };
  view.value = { zoom, down: centre(part.down, height, mapHeight, y), across: centre(part.across, width, mapWidth, x) };
}

/** @param {number} x @param {number} y of the frame */
const partAt = (x, y) => ({ down: (y - box.value.top) / box.value.height, across: (x - box.value.left) / box.value.width });

/** Enlarge around a place of the frame, its middle unless told. @param {number} factor @param {number} [x] @param {number} [y] */
function zoomBy(factor, x = frame.value.width / 2, y = frame.value.height / 2) {
  const now = Math.min(view.value.zoom, mostZoom.value);
  show(Math.min(Math.max(now * factor, 1), mostZoom.value), partAt(x, y), x, y);
}

export const enlarge = () => zoomBy(STEP);
export const reduce = () => zoomBy(1 / STEP);
export const fit = () => {
  view.value = { zoom: 1, down: 0.5, across: 0.5 };
};

/** Move the map under the frame. @param {number} right @param {number} down CSS pixels */
function pan(right, down) {
  const { width, height } = frame.value;
  show(Math.min(view.value.zoom, mostZoom.value), partAt(width / 2 - right, height / 2 - down), width / 2, height / 2);
}

/** Bring a cell into the frame if it is out of it. @param {number} row @param {number} col */
export function reveal(row, col) {
  const { top, left, bottom, right } = visible.value;
  const { rows, cols } = full.value;
  if (row >= top + 1 && row < bottom - 1 && col >= left + 1 && col < right - 1) return;
  const { width, height } = frame.value;
  show(Math.min(view.value.zoom, mostZoom.value), { down: (row + 0.5) / rows, across: (col + 0.5) / cols }, width / 2, height / 2);
}

/** How much of the frame's height and width an area takes that is zoomed to. */
const AREA_PART = 0.5;

/** Enlarge an area so that it stands amid the frame with as much again around it. @param {import('./areas.js').Area} area */
export function zoomTo({ row, col, rows, cols }) {
  const { width, height } = frame.value;
  const cell = AREA_PART * Math.min(width / cols, height / rows);
  const centre = { down: (row + rows / 2) / full.value.rows, across: (col + cols / 2) / full.value.cols };
  show(Math.min(Math.max(cell / fitting.value, 1), mostZoom.value), centre, width / 2, height / 2);
}

let moved = false;
/** Whether the last press was a drag, which is no click. */
export const wasDragged = () => moved;

/** @param {HTMLElement} element @param {WheelEvent} event */
function onWheel(element, event) {
  const grows = event.deltaY < 0;
  if (grows ? !canEnlarge.value : !zoomed.value) return; // the page may scroll
  event.preventDefault();
  const { left, top } = element.getBoundingClientRect();
  zoomBy(WHEEL_STEP ** -event.deltaY, event.clientX - left, event.clientY - top);
}

/** Drag with one pointer, pinch with two. @param {HTMLElement} element */
function followPointers(element) {
  /** @type {Map<number, {x: number, y: number}>} */
  const held = new Map();
  const middle = () => {
    const all = [...held.values()];
    const mean = (/** @type {'x' | 'y'} */ axis) => all.reduce((sum, place) => sum + place[axis], 0) / all.length;
    const [one, other = one] = all;
    return { x: mean('x'), y: mean('y'), apart: Math.hypot(one.x - other.x, one.y - other.y) };
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    if (held.size === 0) moved = false;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  element.addEventListener('pointermove', (event) => {
    const last = held.get(event.pointerId);
    if (!last) return;
    const far = Math.hypot(event.clientX - last.x, event.clientY - last.y) >= DRAG_PIXELS;
    if (!moved && ((!far && held.size === 1) || (!zoomed.value && held.size < 2))) return;
    moved = true;
    element.setPointerCapture(event.pointerId);
    const before = middle();
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = middle();
    pan(now.x - before.x, now.y - before.y);
    const { left, top } = element.getBoundingClientRect();
    if (before.apart && now.apart) zoomBy(now.apart / before.apart, now.x - left, now.y - top);
  });
  for (const end of ['pointerup', 'pointercancel'])
    element.addEventListener(end, (event) => held.delete(/** @type {PointerEvent} */ (event).pointerId));
}

/** @param {HTMLElement} element the frame of the focus map */
export function startZoom(element) {
  const observer = new ResizeObserver(() => {
    frame.value = { width: element.clientWidth, height: element.clientHeight };
  });
  observer.observe(element);
  effect(() => {
    element.dataset.zoomed = zoomed.value ? 'yes' : 'no';
    element.parentElement?.style.setProperty('--aspect', String(rows.value / cols.value));
  });
  element.addEventListener('wheel', (event) => onWheel(element, event), { passive: false });
  followPointers(element);
}
