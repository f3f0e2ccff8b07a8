/** The camera of this computer: its stream while it is on, and a picture of what it sees. */

import { signal } from '../vendor/signals-core/signals-core.js';
import { complain } from './state.js';

const PLACE = '/input';
const STAYS = 'The last input stays.';
const QUALITY = 0.95;

/** What a person can do about a camera that does not come, by the name of the error. @type {Record<string, string>} */
const REASONS = {
  NotAllowedError: 'The browser keeps the camera from this page: allow it beside the address, then try again.',
  NotFoundError: 'This computer has no camera that the browser knows of.',
  NotReadableError: 'The camera is in use elsewhere, or does not start.',
};

/** The stream of the camera while it is on. */
export const stream = signal(/** @type {MediaStream | null} */ (null));

let wanted = false;

/** Whether pictures can be taken in the page; where a finger points, the system's own camera takes better ones. */
export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia) && matchMedia('(pointer: fine)').matches;

/** Ask the person for the camera, and show what it sees. */
export async function openCamera() {
  if (wanted) return; // the person is being asked
  wanted = true;
  complain(PLACE, '');
  try {
    const found = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, height: { ideal: 1080 } } });
    for (const track of found.getTracks()) track.addEventListener('ended', closeCamera);
    stream.value = found;
    if (!wanted) closeCamera(); // something else was chosen meanwhile
  } catch (error) {
    wanted = false;
    if (!(error instanceof DOMException)) throw error;
    complain(PLACE, `${REASONS[error.name] ?? `The camera does not start: ${error.message}.`} ${STAYS}`);
  }
}

export function closeCamera() {
  wanted = false;
  for (const track of stream.peek()?.getTracks() ?? []) track.stop();
  stream.value = null;
}

/** What the camera sees now, as a file. @param {HTMLVideoElement} video @returns {Promise<Blob | null>} */
export function snapshot(video) {
  const sheet = document.createElement('canvas');
  sheet.width = video.videoWidth;
  sheet.height = video.videoHeight;
  /** @type {CanvasRenderingContext2D} */ (sheet.getContext('2d')).drawImage(video, 0, 0);
  return new Promise((resolve) => sheet.toBlob(resolve, 'image/jpeg', QUALITY));
}
