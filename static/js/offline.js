/** The page without its server: a worker keeps it, and the page says that the server is away. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { away } from './state.js';

const WORKER = '/worker.js';

/** Have the page kept by the browser, once it has nothing better to do. */
export function startOffline() {
  const keep = () =>
    // Without it, as in private windows, the page needs its server to be loaded, and else lacks nothing.
    navigator.serviceWorker?.register(WORKER, { updateViaCache: 'none' }).catch(() => {});
  if (document.readyState === 'complete') keep();
  else addEventListener('load', keep, { once: true });
  effect(() => {
    if (!away.value) bringPictures();
  });
}

/** Load again the pictures that did not come while the server was away. */
function bringPictures() {
  for (const picture of document.images) if (picture.complete && picture.naturalWidth === 0) picture.src = picture.src;
}
