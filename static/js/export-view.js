/** Taking along what is shown: the link, files of the values, and the same computation in other languages. */

import { html } from '../vendor/lit-html/lit-html.js';
import { signal } from '../vendor/signals-core/signals-core.js';
import { Problem } from './api.js';
import { scale } from './focus.js';
import { currentLink } from './link.js';
import { keep } from './files.js';
import { menuView } from './menu-view.js';
import { currentQuestion, nameOf, saveAll, saveCsv, saveJson, saveNpy, savePicture, saveSpec } from './saving.js';
import { isOneDimensional } from './one-row.js';
import { lab, part } from './state.js';

/** @typedef {import('./snippets/index.js').Language} Language */

/** The text that could not be put on the clipboard. */
const command = signal('');
/** Why something could not be taken along. */
const refused = signal('');
/** What was just done. */
const done = signal('');
const DONE_MS = 2000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let forgetting;

/** @param {string} word */
function say(word) {
  clearTimeout(forgetting);
  done.value = word;
  forgetting = setTimeout(() => (done.value = ''), DONE_MS);
}

/** The server's colours that are nearest to those of the page. */
function rendering() {
  const { low, high, stops } = scale.value;
  const signed = stops.length > 2 && low === -high;
  if (part.colors === 'viridis') return { colormap: 'viridis', center: null };
  return signed ? { colormap: 'coolwarm', center: 0, clip: part.clip } : { colormap: 'gray', center: null };
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    command.value = '';
    say('Copied');
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    command.value = text; // no clipboard without a secure origin: the text can be selected
  }
}

/** Do something that the server takes part in, and say what goes wrong. @param {() => Promise<unknown> | void} act @param {string} word what is said when it is done */
async function attempt(act, word) {
  refused.value = '';
  try {
    await act();
    if (word) say(word);
  } catch (error) {
    if (error instanceof Problem) refused.value = error.message;
    else if (error instanceof TypeError) refused.value = 'The server does not answer; try again.';
    else throw error;
  }
}

/** The window sliding over the input, as far as it is drawn said on the button. */
async function saveGif() {
  const name = `${nameOf(lab.peek())}.gif`;
  const { slideGif } = await import('./gif/index.js');
  const blob = await slideGif((part) => (done.value = `GIF ${Math.round(100 * part)} %`));
  if (blob) keep(blob, name);
  else refused.value = 'There is nothing to slide over: no rows and columns, or a loss that is not of single cells.';
  done.value = '';
}

/** Fetched when the menu is about to be opened: few need them. */
const writers = () => import('./snippets/index.js');

/** @param {Language} language */
const copySnippet = (language) => () =>
  attempt(async () => {
    const { snippet } = await writers();
    const written = snippet(language, await currentQuestion(), rendering());
    if ('why' in written) refused.value = written.why;
    else await copy(written.text);
  }, '');

/** Why there is no snippet, by language, as the lab was when the menu was opened. */
const whys = signal(/** @type {Partial<Record<Language, string>>} */ ({}));
/** @type {import('./state.js').Lab | null} */
let learned = null;

/** Learn what has no snippet before the menu is read. */
async function learn() {
  if (learned === lab.peek()) return;
  learned = lab.peek();
  const { snippet } = await writers();
  try {
    const question = await currentQuestion();
    const written = (/** @type {Language} */ language) => snippet(language, question);
    const why = (/** @type {Language} */ language) => /** @type {{why?: string}} */ (written(language)).why;
    whys.value = { numpy: why('numpy'), pytorch: why('pytorch') };
  } catch (error) {
    learned = null;
    if (!(error instanceof Problem || error instanceof TypeError)) throw error; // said when something is chosen
  }
}

/** @returns {import('./menu-view.js').Item[]} */
const items = (all = part.mode === 'gradient' ? 'gradients' : 'layers') => [
  { title: 'Copy the link', says: 'It carries all of the lab.', testid: 'copy-link', act: () => copy(currentLink()) },
  { title: 'Copy as curl', says: 'Writes the numbers as NPZ, the map as PNG.', testid: 'copy-curl', act: copySnippet('curl') },
  { title: 'Copy as Python client', says: 'Asks this server.', testid: 'copy-client', act: copySnippet('client') },
  { title: 'Copy as NumPy', says: whys.value.numpy ?? 'Computes it by itself.', testid: 'copy-numpy', act: copySnippet('numpy') },
  { title: 'Copy as PyTorch', says: whys.value.pytorch ?? 'Computes it by itself.', testid: 'copy-pytorch', act: copySnippet('pytorch') },
  { title: 'Save the spec', says: part.layers.some(isOneDimensional) ? 'For convscope shapes, explain and gradcheck.' : 'Takes many pictures on the command line.', testid: 'save-spec', act: () => saveSpec(rendering()) },
  { title: 'Save the map as PNG', says: 'In these colours, one pixel a cell.', testid: 'save-png', act: savePicture },
  { title: 'Save the slide as GIF', says: 'Input, kernel and map, place by place.', testid: 'save-gif', act: () => attempt(saveGif, '') },
  { title: 'Save the map as NPY', testid: 'save-npy', act: () => attempt(saveNpy, 'Saved') },
  { title: 'Save the map as CSV', testid: 'save-csv', act: () => attempt(saveCsv, 'Saved') },
  { title: 'Save the map as JSON', testid: 'save-json', act: () => attempt(saveJson, 'Saved') },
  { title: `Save all ${all} as NPZ`, testid: 'save-npz', act: () => attempt(() => saveAll('npz'), 'Saved') },
  { title: `Save all ${all} as safetensors`, testid: 'save-safetensors', act: () => attempt(() => saveAll('safetensors'), 'Saved') },
];

export const exportMenu = () => html`<span @pointerover=${learn} @focusin=${learn}
  >${menuView({ id: 'exports', title: html`<span aria-live="polite">${done.value || 'Export'}</span>`, label: 'Export', testid: 'export', look: 'plain', items: items() })}</span
>`;

/** What could not be copied, to be selected by hand; or why there is nothing. */
export const commandView = () => {
  if (refused.value) return html`<p class="wrong" role="alert" data-testid="export-refused">${refused.value}</p>`;
  if (!command.value) return html``;
  return html`<textarea class="mono command" readonly rows="4" aria-label="To be copied" data-testid="command" .value=${command.value}></textarea>`;
};
