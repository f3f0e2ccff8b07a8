/** At which size a picture is computed: its own, or smaller, which large stacks need. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { countOf } from './format.js';
import { edit, part, picture, refusal, samples, shown } from './state.js';

/** Pixels of the longer side that are offered. */
const SIDES = [2048, 1024, 512];

/** The record of the picture or the sample in use. */
export function source() {
  const { input } = part;
  if (input.image) return picture.value?.id === input.image ? picture.value : null;
  return samples.value.find(({ name, kind }) => name === input.sample && kind === 'picture') ?? null;
}

/** Pixels of the longer side of the picture itself. */
function longest() {
  const about = source();
  return about ? Math.max(about.width, about.height) : 0;
}

/** @param {number | null} side null for the picture's own */
function setSide(side) {
  const { max_side: _, ...input } = part.input;
  edit({ input: side ? { ...input, max_side: side } : input, unit: null });
}

export function sizeControl() {
  const { max_side: now } = part.input;
  const sides = [...new Set([...SIDES, now ?? 0])].filter((side) => side > 0 && (side < longest() || side === now));
  if (sides.length === 0) return nothing;
  const choose = (/** @type {any} */ event) => setSide(Number(event.target.value) || null);
  return html`<label class="field"
    ><span>Computed at</span
    ><select data-testid="max-side" @change=${choose}>
      <option value="0" .selected=${!now}>full size</option>
      ${sides.sort((a, b) => b - a).map((side) => html`<option value=${side} .selected=${side === now}>${side} px</option>`)}
    </select></label
  >`;
}

/** @param {number} rows @param {number} cols */
const inWords = (rows, cols) => `${countOf(rows, 'row')} × ${countOf(cols, 'column')}`;

/** The size of the picture, and that at which it was computed. */
export function sizeText() {
  const about = source();
  if (!about) return '';
  const own = inWords(about.height, about.width);
  const { inputShape, of } = shown.value ?? {};
  if (of?.input !== part.input || inputShape?.length !== 4) return own;
  const computed = inWords(inputShape[2], inputShape[3]);
  return computed === own ? own : `${own}, computed at ${computed}`;
}

/** What a refused request may do instead: the largest size that needs no more than is allowed. */
export function smallerButton() {
  if (!refusal.value || part.input.array) return nothing;
  const { estimated, limit } = refusal.value;
  const now = Math.min(part.input.max_side ?? Infinity, longest());
  // The memory goes with the number of pixels.
  const side = SIDES.find((one) => one < now && estimated * (one / now) ** 2 <= limit) ?? SIDES.findLast((one) => one < now);
  return side ? html`<button type="button" data-testid="smaller" @click=${() => setSide(side)}>Compute at ${side} px</button>` : nothing;
}
