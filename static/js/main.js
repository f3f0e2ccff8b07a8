/** The page: wiring only. */

import { batch, effect } from '../vendor/signals-core/signals-core.js';
import { html } from '../vendor/lit-html/lit-html.js';
import { get } from './api.js';
import { startAppearing } from './appearing.js';
import { reserveRows } from './arithmetic-view.js';
import { startChecks } from './check.js';
import { keepButton } from './compare-view.js';
import { drawWhenNeeded, startPainting } from './drawing.js';
import { startDrawing } from './drawn-weights.js';
import { exportMenu } from './export-view.js';
import { acceptPictures, learnPicture } from './input-view.js';
import { refreshJobs } from './jobs.js';
import { jobsPanel } from './jobs-view.js';
import { asMatrix } from './kernel.js';
import { startComparing } from './kept.js';
import { followLink } from './link.js';
import { startLive } from './live.js';
import { startOffline } from './offline.js';
import { PLACES } from './places.js';
import { startPointing } from './pointing.js';
import { startSlide } from './slide.js';
import { startCards } from './stack-view.js';
import { canRedo, canUndo, limits, presets, redo, samples, undo } from './state.js';
import { dark, startTheme, toggleTheme } from './theme.js';
import { startZoom } from './zoom.js';

const AGAIN_MS = 2000;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} title @param {string} sign for narrow screens @param {string} keys @param {boolean} off @param {() => void} act */
const travelButton = (title, sign, keys, off, act) =>
  html`<button class="plain" aria-label=${title} title=${title} aria-keyshortcuts=${keys} ?disabled=${off} @click=${act}
    ><span class="wide">${title}</span><span class="narrow" aria-hidden="true">${sign}</span></button
  >`;

const tools = () => html`${travelButton('Undo', '↶', 'Control+Z', !canUndo.value, undo)}
  ${travelButton('Redo', '↷', 'Control+Shift+Z', !canRedo.value, redo)} ${keepButton()} ${exportMenu()} ${jobsPanel()}
  <button class="plain" data-testid="theme" @click=${toggleTheme}>${dark.value ? 'Light' : 'Dark'}</button>`;

/** @param {KeyboardEvent} event */
function onKey(event) {
  // A text has the browser's own undo; boxes and sliders have none.
  const typing = /** @type {Element} */ (event.target).matches('input[type=text], textarea');
  if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z') return;
  event.preventDefault();
  (event.shiftKey ? redo : undo)();
}

function start() {
  startTheme();
  followLink();
  startLive();
  for (const [id, view] of Object.entries({ tools, ...PLACES })) drawWhenNeeded(element(id), view);
  startZoom(element('frame'));
  reserveRows(element('arithmetic'));
  startPainting();
  effect(() => void learnPicture());
  startCards();
  startDrawing();
  acceptPictures();
  addEventListener('keydown', onKey);
  startPointing();
  startSlide();
  startChecks();
  startComparing();
  startAppearing(learnLists());
  refreshJobs();
  startOffline();
}

/** What the controls offer; a server that does not answer yet is asked again. */
async function learnLists() {
  try {
    const [legal, named, shipped] = await Promise.all([get('/limits'), get('/kernels'), get('/samples')]);
    batch(() => {
      limits.value = legal;
      presets.value = named.kernels.map((/** @type {any} */ preset) => ({ ...preset, matrix: asMatrix(preset.matrix) }));
      samples.value = shipped.samples;
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    setTimeout(learnLists, AGAIN_MS);
  }
}

start();
