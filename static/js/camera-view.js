/** The camera's preview in the place of the picture, with its shutter. */

import { html } from '../vendor/lit-html/lit-html.js';
import { closeCamera, hasCamera, openCamera, snapshot, stream } from './camera.js';

/** @typedef {(file: Blob | null) => void} Take what becomes of a picture */

/** @param {KeyboardEvent} event */
const onKey = (event) => event.key === 'Escape' && closeCamera();

/** On a phone the system's camera, on a desk this page's. @param {import('../vendor/lit-html/lit-html.js').TemplateResult} chooser of a file, which the system's camera makes */
export const cameraButton = (chooser) =>
  hasCamera() ? html`<button type="button" data-testid="open-camera" aria-pressed=${stream.value !== null} @click=${stream.value ? closeCamera : openCamera} @keydown=${onKey}>Camera</button>` : chooser;

/** @param {Take} take */
async function shoot(take) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector('.preview video'));
  const file = await snapshot(video);
  closeCamera();
  take(file);
}

/** @param {MediaStream} seen @param {Take} take */
export const preview = (seen, take) => html`<div class="frame preview" role="group" aria-label="Camera" @keydown=${onKey}>
  <video autoplay playsinline .muted=${true} .srcObject=${seen} aria-label="What the camera sees" data-testid="preview"></video>
  <div class="bar"><button type="button" class="shutter" data-testid="shutter" @click=${() => shoot(take)}>Take the picture</button
    ><button type="button" class="small" data-testid="close-camera" @click=${closeCamera}>Close</button></div>
</div>`;
