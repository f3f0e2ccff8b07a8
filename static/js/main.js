/** The page: wiring only. */

import { computed, effect } from '../vendor/signals-core/signals-core.js';
import { html, render } from '../vendor/lit-html/lit-html.js';
import { get } from './api.js';
import { arithmeticView } from './arithmetic-view.js';
import { clippedRange, scaleFor } from './colour.js';
import { signed } from './format.js';
import { acceptPictures, learnPicture } from './input-view.js';
import { followLink } from './link.js';
import { startLive } from './live.js';
import { focusPlane } from './maps-view.js';
import { markPainted, paint, paintHistogram } from './painting.js';
import { pageView } from './page-view.js';
import { startPointing } from './pointing.js';
import { startCards } from './stack-view.js';
import { canRedo, canUndo, lab, limits, presets, redo, samples, shown, undo } from './state.js';
import { dark, startTheme, toggleTheme } from './theme.js';

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const tools = () => html`<button class="plain" ?disabled=${!canUndo.value} @click=${undo} aria-keyshortcuts="Control+Z">Undo</button>
  <button class="plain" ?disabled=${!canRedo.value} @click=${redo} aria-keyshortcuts="Control+Shift+Z">Redo</button>
  <button class="plain" data-testid="theme" @click=${toggleTheme}>${dark.value ? 'Light' : 'Dark'}</button>`;

/** The colour scale of what is in focus: of this map, or of all maps of the layer. */
const scale = computed(() => {
  const plane = focusPlane();
  if (!plane) return null;
  const { colors, clip, scale: whole, mode, layer } = lab.value;
  let [least, most] = clippedRange(plane, clip);
  if (whole === 'layer') {
    const all = mode === 'gradient' ? shown.value?.gradient?.input.map(({ stats }) => stats) : shown.value?.layers[layer].stats;
    least = Math.min(...(all ?? []).map((/** @type {any} */ one) => one.min ?? 0));
    most = Math.max(...(all ?? []).map((/** @type {any} */ one) => one.max ?? 0));
  }
  const shade = mode === 'gradient' && colors === 'auto' ? 'signed' : colors;
  return scaleFor(shade, least, most, dark.value);
});

function paintFocus() {
  const plane = focusPlane();
  const now = scale.value;
  if (!plane || !now) return;
  paint(/** @type {HTMLCanvasElement} */ (element('focus')), plane, now);
  element('legend-bar').style.background = `linear-gradient(to top, ${now.stops.join(',')})`;
  element('legend-high').textContent = signed(now.high);
  element('legend-low').textContent = signed(now.low);
  markPainted('painted');
}

function paintThumbs() {
  const { mode, layer, colors } = lab.value;
  const planes = mode === 'gradient' ? shown.value?.gradient?.input : shown.value?.thumbs[layer];
  const shared = lab.value.scale === 'layer' ? scale.value : null;
  for (const canvas of /** @type {NodeListOf<HTMLCanvasElement>} */ (document.querySelectorAll('[data-thumb]'))) {
    const plane = planes?.[Number(canvas.dataset.thumb)];
    if (!plane) continue;
    const [least, most] = clippedRange(plane, lab.value.clip);
    paint(canvas, plane, shared ?? scaleFor(colors, least, most, dark.value));
  }
}

function paintCounts() {
  const plane = focusPlane();
  const canvas = /** @type {HTMLCanvasElement} */ (element('histogram'));
  if (plane) paintHistogram(canvas, plane, getComputedStyle(canvas).color);
}

/**
 * Draw a place of the page once a frame at most: the request of an edit goes out before the drawing.
 * @param {HTMLElement} place
 * @param {() => import('../vendor/lit-html/lit-html.js').TemplateResult} view
 */
function drawWhenNeeded(place, view) {
  let waits = false;
  /** @type {import('../vendor/lit-html/lit-html.js').TemplateResult} */
  let newest;
  effect(() => {
    newest = view();
    if (!place.dataset.drawn) {
      place.dataset.drawn = 'yes';
      render(newest, place);
    } else if (!waits) {
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        render(newest, place);
      });
    }
  });
}

/** @type {number} */
let waiting = 0;
/** Do what can wait until the map in focus is painted. @param {() => void} task */
function later(task) {
  clearTimeout(waiting);
  waiting = setTimeout(task, 30);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
  if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
  event.preventDefault();
  (event.shiftKey ? redo : undo)();
}

async function start() {
  startTheme();
  followLink();
  startLive();
  for (const [id, view] of Object.entries({ lab: pageView, tools, arithmetic: arithmeticView }))
    drawWhenNeeded(element(id), view);
  effect(paintFocus);
  effect(() => {
    shown.value;
    scale.value;
    later(() => {
      paintThumbs();
      paintCounts();
    });
  });
  effect(() => void learnPicture());
  startCards();
  acceptPictures();
  addEventListener('keydown', onKey);
  startPointing();
  limits.value = await get('/limits');
  presets.value = (await get('/kernels')).kernels;
  samples.value = (await get('/samples')).samples;
}

start();
