/** What can be done about something pinned that an edit has taken away. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { nearestToPin } from './pinned.js';
import { lostSentence, pinNearestToLost, unpin } from './pins.js';
import { edit } from './state.js';

export const pinButton = () => html`<button
    type="button"
    class="small"
    data-testid="pin-nearest"
    @click=${() => edit({ unit: nearestToPin() })}
  >Pin the nearest cell</button>
  <button type="button" class="small" @click=${() => edit({ unit: null })}>Unpin</button>`;

/** That the pinned pixel or weight has gone. */
export const lostLine = () =>
  lostSentence.value
    ? html`<small class="sees" role="status" data-testid="pin-lost"
        >${lostSentence.value}
        <button type="button" class="small" data-testid="pin-nearest-lost" @click=${pinNearestToLost}>Pin the nearest</button>
        <button type="button" class="small" @click=${unpin}>Unpin</button></small
      >`
    : nothing;
