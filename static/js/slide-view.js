/** The controls of the sliding window. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { lattice, slid, walk, whyNoSlide } from './slid.js';
import { SPEEDS, begin, end, goTo, speed, step, toggle } from './slide.js';
import { part } from './state.js';

/** @param {string} sign @param {string} label @param {string} testid @param {() => void} act @param {string | typeof nothing} keys @param {boolean} [off] */
const button = (sign, label, testid, act, keys = nothing, off = false) =>
  html`<button class="small" type="button" aria-label=${label} title=${label} aria-keyshortcuts=${keys} data-testid=${testid} ?disabled=${off} @click=${act}>${sign}</button>`;

/** Where the window stands. @param {number} at @param {number} count */
function place(at, count) {
  const unit = slid.value;
  if (!unit) return nothing;
  const what = part.mode === 'gradient' ? 'sent back' : 'made';
  return html`<small data-testid="slide-at"><span class="wide">row ${unit.row}, column ${unit.col} · </span>${at + 1} of ${count} ${what}</small>`;
}

export function slideView() {
  const now = walk.value;
  const count = lattice.value?.count ?? 0;
  if (!now || !count)
    return html`<button class="small" type="button" aria-label="Slide the window" title=${whyNoSlide.value || 'Slide the window over the input, cell by cell'} data-testid="slide" ?disabled=${!count} @click=${begin}><span class="word">Slide</span><span class="sign" aria-hidden="true">▶</span></button>`;
  const at = Math.max(0, Math.min(now.at, count - 1));
  return html`${button('|◀', 'First place', 'slide-first', () => goTo(0), nothing, at === 0)}
    ${button('◀', 'Step back', 'slide-back', () => step(-1), ',', at === 0)}
    ${button(now.playing ? 'Pause' : 'Play', now.playing ? 'Pause' : 'Play', 'slide-play', toggle, 'Space')}
    ${button('▶', 'Step on', 'slide-on', () => step(1), '.', at === count - 1)}
    <select class="speed" aria-label="Speed of the window" data-testid="slide-speed" @change=${(/** @type {any} */ event) => (speed.value = Number(event.target.value))}>
      ${SPEEDS.map((one) => html`<option value=${one} .selected=${one === speed.value}>${one} / s</option>`)}
    </select>
    ${place(at, count)} ${button('✕', 'End the slide', 'slide-end', end, 'Escape')}`;
}
