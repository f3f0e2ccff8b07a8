/** The page: wiring only. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { html } from '../vendor/lit-html/lit-html.js';
import { get } from './api.js';
import { drawWhenNeeded, startPainting } from './drawing.js';
import { acceptPictures, learnPicture } from './input-view.js';
import { followLink } from './link.js';
import { startLive } from './live.js';
import { PLACES } from './places.js';
import { startPointing } from './pointing.js';
import { startCards } from './stack-view.js';
import { canRedo, canUndo, limits, presets, redo, samples, undo } from './state.js';
import { dark, startTheme, toggleTheme } from './theme.js';
import { startZoom } from './zoom.js';

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const tools = () => html`<button class="plain" ?disabled=${!canUndo.value} @click=${undo} aria-keyshortcuts="Control+Z">Undo</button>
  <button class="plain" ?disabled=${!canRedo.value} @click=${redo} aria-keyshortcuts="Control+Shift+Z">Redo</button>
  <button class="plain" data-testid="theme" @click=${toggleTheme}>${dark.value ? 'Light' : 'Dark'}</button>`;

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
  for (const [id, view] of Object.entries({ tools, ...PLACES })) drawWhenNeeded(element(id), view);
  startZoom(element('frame'));
  startPainting();
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
