/** What the focus canvas shows, and its colours: each is computed anew only when its own data change. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { clippedRange, histogram, scaleFor } from './colour.js';
import { comparing, keptPlane } from './compare.js';
import { areAlike, minus } from './difference.js';
import { lab, shown, shownMode as mode } from './state.js';
import { dark } from './theme.js';

const colors = computed(() => lab.value.colors);
const clip = computed(() => lab.value.clip);
const layer = computed(() => lab.value.layer);
const channel = computed(() => lab.value.channel);

/** Whose extremes get the full colours. */
export const extent = computed(() => lab.value.scale);

const gradients = computed(() => shown.value?.gradient?.input ?? []);
const map = computed(() => shown.value?.map ?? null);

/** The plane of what is edited: the map, or the gradient at the input. */
export const ownPlane = computed(() => {
  if (mode.value === 'forward') return map.value;
  return gradients.value[Math.min(channel.value, gradients.value.length - 1)] ?? null;
});

/** What is edited less what was kept. */
const difference = computed(() => {
  if (comparing.value !== 'difference' || !ownPlane.value || !keptPlane.value) return null;
  return minus(ownPlane.value, keptPlane.value);
});

/** The plane that a comparison shows in place of what is edited, where there is one. */
const otherPlane = computed(() => (comparing.value === 'a' ? keptPlane.value : comparing.value === 'difference' ? difference.value : null));

/** The plane in focus: of what is edited, of what was kept, or their difference, as far as there is one. */
export const focusPlane = computed(() => otherPlane.value ?? ownPlane.value);

/** Which of the two it is, or their difference. */
export const compared = computed(() => (otherPlane.value ? comparing.value : 'b'));

/** Whether what is shown has other cells than what the hand would point at. */
export const isForeign = computed(() => Boolean(ownPlane.value && focusPlane.value && !areAlike(ownPlane.value, focusPlane.value)));

/** Why there is no difference to be seen; '' where there is. */
export const whyNoDifference = computed(() => {
  const [own, other] = [ownPlane.value, keptPlane.value];
  if (!own || !other || areAlike(own, other)) return '';
  return `There is no difference cell by cell: A has ${other.full.join(' × ')} cells, B has ${own.full.join(' × ')}.`;
});

/** The planes of the gallery. */
export const galleryPlanes = computed(() =>
  mode.value === 'gradient' ? gradients.value : (shown.value?.thumbs[layer.value] ?? []),
);

/** How often each value stands in the plane in focus. */
export const counts = computed(() => focusPlane.value && histogram(focusPlane.value));

/** Statistics of all planes that share a scale. @returns {any[]} */
function sharedStats() {
  if (mode.value === 'gradient') return gradients.value.map(({ stats }) => stats);
  const told = shown.value?.layers ?? [];
  return extent.value === 'network' ? told.flatMap(({ stats }) => stats ?? []) : (told[layer.value]?.stats ?? []);
}

/** The plane that shares the scale of the one in focus. */
const companion = computed(() => (comparing.value === 'a' ? ownPlane.value : comparing.value === 'b' ? keptPlane.value : null));

/** A range that holds that of the companion too: A and B have the same colours. @param {[number, number]} own @returns {[number, number]} */
function together([low, high]) {
  if (!companion.value) return [low, high];
  const [least, most] = clippedRange(companion.value, clip.value);
  return [Math.min(low, least), Math.max(high, most)];
}

const range = computed(() => {
  const plane = focusPlane.value;
  if (!plane || !counts.value) return [0, 1];
  if (extent.value === 'map' || difference.value) return together(clippedRange(plane, clip.value, counts.value));
  const all = sharedStats();
  return [Math.min(...all.map(({ min }) => min ?? 0)), Math.max(...all.map(({ max }) => max ?? 0))];
});
// Numbers, not the pair: an equal number is no news.
const least = computed(() => range.value[0]);
const most = computed(() => range.value[1]);

/** Whether any map of the network has negative values: all of them then speak in the same colours, those after a ReLU too. */
const hasNegative = computed(() => {
  const { layers = [], thumbs = [] } = shown.value ?? {};
  return [...layers.flatMap(({ stats }) => stats ?? []), ...thumbs.flat().map(({ stats }) => stats)].some(({ min }) => min !== null && min < 0);
});

/** The automatic colours of a map of this network. */
export const automatic = computed(() => (hasNegative.value ? 'signed' : 'auto'));

const shade = computed(() => {
  if (colors.value !== 'auto') return colors.value;
  return mode.value === 'gradient' || difference.value ? 'signed' : automatic.value;
});

/** The colours of the plane in focus. */
export const scale = computed(() => scaleFor(shade.value, least.value, most.value, dark.value));

/** The colours of one plane of the gallery. @param {import('./live.js').Plane} plane */
export function galleryScale(plane) {
  if (extent.value !== 'map') return scale.value;
  const [low, high] = clippedRange(plane, clip.value);
  return scaleFor(shade.value, low, high, dark.value);
}
