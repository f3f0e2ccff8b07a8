/** Taking along what is shown: the link, the map as a picture, the command that computes it. */

import { html } from '../vendor/lit-html/lit-html.js';
import { signal } from '../vendor/signals-core/signals-core.js';
import { commandFor } from './api.js';
import { scale } from './focus.js';
import { toNetwork } from './layer-types.js';
import { currentLink } from './link.js';
import { menuView } from './menu-view.js';
import { lossOf } from './requests.js';
import { lab, part } from './state.js';

/** The text that could not be put on the clipboard. */
const command = signal('');
const copied = signal(false);
const COPIED_MS = 2000;

/** @param {import('./state.js').Lab} state */
function nameOf({ input, mode, layers, layer, channel }) {
  const source = input.sample ?? (input.image ? input.image.slice(0, 8) : 'numbers');
  const what = mode === 'gradient' ? `gradient-channel-${channel}` : `layer-${layer + 1}-${layers[layer].type}-map-${channel}`;
  return `${source}-${what}.png`;
}

function savePicture() {
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('focus'));
  canvas.toBlob((blob) => {
    if (!blob) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = nameOf(lab.value);
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

/** The server's colours that are nearest to those of the page. */
function rendering() {
  const { low, high, stops } = scale.value;
  const signed = stops.length > 2 && low === -high;
  if (part.colors === 'viridis') return { colormap: 'viridis', center: null };
  return signed ? { colormap: 'coolwarm', center: 0, clip: part.clip } : { colormap: 'gray', center: null };
}

/** The request of the focus map as a command that writes a picture. */
function currentCommand() {
  const state = lab.value;
  const body = { ...toNetwork(state), render: rendering() };
  if (state.mode === 'gradient')
    return commandFor('/backward', { ...body, loss: lossOf(state), return: { channels: [state.channel] } }, nameOf(state));
  const wanted = { layers: [state.layer], channels: [state.channel] };
  return commandFor('/forward', { ...body, return: wanted }, nameOf(state));
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    command.value = '';
    copied.value = true;
    setTimeout(() => (copied.value = false), COPIED_MS);
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    command.value = text; // no clipboard without a secure origin: the text can be selected
  }
}

/** @type {import('./menu-view.js').Item[]} */
const ITEMS = [
  {
    title: 'Copy the link',
    says: 'It carries all of the lab: input, layers and view.',
    testid: 'copy-link',
    act: () => copy(currentLink()),
  },
  {
    title: 'Save the map as PNG',
    says: 'In these colours, one pixel a cell.',
    testid: 'save-png',
    act: savePicture,
  },
  {
    title: 'Copy as curl',
    says: 'A command that asks the API for this map and writes a picture.',
    testid: 'copy-curl',
    act: () => copy(currentCommand()),
  },
];

export const exportMenu = () =>
  menuView({ id: 'exports', title: html`<span aria-live="polite">${copied.value ? 'Copied' : 'Export'}</span>`, label: 'Export', testid: 'export', look: 'plain', items: ITEMS });

/** What could not be copied, to be selected by hand. */
export const commandView = () =>
  command.value
    ? html`<textarea class="mono command" readonly rows="4" aria-label="To be copied" data-testid="command" .value=${command.value}></textarea>`
    : html``;
