/** What can be done about a pinned cell that has left its map. */

import { html } from '../vendor/lit-html/lit-html.js';
import { nearestToPin } from './pinned.js';
import { edit } from './state.js';

export const pinButton = () => html`<button
    type="button"
    class="small"
    data-testid="pin-nearest"
    @click=${() => edit({ unit: nearestToPin() })}
  >Pin the nearest cell</button>
  <button type="button" class="small" @click=${() => edit({ unit: null })}>Unpin</button>`;
