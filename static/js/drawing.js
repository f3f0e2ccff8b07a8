/** Drawing the page: places follow what is known, the focus map is painted first. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { render } from '../vendor/lit-html/lit-html.js';
import { counts, extent, focusPlane, galleryPlanes, galleryScale, scale } from './focus.js';
import { signed } from './format.js';
import { answering } from './live.js';
import { paintedScale } from './see-through.js';
import { partial } from './slid.js';
import { lab } from './state.js';
import { dark } from './theme.js';
import { markPainted, paint, paintAlive, paintHistogram, thinned } from './painting.js';

const THUMB_SIDE = 96;
/** What can wait is painted when the focus map is on the screen. */
const LATER_MS = 30;
/** Places wait this long for the picture of an edit, which comes before them. */
const PICTURE_MS = 40;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Set<() => void>} */
const due = new Set();

function drawDue() {
  const tasks = [...due];
  due.clear();
  tasks.forEach((task) => task());
}

/** Draw now, or, where the picture of an edit is on its way, in the frame after it: drawing would hold it up. */
function drawSoon() {
  if (!answering.peek()) {
    requestAnimationFrame(drawDue);
    return;
  }
  const timer = setTimeout(drawDue, PICTURE_MS);
  const stop = effect(() => {
    if (answering.value) return;
    clearTimeout(timer);
    requestAnimationFrame(() => requestAnimationFrame(drawDue));
    queueMicrotask(() => stop());
  });
}

/** @param {() => void} task */
function inAFrame(task) {
  due.add(task);
  // When all that an edit sets off has begun, its request among it.
  if (due.size === 1) queueMicrotask(drawSoon);
}

/**
 * Draw a place of the page once a frame at most: the request of an edit goes out before any drawing.
 * @param {HTMLElement} place
 * @param {() => import('../vendor/lit-html/lit-html.js').TemplateResult} view
 */
export function drawWhenNeeded(place, view) {
  const draw = () => {
    let drawn = false;
    const stop = effect(() => {
      if (!drawn) {
        drawn = true;
        render(view(), place);
        return;
      }
      inAFrame(() => {
        stop();
        draw();
      });
    });
  };
  draw();
}

/** @type {import('./live.js').Plane | null} */
let marked = null;

async function paintFocus() {
  const plane = partial.value ?? focusPlane.value;
  const now = paintedScale.value;
  if (!plane) return;
  element('legend-bar').style.background = `linear-gradient(to top, ${now.stops.join(',')})`;
  element('legend-high').textContent = signed(now.high);
  element('legend-low').textContent = signed(now.low);
  const whole = await paintAlive(/** @type {HTMLCanvasElement} */ (element('focus')), plane, now);
  if (!whole || plane === marked || plane.edited === null) return;
  marked = plane;
  markPainted(plane.edited);
}

function paintThumbs() {
  const planes = galleryPlanes.peek();
  for (const canvas of /** @type {NodeListOf<HTMLCanvasElement>} */ (document.querySelectorAll('[data-thumb]'))) {
    const plane = planes[Number(canvas.dataset.thumb)];
    if (!plane) continue;
    const small = thinned(plane, THUMB_SIDE);
    paint(canvas, small, galleryScale(small));
  }
}

function paintCounts() {
  const canvas = /** @type {HTMLCanvasElement} */ (element('histogram'));
  if (counts.value) paintHistogram(canvas, counts.value, getComputedStyle(canvas).color);
}

/** @param {() => unknown} watched @param {() => void} task */
function paintLater(watched, task) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    watched();
    clearTimeout(timer);
    // In a frame, for the canvases of a new gallery to be there.
    timer = setTimeout(() => requestAnimationFrame(task), LATER_MS);
  });
}

/** Paint the canvases whenever what they show changes. */
export function startPainting() {
  effect(() => void paintFocus());
  paintLater(() => [counts.value, dark.value], paintCounts);
  paintLater(
    () => [galleryPlanes.value, lab.value.colors, lab.value.clip, dark.value, extent.value === 'map' || scale.value],
    paintThumbs,
  );
}
