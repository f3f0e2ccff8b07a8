/** What is awaited while something else is shown, and what a person can do where it does not come. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { gradientTitle } from './loss.js';
import { askAgain, cancel, cancelled } from './live.js';
import { changeMode } from './maps-view.js';
import { faults, part, shown, waiting } from './state.js';

/** What is shown of a state. @param {import('./state.js').Lab} state */
const pictureOf = (state) => (state.mode === 'forward' ? 'the feature map' : gradientTitle(state));
const MODES = { forward: 'Forward', gradient: 'Gradient' };

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
/** At the head of a sentence. @param {import('./state.js').Lab} state */
const subject = (state) => (state.mode === 'forward' ? capital(pictureOf(state)) : pictureOf(state));

const retry = () => html`<button type="button" class="small" data-testid="again" @click=${askAgain}>Retry</button>`;

/** That a map is shown where a gradient is asked for, or the other way round; nothing where it is what is asked for. */
export function awaitedNote() {
  const { mode } = part;
  const last = shown.value?.of;
  const there = last?.mode;
  if (there === mode || (!there && mode === 'forward')) return nothing;
  const failed = cancelled.value === 'answer' || faults.value.length > 0;
  const said = cancelled.value === 'answer' ? 'was not computed: it was cancelled' : failed ? 'could not be computed' : 'is being computed';
  const stays = !last ? '' : failed ? ` ${subject(last)} is still shown.` : ` Until it is there, ${pictureOf(last)} is shown.`;
  const back = there && html`<button type="button" class="small" data-testid="back" @click=${() => changeMode(there)}>Back to ${MODES[there]}</button>`;
  return html`<p class="note" role="status" data-testid="awaited">${subject(part)} ${said}.${stays} ${failed ? html`${retry()} ${back ?? nothing}` : nothing}</p>`;
}

/** What is under way, for how long, and a way out of it. @param {import('./state.js').Waiting} waiting */
function progress({ step, seconds }) {
  const what = pictureOf(part);
  const said = step === 'answer' ? `Computing ${what}` : `Getting every cell of ${what} exactly`;
  // The seconds are not spoken each time they change.
  return html`<div class="progress" data-testid="progress"><progress aria-label=${said}></progress><small role="status">${said}</small
    ><small role="timer" data-testid="elapsed">${seconds.toFixed(1)} s</small><button class="small" @click=${() => cancel(step)}>Cancel</button></div>`;
}

/** How the request of what is in focus goes, where it takes long or was given up. */
export function awaitedStatus() {
  const now = waiting.value;
  if (now?.seconds) return progress(now);
  if (cancelled.value === 'exact')
    return html`<div class="progress" role="status" data-testid="cancelled"><small>Cancelled: this has not every cell, or not exactly.</small> ${retry()}</div>`;
  if (!cancelled.value || shown.value?.of.mode !== part.mode) return nothing;
  return html`<div class="progress" role="status" data-testid="cancelled"><small>Cancelled: this is the last good answer.</small> ${retry()}</div>`;
}
