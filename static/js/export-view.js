/** Taking a map along: as a picture, or as the command that computes it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { signal } from '../vendor/signals-core/signals-core.js';
import { commandFor } from './api.js';
import { toNetwork } from './layer-types.js';
import { lossOf } from './requests.js';
import { lab } from './state.js';

/** The command, where it could not be put on the clipboard. */
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

/** The request of the focus map as a command that writes a picture. */
function currentCommand() {
  const state = lab.value;
  if (state.mode === 'gradient')
    return commandFor('/backward', { ...toNetwork(state), loss: lossOf(state) }, nameOf(state));
  const wanted = { layers: [state.layer], channels: [state.channel] };
  return commandFor('/forward', { ...toNetwork(state), return: wanted }, nameOf(state));
}

async function copyCommand() {
  const text = currentCommand();
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

export const exportView = () => html`<button class="small" data-testid="save-png" @click=${savePicture}>Save as PNG</button>
    <button class="small" data-testid="copy-curl" aria-live="polite" @click=${copyCommand}>${copied.value ? 'Copied' : 'Copy as curl'}</button>
  ${command.value ? html`<textarea class="mono command" readonly rows="4" aria-label="The command" .value=${command.value}></textarea>` : nothing}`;
