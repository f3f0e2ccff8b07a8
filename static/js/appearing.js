/** The page appears in one piece: what comes in the first moments would else push about what is there. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { faults, shown } from './state.js';

/** Longer than this nobody is to look at nothing. */
const MOST_MS = 500;

const reveal = () => (document.body.dataset.drawn = 'yes');

/** Show the page when its lists and its first map, or why there is none, are drawn. @param {Promise<void>} lists */
export function startAppearing(lists) {
  setTimeout(reveal, MOST_MS);
  lists.finally(() => {
    effect(() => {
      if (shown.value || faults.value.length) requestAnimationFrame(() => requestAnimationFrame(reveal));
    });
  });
}
