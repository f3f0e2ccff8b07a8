/** Feature maps and gradients: the focus map with its colour bar, and the gallery of all channels. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { computed } from '../vendor/signals-core/signals-core.js';
import { comparedTitle } from './compare-view.js';
import { unplaced } from './faults.js';
import { focusPlane, galleryPlanes, isForeign, scale } from './focus.js';
import { amount, number } from './format.js';
import { isCurrent } from './live.js';
import { gradientLayer, lossMap } from './loss.js';
import { pinLeft } from './pinned.js';
import { choosing } from './region.js';
import { edit, faults, inView, lossChosen, part, pointed, shown, shownMode, waiting } from './state.js';
import { shapeOf } from './tied.js';
import { isVector, unitAtPlace } from './vectors.js';
import { canEnlarge, enlarge, fit, reduce, reveal, zoomed } from './zoom.js';

export function colourControls() {
  const { colors, scale: extent, clip } = part;
  const choice = (/** @type {import('./state.js').Lab['scale']} */ value, /** @type {string} */ title) =>
    html`<button aria-pressed=${extent === value} data-testid="scale-${value}" @click=${() => edit({ scale: value })}>${title}</button>`;
  const chooseClip = (/** @type {any} */ event) => edit({ clip: Number(event.target.value) });
  return html`<select aria-label="Colours" data-testid="colors" @change=${(/** @type {any} */ event) => edit({ colors: event.target.value })}>
      ${['auto', 'signed', 'gray', 'viridis'].map((name) => html`<option .selected=${name === colors}>${name}</option>`)}
    </select>
    <div class="seg" role="group" aria-label="Scale of the colours">
      ${choice('map', 'This map')}${choice('layer', 'Layer')}${choice('network', 'Network')}
    </div>
    <select aria-label="Range of the colours" ?disabled=${extent !== 'map'} @change=${chooseClip}>
      ${[100, 99.5, 98, 95].map((one) => html`<option value=${one} .selected=${one === clip}>${one === 100 ? 'full range' : `${one} % of cells`}</option>`)}
    </select>`;
}

/** How good the numbers are that are shown. @param {import('./live.js').Plane} plane */
function statusOf({ exact }) {
  if (!isCurrent.value) return faults.value.length ? 'of the last good answer' : 'being computed';
  return exact ? 'exact' : 'eight bits';
}

/** Where the least or the largest value of a map stands. @param {import('./live.js').Plane} plane @param {1 | -1} sign 1 for the largest */
function placeOfExtreme({ values, cols }, sign) {
  let [at, best] = [0, -Infinity];
  for (let place = 0; place < values.length; place += 1) {
    if (!(sign * values[place] > best)) continue;
    best = sign * values[place];
    at = place;
  }
  return { row: Math.floor(at / cols), col: at % cols };
}

/** Pin the cell or the pixel that holds an extreme, and bring it into the frame. @param {1 | -1} sign */
function goTo(sign) {
  const plane = focusPlane.value;
  if (!plane) return;
  const { layer, channel } = inView.value;
  const place = placeOfExtreme(plane, sign);
  reveal(place.row, place.col);
  const at = shownMode.value === 'gradient' ? gradientLayer(inView.value) : layer;
  if (at < 0) edit({ pin: { of: 'input', channel, ...place } });
  else if (shownMode.value === 'gradient') pointed.value = unitAtPlace(shapeOf(at), at, channel, place);
  else edit({ unit: unitAtPlace(shapeOf(at), at, channel, place), pin: null });
}

/** An extreme of the map, which leads to its cell once every cell is there exactly. @param {string} name @param {number} value @param {1 | -1} sign @param {boolean} off */
const extreme = (name, value, sign, off) =>
  html`${name} <button type="button" data-testid="go-${name}" title="Pin where it stands" aria-description="Pins where it stands" ?disabled=${off} @click=${() => goTo(sign)}>${number(value)}</button>`;

export function statsLine() {
  const plane = focusPlane.value;
  if (!plane?.stats) return html``;
  const { min, max, mean, std, nonfinite } = plane.stats;
  const bad = nonfinite ? html` · <b>${amount(nonfinite)} not finite</b>` : nothing;
  const off = !plane.exact || !isCurrent.value || isForeign.value || size.value !== drawn.value;
  return html`<span class="away" data-testid="exact">${statusOf(plane)}</span>${extreme('min', min, -1, off)} · ${extreme('max', max, 1, off)}<br />mean
    ${number(mean)} · std ${number(std)}${bad}${size.value === drawn.value ? nothing : html`<span class="narrow">reduced to ${drawn.value}</span>`}`;
}

/** Rows and columns of the map, and of what is drawn of it; equal texts are no news. */
const size = computed(() => focusPlane.value?.full.join(' × ') ?? '');
const drawn = computed(() => (focusPlane.value ? `${focusPlane.value.rows} × ${focusPlane.value.cols}` : ''));

const sizeLine = () =>
  html`<small
    >${size.value ? html`<span class="roomy">rows × columns: </span><span data-testid="map-size">${size.value}</span>` : nothing}${size.value === drawn.value
      ? nothing
      : html`<span class="roomy">, </span><span class="cramped" aria-hidden="true"> → </span><span data-testid="reduced"><span class="roomy">reduced to</span> ${drawn.value}</span>`}${waiting.value && !isCurrent.value
      ? html`<span class="roomy"> · being computed</span>`
      : nothing}</small
  >`;

const count = computed(() => galleryPlanes.value.length);

/** Bring a map into focus; a cell that is pinned in this layer is then that of the map. @param {number} index */
function chooseMap(index) {
  const { unit, layer, mode } = part;
  const moves = unit?.layer === layer && mode === 'forward';
  edit({ channel: index, unit: moves ? { ...unit, channel: index } : unit }, 'channel');
}

export function galleryView() {
  const { channel } = inView.value;
  if (count.value < 2) return html``;
  const what = shownMode.value === 'gradient' && gradientLayer(inView.value) < 0 ? 'input channel' : 'map';
  return html`${Array.from(
      { length: count.value },
      (_, index) => html`<button
        class="thumb"
        aria-pressed=${index === channel}
        aria-label="${what} ${index}"
        data-testid="thumb-${index}"
        @click=${() => chooseMap(index)}
      >
        <canvas data-thumb=${index} width="1" height="1"></canvas><small>${index}</small>
      </button>`,
    )}`;
}

const REGION_HINT = 'A drag over the map marks a region, whose sum can be the loss. Without this: drag with Shift, or Shift and arrows.';

export const zoomControls = () => html`<button class="small" data-testid="zoom-in" aria-label="Enlarge" title="Enlarge (+)" ?disabled=${!canEnlarge.value} @click=${enlarge}>+</button
  ><button class="small" data-testid="zoom-out" aria-label="Reduce" title="Reduce (−)" ?disabled=${!zoomed.value} @click=${reduce}>−</button
  ><button class="small" data-testid="zoom-fit" title="Show the whole map (0)" ?disabled=${!zoomed.value} @click=${fit}>Fit</button
  ><button class="small" data-testid="choose-region" aria-label="Drag a region" aria-pressed=${choosing.value} title=${REGION_HINT} @click=${() => (choosing.value = !choosing.value)}>▭</button>`;

/** The map that is shown, until it is there the one that is asked for. */
const channel = computed(() => shown.value?.of.channel ?? part.channel);

const mapTitle = () => isVector(shapeOf(inView.value.layer)) ? html`Features` : html`${part.kept ? nothing : html`<span class="roomy">Feature </span>`}map ${channel.value}`;

/** The gradient that is shown. */
const gradientTitle = () => {
  const at = gradientLayer(inView.value);
  return at < 0 ? 'dL/dInput' : html`dL/dMap <span class="roomy">of layer </span>${at + 1}`;
};

export const mapsHead = () =>
  html`<h2 class="as-written">${comparedTitle()}${shownMode.value === 'gradient' ? gradientTitle() : mapTitle()}</h2>${sizeLine()}`;

/** The loss that a gradient begins with: who has pinned a cell asks about it, unless they chose another, or compare with one. */
const usualLoss = () => (part.loss === 'sum' && part.unit && !pinLeft.value && !part.kept && !lossChosen.peek() ? 'unit' : part.loss);

/** The map that was chosen may be the loss, and is chosen again on the way back. @param {'forward' | 'gradient'} mode */
export function changeMode(mode) {
  if (mode === part.mode) return;
  edit(mode === 'gradient' ? { mode, channel: 0, map: part.channel, loss: usualLoss() } : { mode, channel: lossMap(part) });
}

export function modeButtons() {
  const button = (/** @type {'forward' | 'gradient'} */ mode, /** @type {string} */ title) =>
    html`<button aria-pressed=${part.mode === mode} data-testid=${mode} @click=${() => changeMode(mode)}>${title}</button>`;
  return html`${button('forward', 'Forward')}${button('gradient', 'Gradient')}`;
}

/** Where zero stands on the colour bar. */
export function legendZero() {
  const { low, high } = scale.value;
  if (low >= 0 || high <= 0) return html``;
  return html`<span .style=${`top:${(100 * high) / (high - low)}%`}>0</span>`;
}

/** What is wrong at no place that has a control. */
export const faultNotes = () => html`${unplaced.value.map((text) => html`<p class="wrong" role="alert">${text}</p>`)}`;
