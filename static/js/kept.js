/** Asking for what was kept as A, and showing it while its key is held. */

import { effect, untracked } from '../vendor/signals-core/signals-core.js';
import { Problem, describe } from './api.js';
import { answer, held, question } from './compare.js';
import { toNetwork } from './layer-types.js';
import { focusForward, focusGradient } from './requests.js';
import { lab, part } from './state.js';

/** @param {import('./state.js').Lab} state @param {AbortSignal} signal @returns {Promise<{planes: import('./live.js').Plane[], why: string}>} */
async function ask(state, signal) {
  const { layers, layer } = state;
  if (layer >= layers.length) return { planes: [], why: `A has no layer ${layer + 1}: it has ${layers.length}.` };
  try {
    const told = await describe('/shapes', toNetwork(state), signal);
    if (state.mode === 'gradient') return { planes: (await focusGradient(state, 'rest', signal, told)).gradient.input, why: '' };
    return { planes: [(await focusForward(state, 'rest', signal, told)).map], why: '' };
  } catch (error) {
    if (error instanceof Problem) return { planes: [], why: `A cannot be computed: ${error.message}` };
    if (error instanceof TypeError) return { planes: [], why: 'The server does not answer: there is no A yet.' };
    throw error;
  }
}

/** Ask for A whenever it, or what of it is in focus, changes. */
function followKept() {
  /** @type {AbortController | null} */
  let asking = null;
  effect(() => {
    const now = question.value;
    asking?.abort();
    if (!now) return;
    const { signal } = (asking = new AbortController());
    const state = untracked(() => ({ ...lab.value, ...lab.value.kept }));
    ask(state, signal).then(
      (found) => signal.aborted || (answer.value = { of: now, ...found }),
      (error) => signal.aborted || reportError(error),
    );
  });
}

/** Show A while its key is held. */
function followKey() {
  addEventListener('keydown', (event) => {
    const typing = /** @type {Element} */ (event.target).closest?.('input, textarea, select, [role=menu]');
    if (event.key === 'a' && part.kept && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) held.value = true;
  });
  addEventListener('keyup', ({ key }) => key === 'a' && (held.value = false));
  addEventListener('blur', () => (held.value = false));
}

export function startComparing() {
  followKept();
  followKey();
}
