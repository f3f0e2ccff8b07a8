/** Feature maps and gradients: the focus map with its colour bar, and the gallery of all channels. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { exportView } from './export-view.js';
import { focusPlane, galleryPlanes } from './focus.js';
import { amount, number } from './format.js';
import { gradientControls, gradientNote } from './gradient-view.js';
import { edit, lab, look, shown, unplaced } from './state.js';
import { canEnlarge, enlarge, fit, reduce, zoomed } from './zoom.js';

function viewControls() {
  const { colors, scale, clip } = lab.value;
  const choice = (/** @type {import('./state.js').Lab['scale']} */ value, /** @type {string} */ title) =>
    html`<button aria-pressed=${scale === value} data-testid="scale-${value}" @click=${() => look({ scale: value })}>${title}</button>`;
  return html`<div class="bar wrap view">
    <select aria-label="Colours" data-testid="colors" @change=${(/** @type {any} */ event) => look({ colors: event.target.value })}>
      ${['auto', 'signed', 'gray', 'viridis'].map((name) => html`<option ?selected=${name === colors}>${name}</option>`)}
    </select>
    <div class="seg" role="group" aria-label="Scale of the colours">
      ${choice('map', 'This map')}${choice('layer', 'Layer')}${choice('network', 'Network')}
    </div>
    <select aria-label="Range of the colours" ?disabled=${scale !== 'map'} @change=${(/** @type {any} */ event) => look({ clip: Number(event.target.value) })}>
      ${[100, 99.5, 98, 95].map((one) => html`<option value=${one} ?selected=${one === clip}>${one === 100 ? 'full range' : `${one} % of cells`}</option>`)}
    </select>
  </div>`;
}

function statsLine() {
  const plane = focusPlane.value;
  if (!plane?.stats) return nothing;
  const { min, max, mean, std, nonfinite } = plane.stats;
  const bad = nonfinite ? html` · <b>${amount(nonfinite)} not finite</b>` : nothing;
  return html`<small class="stats" data-testid="stats"
    ><span class="away" data-testid="exact">${plane.exact ? 'exact' : 'eight bits'}</span>min ${number(min)} · max ${number(max)}<br />mean ${number(mean)} · std ${number(std)}${bad}</small
  >`;
}

/** Rows and columns of the map, and of what is drawn of it. */
function sizeLine() {
  const plane = focusPlane.value;
  if (!plane) return nothing;
  const [height, width] = plane.full;
  const reduced = plane.rows !== height || plane.cols !== width;
  return html`<small
    ><span data-testid="map-size">${height} × ${width}</span>${reduced
      ? html`, <span data-testid="reduced">reduced to ${plane.rows} × ${plane.cols}</span>`
      : nothing}</small
  >`;
}

function gallery() {
  const { channel, mode } = lab.value;
  const count = galleryPlanes.value.length;
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

const zoomControls = () => html`<div class="zoom" role="group" aria-label="Zoom">
  <button class="small" data-testid="zoom-in" aria-label="Enlarge" title="Enlarge (+)" ?disabled=${!canEnlarge.value} @click=${enlarge}>+</button
  ><button class="small" data-testid="zoom-out" aria-label="Reduce" title="Reduce (−)" ?disabled=${!zoomed.value} @click=${reduce}>−</button
  ><button class="small" data-testid="zoom-fit" title="Show the whole map (0)" ?disabled=${!zoomed.value} @click=${fit}>Fit</button>
</div>`;

export function mapsView() {
  const { mode, channel } = lab.value;
  const gradient = mode === 'gradient';
  const set = (/** @type {'forward' | 'gradient'} */ to) => edit({ mode: to, channel: 0 });
  return html`<div class="bar wrap">
      <h2 class="as-written">${gradient ? 'dL/dInput' : `Feature map ${channel}`}</h2>
      ${sizeLine()}
      <div class="seg" role="group" aria-label="What is shown">
        <button aria-pressed=${!gradient} data-testid="forward" @click=${() => set('forward')}>Forward</button>
        <button aria-pressed=${gradient} data-testid="gradient" @click=${() => set('gradient')}>Gradient</button>
      </div>
    </div>
    ${gradient ? gradientControls() : nothing}
    <div class="focus">
      <div class="frame map" id="frame" data-zoomed=${zoomed.value ? 'yes' : 'no'}></div>
      <div class="legend" aria-hidden="true"><span id="legend-high"></span><i id="legend-bar"></i><span id="legend-low"></span></div>
    </div>
    ${unplaced.value.map(({ detail }) => html`<p class="wrong" role="alert">${detail}</p>`)} ${gradientNote()}
    <div class="bar under-map"><canvas id="histogram" class="histogram" aria-hidden="true"></canvas>${statsLine()}${viewControls()}</div>
    ${gallery()}
    <div class="bar wrap">${zoomControls()} ${exportView()}</div>`;
}
