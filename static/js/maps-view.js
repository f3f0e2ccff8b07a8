/** Feature maps and gradients: the focus map with its colour bar, and the gallery of all channels. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { imageUrl, sampleUrl } from './api.js';
import { amount, number } from './format.js';
import { cancel } from './live.js';
import { cell, cellAbove, receptiveField } from './pointing.js';
import { edit, lab, look, pointed, shown, unplaced, waiting } from './state.js';

const LOSSES = { sum: 'sum of the maps', mean: 'mean of the maps', l2: 'half the sum of squares', unit: 'the clicked cell' };

/** The plane that the focus canvas shows: the map, or the gradient at the input. */
export function focusPlane() {
  const answer = shown.value;
  if (!answer) return null;
  if (lab.value.mode === 'forward') return answer.map;
  return answer.gradient?.input[Math.min(lab.value.channel, answer.gradient.input.length - 1)] ?? null;
}

/** @param {PointerEvent | MouseEvent} event */
function placeOf(event) {
  const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
  const box = canvas.getBoundingClientRect();
  // `object-fit: contain` leaves margins on two sides.
  const zoom = Math.min(box.width / canvas.width, box.height / canvas.height);
  const col = Math.floor((event.clientX - box.left - (box.width - canvas.width * zoom) / 2) / zoom);
  const row = Math.floor((event.clientY - box.top - (box.height - canvas.height * zoom) / 2) / zoom);
  const inside = row >= 0 && col >= 0 && row < canvas.height && col < canvas.width;
  return inside ? { row, col, rows: canvas.height, cols: canvas.width } : null;
}

/** @param {{row: number, col: number, rows: number, cols: number} | null} place */
function unitAt(place) {
  if (!place) return null;
  const { layer, channel, mode } = lab.value;
  if (mode === 'forward') return { layer, channel, row: place.row, col: place.col };
  const [height, width] = shown.value?.inputShape.slice(2) ?? [place.rows, place.cols];
  const above = cellAbove(layer, (place.row * height) / place.rows, (place.col * width) / place.cols);
  const maps = shown.value?.layers[layer]?.output_shape[1] ?? 1;
  return above ? { layer, channel: Math.min(channel, maps - 1), ...above } : null;
}

/** @param {PointerEvent} event */
const onPoint = (event) => {
  pointed.value = unitAt(placeOf(event));
};

/** @param {MouseEvent} event */
function onPin(event) {
  const unit = unitAt(placeOf(event));
  if (!unit) return;
  const { unit: old } = lab.value;
  const again = old && old.row === unit.row && old.col === unit.col && old.layer === unit.layer;
  edit({ unit: again ? null : unit, loss: again && lab.value.loss === 'unit' ? 'sum' : lab.value.mode === 'gradient' ? 'unit' : lab.value.loss });
}

/** @param {KeyboardEvent} event */
function onCanvasKey(event) {
  /** @type {Record<string, [number, number]>} */
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const move = moves[event.key];
  const { layer, channel, unit } = lab.value;
  const shape = shown.value?.layers[layer]?.output_shape;
  if (!move || !shape || shape.length < 4) return;
  event.preventDefault();
  const [height, width] = shape.slice(2);
  const size = event.shiftKey ? 10 : 1;
  const from = unit?.layer === layer ? unit : { row: height >> 1, col: width >> 1 };
  const row = Math.min(Math.max(from.row + move[0] * size, 0), height - 1);
  const col = Math.min(Math.max(from.col + move[1] * size, 0), width - 1);
  pointed.value = null;
  edit({ unit: { layer, channel, row, col } }, 'unit');
}

/** The pointed cell on its map; in gradient mode, what it sees of the picture. */
function mark() {
  const plane = focusPlane();
  const unit = cell.value;
  const { mode, layer } = lab.value;
  if (!plane || !unit || (mode === 'forward' && unit.layer !== layer)) return nothing;
  const { rows, cols } = plane;
  const [height, width] = shown.value?.inputShape.slice(2) ?? [rows, cols];
  const seen = mode === 'forward' ? { ...unit, rows: 1, cols: 1 } : receptiveField.value;
  const across = mode === 'forward' ? 1 : cols / width;
  const down = mode === 'forward' ? 1 : rows / height;
  if (!seen) return nothing;
  return html`<svg class="over" viewBox="0 0 ${cols} ${rows}" aria-hidden="true">
    <rect x=${seen.col * across} y=${seen.row * down} width=${seen.cols * across} height=${seen.rows * down} vector-effect="non-scaling-stroke"></rect>
    <circle
      cx=${(seen.col + seen.cols / 2) * across}
      cy=${(seen.row + seen.rows / 2) * down}
      r=${Math.max(rows / 45, cols / 45, seen.rows * down, 1)}
      vector-effect="non-scaling-stroke"
    ></circle>
  </svg>`;
}

function gradientControls() {
  const { loss, unit, overlay, layer } = lab.value;
  return html`<div class="bar wrap">
    <label class="field"
      ><span>Loss</span
      ><select data-testid="loss" aria-label="Loss" @change=${(/** @type {any} */ event) => edit({ loss: event.target.value })}>
        ${Object.entries(LOSSES).map(
          ([name, title]) =>
            html`<option value=${name} ?selected=${name === loss} ?disabled=${name === 'unit' && !unit}>${title}</option>`,
        )}
      </select></label
    >
    <small data-testid="loss-value">
      ${shown.value?.gradient ? html`L = <b>${number(shown.value.gradient.loss, 6)}</b>` : nothing}
      ${loss === 'unit' && unit ? html`layer ${unit.layer + 1}, map ${unit.channel}, row ${unit.row}, column ${unit.col}` : html`over layer ${layer + 1}`}
    </small>
    <label class="field"
      ><span>Over the picture</span
      ><input type="range" min="0" max="1" step="0.05" aria-label="Opacity of the gradient" .value=${String(overlay)}
        @input=${(/** @type {any} */ event) => look({ overlay: Number(event.target.value) })}
    /></label>
  </div>`;
}

/** Why a gradient may be zero everywhere. */
function zeroReason() {
  const { gradient, of } = shown.value ?? {};
  if (lab.value.mode !== 'gradient' || of?.mode !== 'gradient' || !gradient) return nothing;
  if (gradient.input.some(({ stats }) => stats.min !== 0 || stats.max !== 0)) return nothing;
  const dead = lab.value.layers.slice(0, lab.value.layer + 1).findIndex(({ type }) => type === 'relu');
  const said =
    dead >= 0
      ? `Every path of this loss runs through units of layer ${dead + 1} (ReLU) that are off, or through weights of zero.`
      : 'The loss does not depend on the picture: the weights on every path add up to zero.';
  return html`<p class="note" role="status">The gradient is zero everywhere. ${said}</p>`;
}

function viewControls() {
  const { colors, scale, clip } = lab.value;
  const choice = (/** @type {'map' | 'layer'} */ value, /** @type {string} */ title) =>
    html`<button aria-pressed=${scale === value} @click=${() => look({ scale: value })}>${title}</button>`;
  return html`<div class="bar wrap view">
    <select aria-label="Colours" data-testid="colors" @change=${(/** @type {any} */ event) => look({ colors: event.target.value })}>
      ${['auto', 'signed', 'gray', 'viridis'].map((name) => html`<option ?selected=${name === colors}>${name}</option>`)}
    </select>
    <div class="seg" role="group" aria-label="Scale of the colours">${choice('map', 'This map')}${choice('layer', 'Layer')}</div>
    <select aria-label="Range of the colours" @change=${(/** @type {any} */ event) => look({ clip: Number(event.target.value) })}>
      ${[100, 99.5, 98, 95].map((one) => html`<option value=${one} ?selected=${one === clip}>${one === 100 ? 'full range' : `${one} % of cells`}</option>`)}
    </select>
  </div>`;
}

function statsLine() {
  const stats = focusPlane()?.stats;
  if (!stats) return nothing;
  const bad = stats.nonfinite ? html` · <b>${amount(stats.nonfinite)} not finite</b>` : nothing;
  const grade = focusPlane()?.exact ? 'exact' : 'eight bits';
  return html`<small class="stats" data-testid="stats"
    ><span class="away" data-testid="exact">${grade}</span>min ${number(stats.min)} · max ${number(stats.max)}<br />mean ${number(stats.mean)} · std ${number(stats.std)}${bad}</small
  >`;
}

function gallery() {
  const { layer, channel, mode } = lab.value;
  const count = mode === 'gradient' ? (shown.value?.gradient?.input.length ?? 0) : (shown.value?.thumbs[layer]?.length ?? 0);
  if (count < 2) return nothing;
  const what = mode === 'gradient' ? 'input channel' : 'map';
  return html`<div class="thumbs" role="group" aria-label="All channels">
    ${Array.from(
      { length: count },
      (_, index) => html`<button
        class="thumb"
        aria-pressed=${index === channel}
        aria-label="${what} ${index}"
        data-testid="thumb-${index}"
        @click=${() => edit({ channel: index, unit: lab.value.unit && { ...lab.value.unit, channel: index } }, 'channel')}
      >
        <canvas data-thumb=${index} width="1" height="1"></canvas><small>${index}</small>
      </button>`,
    )}
  </div>`;
}

function status() {
  if (waiting.value !== 'long') return nothing;
  return html`<div class="progress" role="status"><progress aria-label="Computing"></progress><button class="small" @click=${cancel}>Cancel</button></div>`;
}

export function mapsView() {
  const { mode, input, channel, layer, overlay } = lab.value;
  const gradient = mode === 'gradient';
  const set = (/** @type {'forward' | 'gradient'} */ to) => edit({ mode: to, channel: 0 });
  const url = input.image ? imageUrl(input.image, 1024) : input.sample ? sampleUrl(input.sample) : '';
  const shape = shown.value?.layers[layer]?.output_shape;
  return html`<div class="bar wrap">
      <h2>${gradient ? 'dL/dInput' : `Feature map ${channel}`}</h2>
      <small data-testid="map-size">${!gradient && shape?.length === 4 ? `${shape[2]} × ${shape[3]}` : nothing}</small>
      <div class="seg" role="group" aria-label="What is shown">
        <button aria-pressed=${!gradient} data-testid="forward" @click=${() => set('forward')}>Forward</button>
        <button aria-pressed=${gradient} data-testid="gradient" @click=${() => set('gradient')}>Gradient</button>
      </div>
    </div>
    ${gradient ? gradientControls() : nothing}
    <div class="focus">
      <div class="frame map">
        ${gradient && url ? html`<img class="under" src=${url} alt="" />` : nothing}
        <canvas
          id="focus"
          data-testid="focus"
          tabindex="0"
          role="img"
          width="1"
          height="1"
          aria-label=${gradient ? 'Gradient of the loss at the input' : `Feature map ${channel} of layer ${layer + 1}; arrows move the pinned cell`}
          .style=${gradient && url ? `opacity:${overlay}` : 'opacity:1'}
          @pointermove=${onPoint}
          @pointerleave=${() => (pointed.value = null)}
          @click=${onPin}
          @keydown=${onCanvasKey}
        ></canvas>
        ${mark()} ${status()}
      </div>
      <div class="legend" aria-hidden="true"><span id="legend-high"></span><i id="legend-bar"></i><span id="legend-zero"></span><span id="legend-low"></span></div>
    </div>
    ${unplaced.value.map(({ detail }) => html`<p class="wrong" role="alert">${detail}</p>`)} ${zeroReason()}
    <div class="bar under-map"><canvas id="histogram" class="histogram" aria-hidden="true"></canvas>${statsLine()}${viewControls()}</div>
    ${gallery()}`;
}

