/** The picture: drop, paste, choose, samples; or a small matrix of numbers. */

import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { Problem, get, imageUrl, sampleUrl, upload } from './api.js';
import { idOf, sentence } from './field-view.js';
import { number } from './format.js';
import { parseMatrix } from './kernel.js';
import { receptiveField } from './pointing.js';
import { complain, edit, lab, limits, picture, samples, settle, shown } from './state.js';
import { signal } from '../vendor/signals-core/signals-core.js';

const SHOWN_SIDE = 1024;
const MEBIBYTE = 2 ** 20;
const PLACE = '/input';
const MOST_NUMBERS = 4096;
const busy = signal('');

/** Keep a picture on the server and show it. @param {File | Blob | null | undefined} file */
export async function take(file) {
  if (!file) return;
  const most = limits.value?.upload_bytes;
  if (most && file.size > most) {
    complain(PLACE, `This file has ${number(file.size / MEBIBYTE, 3)} MiB; a picture may have up to ${most / MEBIBYTE} MiB.`);
    return;
  }
  busy.value = 'Reading the picture…';
  try {
    const record = await upload(file);
    complain(PLACE, '');
    picture.value = record;
    edit({ input: { image: record.id, color: lab.value.input.color ?? 'gray' }, unit: null, channel: 0 });
  } catch (error) {
    if (error instanceof Problem) complain(PLACE, error.message);
    else complain(PLACE, 'The picture did not reach the server; the last one stays. Try again.');
  } finally {
    busy.value = '';
  }
}

/** Learn what a linked picture is. */
export async function learnPicture() {
  const { image } = lab.value.input;
  if (!image || picture.value?.id === image) return;
  try {
    picture.value = await get(`/images/${image}`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    complain(PLACE, 'The picture of this link is no longer kept by the server; choose it again.');
  }
}

/** Let a picture be dropped or pasted anywhere. */
export function acceptPictures() {
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  for (const end of ['dragleave', 'drop'])
    addEventListener(end, () => document.body.classList.remove('dropping'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    take(/** @type {DragEvent} */ (event).dataTransfer?.files[0]);
  });
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
  complain(PLACE, '');
  settle(PLACE);
  const color = lab.value.input.color ?? 'gray';
  const input = sample.kind === 'picture' ? { sample: name, color } : { array: asMatrix(sample.array) };
  edit({ input, unit: null, channel: 0 });
}

/** @param {any} array */
const asMatrix = (array) => (Array.isArray(array[0]) ? array : [array]);

/** The sample that an input came from. @param {any} input */
const isChosen = (input) => (/** @type {any} */ sample) =>
  sample.kind === 'picture'
    ? sample.name === input.sample
    : JSON.stringify(asMatrix(sample.array)) === JSON.stringify(input.array);

function sampleMenu() {
  const { input } = lab.value;
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
  const shape = shown.value?.inputShape;
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

/** @param {string} url */
const pictureFrame = (url) => html`<div class="frame picture"><img src=${url} alt="The input picture" data-testid="picture" />${overlay()}</div>`;

/** @param {number[][]} array */
function numbersFrame(array) {
  const text = array.map((row) => row.join(' ')).join('\n');
  const set = (/** @type {number[][]} */ matrix) => edit({ input: { array: matrix }, unit: null }, PLACE);
  return html`<label class="stacked"
    ><span>Numbers, a row a line</span>
    <textarea
      rows=${Math.min(array.length + 1, 12)}
      spellcheck="false"
      data-testid="numbers"
      aria-describedby=${idOf(PLACE)}
      .value=${text}
      @change=${(/** @type {any} */ event) => {
        const matrix = parseMatrix(event.target.value);
        if (matrix && matrix.flat().length <= MOST_NUMBERS) {
          complain(PLACE, '');
          set(matrix);
        } else {
          complain(PLACE, `Rows of decimal numbers are needed, all of one length, ${MOST_NUMBERS} numbers at most; the last good ones stay in use.`);
        }
      }}
    ></textarea>
  </label>`;
}

function about() {
  const { input } = lab.value;
  const record = picture.value;
  if (input.image && record?.id === input.image) {
    const done = record.conversions.length ? `; ${record.conversions.join(', ')}` : '';
    return `${record.width} × ${record.height}, ${record.format}${done}`;
  }
  const sample = samples.value.find(({ name }) => name === input.sample);
  return sample ? `${sample.width} × ${sample.height}, ${sample.source}, ${sample.licence}` : '';
}

export function inputView() {
  const { input } = lab.value;
  const url = input.image ? imageUrl(input.image, SHOWN_SIDE) : input.sample ? sampleUrl(input.sample) : '';
  const setColor = (/** @type {'gray' | 'rgb'} */ color) =>
    edit({ input: { ...input, color }, channel: 0, unit: null });
  return html`<div class="bar">
      <h2>Input</h2>
      ${input.array
        ? nothing
        : html`<div class="seg" role="group" aria-label="Colour of the input">
            <button aria-pressed=${input.color === 'gray'} data-testid="gray" @click=${() => setColor('gray')}>Gray</button>
            <button aria-pressed=${input.color === 'rgb'} data-testid="rgb" @click=${() => setColor('rgb')}>RGB</button>
          </div>`}
    </div>
    ${input.array ? numbersFrame(input.array) : pictureFrame(url)}
    ${sentence(PLACE)}
    <small data-testid="about-input">${busy.value || about()}</small>
    <div class="bar wrap">
      <label class="button"
        >Choose a picture<input
          type="file"
          class="away"
          accept="image/png,image/jpeg,image/webp,image/gif,image/bmp,image/tiff"
          data-testid="file"
          @change=${(/** @type {any} */ event) => {
            take(event.target.files[0]);
            event.target.value = '';
          }}
      /></label>
      ${sampleMenu()}
    </div>
    <small class="wide">or drop or paste one anywhere; it goes to this server only</small>`;
}
