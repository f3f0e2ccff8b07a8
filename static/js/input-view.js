/** The input: a picture that is dropped, pasted, chosen, taken or a sample; or a small matrix. */

import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { Problem, get, imageUrl, sampleUrl, upload } from './api.js';
import { closeCamera, stream } from './camera.js';
import { cameraButton, preview } from './camera-view.js';
import { sentenceAt } from './faults.js';
import { forgetUnder, sentence } from './field-view.js';
import { number } from './format.js';
import { sizeControl, sizeText, smallerButton, source } from './input-size.js';
import { takeMany } from './jobs.js';
import { asMatrix } from './kernel.js';
import { isSignal } from './one-row.js';
import { numbersView, startNumbers } from './numbers-view.js';
import { leavePicture, onPicture, onPictureKey, pinPicture } from './picture-pointing.js';
import { receptiveField } from './pointing.js';
import { away, complain, edit, lab, limits, part, picture, pointedInput, samples, shown } from './state.js';
import { computed, effect, signal, untracked } from '../vendor/signals-core/signals-core.js';

const SHOWN_SIDE = 1024;
const MEBIBYTE = 2 ** 20;
const PLACE = '/input';
const STAYS = 'The last input stays.';
export const ACCEPTED = 'image/png,image/jpeg,image/webp,image/gif,image/bmp,image/tiff';
const busy = signal('');
/** The address of a picture that did not come. */
const missing = signal('');

/** Ends with the next choice of an input: an answer that comes later must not replace it. */
let choice = new AbortController();

/** Another input is chosen: a picture that is still on its way is no longer wanted. */
function chooseAnew() {
  choice.abort();
  choice = new AbortController();
  busy.value = '';
  return choice.signal;
}

/** Keep a picture on the server and show it. @param {File | Blob | null | undefined} file */
export async function take(file) {
  if (!file) return;
  const signal = chooseAnew();
  const most = limits.value?.upload_bytes;
  if (most && file.size > most) {
    const [has, may] = [file.size, most].map((bytes) => number(bytes / MEBIBYTE, 3));
    return complain(PLACE, `This file has ${has} MiB; a picture may have up to ${may} MiB. ${STAYS}`);
  }
  if (file.size === 0) return complain(PLACE, `This file is empty. ${STAYS}`);
  busy.value = 'The picture goes to the server…';
  try {
    const record = await upload(file, signal);
    busy.value = '';
    complain(PLACE, '');
    picture.value = record;
    edit({ input: { image: record.id, color: lab.value.input.color ?? 'gray' }, unit: null, channel: 0 });
  } catch (error) {
    if (signal.aborted) return;
    busy.value = '';
    if (error instanceof Problem) complain(PLACE, `${error.message} ${STAYS}`);
    else if (error instanceof TypeError) complain(PLACE, `The picture did not reach the server; try again. ${STAYS}`);
    else throw error;
  }
}

/** What the input comes from, whatever is made of it. */
const origin = computed(() => part.input.image ?? part.input.sample ?? part.input.array);

/** Where an input is pointed at: one picture, or the grid of numbers. */
const place = computed(() => (part.input.array ? 'numbers' : origin.value));

/** Learn what a linked picture is. */
export async function learnPicture() {
  const { image } = part.input;
  if (!image || picture.value?.id === image) return;
  try {
    const record = await get(`/images/${image}`);
    if (image === part.input.image) picture.value = record;
  } catch (error) {
    if (error instanceof TypeError) return; // that the server does not answer is said beside the map
    if (!(error instanceof Problem)) throw error;
    if (image !== part.input.image) return;
    complain(PLACE, 'The picture of this link is no longer kept by the server; choose it again.');
  }
}

/** What else than pictures was dropped, in a sentence; '' where pictures were. @param {DataTransfer} dropped */
function unfit({ files, items }) {
  if (!files.length) return `What was dropped is no file; save the picture on this computer first, then drop its file. ${STAYS}`;
  const folder = [...items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
  return folder ? `A folder was dropped; drop the pictures in it instead. ${STAYS}` : '';
}

/** @param {DragEvent} event */
function onDrop(event) {
  const { dataTransfer: dropped, target } = event;
  const typed = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
  if (!dropped || (typed && !dropped.files.length)) return; // a text that is moved into a control
  event.preventDefault();
  const why = unfit(dropped);
  if (why) complain(PLACE, why);
  else if (dropped.files.length > 1) takeMany([...dropped.files]);
  else take(dropped.files[0]);
}

/** Let a picture be dropped or pasted anywhere; whatever else becomes the input, the later choice wins. */
export function acceptPictures() {
  effect(() => {
    origin.value;
    untracked(chooseAnew);
    untracked(closeCamera);
  });
  effect(() => {
    place.value;
    pointedInput.value = null; // what was under the hand goes without a word
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  for (const end of ['dragleave', 'drop'])
    addEventListener(end, () => document.body.classList.remove('dropping'));
  addEventListener('drop', onDrop);
  addEventListener('paste', (event) => {
    const files = /** @type {ClipboardEvent} */ (event).clipboardData?.files;
    if (files?.length) {
      event.preventDefault();
      take(files[0]);
    }
  });
}

/** @param {string} name */
function chooseSample(name) {
  const sample = samples.value.find((one) => one.name === name);
  if (!sample) return;
  forgetUnder(PLACE);
  const color = lab.value.input.color ?? 'gray';
  const signal = sample.shape?.length === 1 ? { signal: true } : {};
  const input = sample.kind === 'picture' ? { sample: name, color } : { array: asMatrix(sample.array), ...signal };
  edit({ input, unit: null, channel: 0 });
}

/** The sample that an input came from. @param {any} input */
const isChosen = (input) => (/** @type {any} */ sample) =>
  sample.kind === 'picture'
    ? sample.name === input.sample
    : JSON.stringify(asMatrix(sample.array)) === JSON.stringify(input.array);

function sampleMenu() {
  const { input } = part;
  const offered = samples.value.filter(({ kind, shape }) => kind === 'picture' || shape.length <= 2);
  const chosen = isChosen(input);
  return html`<select aria-label="Samples" data-testid="sample" @change=${(/** @type {any} */ e) => chooseSample(e.target.value)}>
    <option value="" ?selected=${!offered.some(chosen)}>Samples…</option>
    ${offered.map((sample) => html`<option value=${sample.name} ?selected=${chosen(sample)}>${sample.title}</option>`)}
  </select>`;
}

/** The cell under the hand, on the picture. */
function overlay() {
  const field = receptiveField.value;
  const shape = field && shown.value?.inputShape;
  if (!field || !shape || shape.length < 4) return nothing;
  const [rows, cols] = shape.slice(2);
  // A field of a few pixels would vanish on a large picture: a ring finds it.
  const ring = Math.max(rows, cols) / 40;
  return html`<svg class="over" viewBox="0 0 ${cols} ${rows}" preserveAspectRatio="none" aria-hidden="true">
    ${field.rows < ring
      ? svg`<circle cx=${field.col + field.cols / 2} cy=${field.row + field.rows / 2} r=${ring} vector-effect="non-scaling-stroke"></circle>`
      : nothing}
    ${svg`<rect data-testid="receptive-field" x=${field.col} y=${field.row} width=${field.cols} height=${field.rows} vector-effect="non-scaling-stroke"></rect>`}
  </svg>`;
}

function alternative() {
  const about = source();
  const size = about ? `, ${about.width} pixels wide and ${about.height} high` : '';
  return `The input picture${about?.title ? `: ${about.title}` : ''}${size}`;
}

/** Width by height. */
function proportion() {
  const about = source();
  return about ? about.width / about.height : 1;
}

/** In place of a picture that did not come; the sentence below says why, where there is one. */
const noPicture = () => html`<div class="no-picture" data-testid="no-picture">
  <svg viewBox="0 0 48 36" aria-hidden="true"><rect x="1" y="1" width="46" height="34" rx="3"></rect><path d="M6 29 18 16l9 9 6-6 9 10M4 4l40 28"></path></svg>
  ${sentenceAt(PLACE) ? nothing : html`<p role="status">${away.value ? 'The picture comes when the server answers again.' : 'The picture did not come from the server; choose it again.'}</p>`}
</div>`;

/** @param {string} url */
const pictureFrame = (url) =>
  html`<div class="frame picture" .style=${`--wide:${proportion()}`} data-gray=${part.input.color === 'gray' ? '' : nothing} aria-busy=${busy.value !== ''}>
    <img
      src=${url}
      alt=${`${alternative()}; arrows point at a pixel, Enter pins it`}
      tabindex="0"
      data-testid="picture"
      ?hidden=${missing.value === url}
      @error=${() => (missing.value = url)}
      @load=${() => (missing.value = '')}
      @pointermove=${onPicture}
      @pointerdown=${onPicture}
      @pointerleave=${leavePicture}
      @click=${pinPicture}
      @keydown=${onPictureKey}
      @blur=${leavePicture}
    />${missing.value === url ? noPicture() : overlay()}
    ${busy.value ? html`<div class="progress"><progress aria-label=${busy.value}></progress></div>` : nothing}
  </div>`;

/** Where a sample comes from, by its name; an address is where the name leads. @param {{source: string, licence: string}} sample */
function credit({ source: from, licence }) {
  const [, name, address] = /^(?:(.+), )?(https:\S+)$/.exec(from) ?? [];
  const link = () => html`<a href=${address} target="_blank" rel="noreferrer">${name ?? new URL(address).hostname}</a>`;
  return html`${address ? link() : from}, ${licence}`;
}

function about() {
  const { input } = part;
  const record = source();
  if (!record) return '';
  const conversions = record.conversions ?? [];
  const gray = input.color === 'gray' && record.channels > 1 ? ['gray from ITU-R 601 luma'] : [];
  const told = [sizeText(), input.image ? record.format : credit(record), ...conversions, ...gray];
  return told.map((one, place) => html`${place ? ', ' : nothing}${one}`);
}

/** @param {any} event */
function onFile({ target }) {
  take(target.files[0]);
  target.value = ''; // so that the same file can be chosen again
}

const sources = () => html`<div class="bar wrap sources">
  <label class="button">Choose…<input type="file" class="away" accept=${ACCEPTED} aria-label="Choose a picture" data-testid="file" @change=${onFile} /></label>
  ${cameraButton(html`<label class="button camera"
    >Camera<input type="file" class="away" accept="image/*" capture="environment" aria-label="Take a picture" data-testid="camera" @change=${onFile}
  /></label>`)}
  ${sampleMenu()}
</div>`;

/** What was there before the other kind of input. @type {{picture: import('./state.js').Input, numbers: import('./state.js').Input}} */
const last = { picture: { sample: 'astronaut', color: 'gray' }, numbers: { array: startNumbers } };

/** @param {'picture' | 'numbers'} kind */
function switchTo(kind) {
  const { input } = lab.value;
  last[input.array ? 'numbers' : 'picture'] = input;
  forgetUnder(PLACE);
  edit({ input: last[kind], unit: null, channel: 0 });
}

/** How typed numbers are read. */
function readings() {
  const read = (/** @type {boolean} */ signal) => edit({ input: { array: part.input.array, ...(signal ? { signal } : {}) }, unit: null, channel: 0 });
  const choice = (/** @type {boolean} */ signal, /** @type {string} */ title, /** @type {string} */ says) =>
    html`<button aria-pressed=${isSignal(part.input) === signal} title=${says} data-testid="read-${title.toLowerCase()}" @click=${() => isSignal(part.input) === signal || read(signal)}>${title}</button>`;
  return html`<div class="seg" role="group" aria-label="How the numbers are read">
    ${choice(false, 'Matrix', 'One channel of rows and columns: windows slide over both.')}
    ${choice(true, 'Signal', 'Every row is a channel: windows slide along the rows, in one dimension.')}
  </div>`;
}

function choices() {
  const { input } = part;
  const numbers = Boolean(input.array);
  const setColor = (/** @type {'gray' | 'rgb'} */ color) => edit({ input: { ...input, color }, channel: 0 });
  const kind = html`<div class="seg" role="group" aria-label="Kind of input">
    <button aria-pressed=${!numbers} data-testid="kind-picture" @click=${() => numbers && switchTo('picture')}>Picture</button>
    <button aria-pressed=${numbers} data-testid="kind-numbers" @click=${() => numbers || switchTo('numbers')}>Numbers</button>
  </div>`;
  if (numbers) return html`${kind}${readings()}`;
  return html`${kind}
    <div class="seg" role="group" aria-label="Colour of the input">
      <button aria-pressed=${input.color === 'gray'} data-testid="gray" @click=${() => setColor('gray')}>Gray</button>
      <button aria-pressed=${input.color === 'rgb'} data-testid="rgb" @click=${() => setColor('rgb')}>RGB</button>
    </div>`;
}

export function inputView() {
  const { input } = part;
  const url = input.image ? imageUrl(input.image, SHOWN_SIDE) : input.sample ? sampleUrl(input.sample) : '';
  return html`<h2 class="away">Input</h2>
    <div class="bar spread">${choices()}</div>
    ${stream.value ? preview(stream.value, take) : input.array ? numbersView(input.array) : pictureFrame(url)} ${sentence(PLACE)} ${smallerButton()}
    <small class="about" data-testid="about-input" role="status">${busy.value || about()}</small>
    ${input.array ? nothing : sizeControl()}
    ${sources()}
    <small class="wide">or drop or paste a picture anywhere; it goes to this server only</small>`;
}
