/** Two states side by side: A, which was kept, and B, which is edited on. */

import { computed, signal } from '../vendor/signals-core/signals-core.js';
import { walk } from './slid.js';
import { edit, lab, part, shown } from './state.js';

/** @typedef {import('./state.js').Lab} Lab */
/** @typedef {import('./state.js').Kept} Kept */
/** @typedef {import('./live.js').Plane} Plane */

/** What of A is asked: its numbers, and which of them are in focus; layer and map are those of B. */
export const question = computed(() => {
  const { kept, mode, layer, channel, gradientAt } = part;
  return kept && JSON.stringify([kept, mode, layer, channel, gradientAt]);
});

/** What of A was computed: its map, or its gradient of the channel in focus; or why there is none. */
export const answer = signal(/** @type {{of: string, planes: Plane[], why: string}} */ ({ of: '', planes: [], why: '' }));

/** Whether A is shown as long as its key is held. */
export const held = signal(false);

/** Which of the two is shown, or their difference. */
export const comparing = computed(() => (!part.kept || walk.value ? 'b' : held.value ? 'a' : part.compare));

/** Whether what is shown of B is the map, or a gradient, that is asked for. */
const isAsked = computed(() => {
  const of = shown.value?.of;
  if (of?.mode !== part.mode) return false;
  return part.mode === 'gradient' || (of.layer === part.layer && of.channel === part.channel);
});

/** The plane of A that belongs to what is in focus. */
export const keptPlane = computed(() => {
  const { of, planes } = answer.value;
  if (of !== question.value || !isAsked.value) return null; // another one's
  return planes[0] ?? null;
});

/** Why there is no A to be seen. */
export const whyNoKept = computed(() => (answer.value.of === question.value ? answer.value.why : ''));

/** What A is of a state. @param {Lab} state @returns {Kept} */
const taken = ({ input, layers, loss, map, unit, region, target }) => ({ input, layers, loss, map, unit, region, target });

/** The state as it stands becomes A. */
export const keep = () => edit({ kept: taken(lab.value), compare: 'b' });
export const forgetKept = () => edit({ kept: null, compare: 'b' });

/** A is edited on, and what was edited becomes A. */
export function swap() {
  const { kept, layer } = lab.value;
  if (!kept) return;
  edit({ ...kept, kept: taken(lab.value), compare: 'b', pin: null, slice: [0, 0], layer: Math.min(layer, kept.layers.length - 1) });
}
