/** The loss of the gradient view: which one, of which map, cell, region or target. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { inWords, oneCell } from './areas.js';
import { sentence } from './field-view.js';
import { number } from './format.js';
import { gradientLayer, lossLayer, lossMap } from './loss.js';
import { pinLeft, region, regionSentence, toldSides } from './pinned.js';
import { clearRegion } from './region.js';
import { edit, lossChosen, part, shown, shownMode } from './state.js';
import { targetView } from './target-view.js';
import { seenBy, shapeOf } from './tied.js';
import { isVector, placeOfUnit } from './vectors.js';
import { zoomTo } from './zoom.js';

/** @typedef {import('./state.js').Lab['loss']} Loss */

/** @type {Record<Loss, string>} */
const LOSSES = {
  sum: 'sum of the maps',
  mean: 'mean of the maps',
  l2: 'half the sum of squares',
  channel: 'sum of one map',
  region: 'the dragged region',
  unit: 'the clicked cell',
  mse: 'mean square from a target',
};

/** @param {Loss} name */
const isMissing = (name) => (name === 'unit' && !part.unit) || (name === 'region' && !part.region);

/** @param {any} event */
function choose({ target }) {
  lossChosen.value = true;
  edit({ loss: target.value });
}

function menu() {
  return html`<label
    ><span>Loss</span
    ><select data-testid="loss" aria-label="Loss" @change=${choose}>
      ${/** @type {[Loss, string][]} */ (Object.entries(LOSSES)).map(
        ([name, title]) => html`<option value=${name} .selected=${name === part.loss} ?disabled=${isMissing(name)}>${title}</option>`,
      )}
    </select></label
  >`;
}

/** What a map of a layer is called. @param {number} layer */
const mapWord = (layer) => (isVector(shapeOf(layer)) ? 'feature' : 'map');

/** More are not listed: a click on one makes it the loss. */
const MOST_LISTED = 512;

/** The menu of maps, where one is the loss. */
function mapMenu() {
  const [maps] = toldSides(part.layer) ?? [1];
  const chosen = lossMap(part);
  if (part.loss !== 'channel' || maps < 2 || maps > MOST_LISTED) return nothing;
  return html`<select data-testid="loss-map" aria-label="Map that is the loss" @change=${(/** @type {any} */ event) => edit({ map: Number(event.target.value) })}>
    ${Array.from({ length: maps }, (_, map) => html`<option value=${map} .selected=${map === chosen}>${mapWord(part.layer)} ${map}</option>`)}
  </select>`;
}

/** At what the gradient is shown: at the input, or at the maps of a layer up to the loss. */
function gradientMenu() {
  const at = gradientLayer(part);
  const choose = (/** @type {any} */ event) => edit({ gradientAt: Number(event.target.value), channel: 0 });
  return html`<select data-testid="gradient-at" aria-label="Gradient that is shown" @change=${choose}>
    <option value="-1" .selected=${at < 0}>dL/dInput</option>
    ${Array.from({ length: lossLayer(part) + 1 }, (_, layer) => html`<option value=${layer} .selected=${at === layer}>dL/dMap ${layer + 1}</option>`)}
  </select>`;
}

/** The cell or the region that is the loss. */
function cellsOfLoss() {
  const { loss, unit } = part;
  if (loss === 'region') return region.value;
  return loss === 'unit' && unit && !pinLeft.value ? { ...unit, ...oneCell(placeOfUnit(shapeOf(unit.layer), unit)) } : null;
}

/** Where the loss looks. */
function place() {
  const { loss, layer } = part;
  const cells = cellsOfLoss();
  if (cells && isVector(shapeOf(cells.layer))) return `${cells.layer === layer ? '' : `layer ${cells.layer + 1}, `}feature ${cells.channel}`;
  if (cells) return `${cells.layer === layer ? '' : `layer ${cells.layer + 1}, `}map ${cells.channel}, ${inWords(cells)}`;
  return loss === 'channel' ? `${mapWord(layer)} ${lossMap(part)} of layer ${layer + 1}` : `over layer ${layer + 1}`;
}

/** Enlarges what the cell or the region that is the loss sees of the input, or of the maps in view. */
function zoomButton() {
  const cells = cellsOfLoss();
  const area = cells && seenBy(cells, cells.layer, gradientLayer(part));
  return area ? html`<button type="button" class="small" data-testid="zoom-to-it" @click=${() => zoomTo(area)}>Zoom to it</button>` : nothing;
}

const clear = () => html`<button type="button" class="small" data-testid="clear-region" @click=${clearRegion}>Clear</button>`;

/** The region that is marked, where maps are shown. */
export function regionLine() {
  const found = region.value;
  if (part.mode === 'gradient') return nothing;
  if (regionSentence.value) return html`<small class="region-line" role="status" data-testid="region">${regionSentence.value} ${clear()}</small>`;
  if (!found) return nothing;
  return html`<small class="region-line" role="status" data-testid="region">Region: map ${found.channel} of layer ${found.layer + 1}, ${inWords(found)}. Its sum is the loss of
    the gradient. ${clear()}</small>`;
}

/** How much of the picture below the gradient at the input is covered. */
const opacity = () => html`<label
  ><span title="of the gradient, over the picture">Opacity</span
  ><input type="range" min="0" max="1" step="0.05" aria-label="Opacity of the gradient" .value=${String(part.overlay)}
    @input=${(/** @type {any} */ event) => edit({ overlay: Number(event.target.value) }, 'overlay')}
/></label>`;

export function lossControls() {
  const { mode, loss } = part;
  if (mode !== 'gradient') return html``;
  return html`${gradientMenu()} ${menu()} ${mapMenu()}
    <small class="loss-value" data-testid="loss-value">
      ${shownMode.value === 'gradient' && shown.value?.gradient ? html`<span>L = <b>${number(shown.value.gradient.loss, 6)}</b></span>` : nothing}
      <span title=${place()}>${place()}</span> ${zoomButton()}
    </small>
    ${gradientLayer(part) < 0 && !part.input.array ? opacity() : nothing}
    ${loss === 'mse' ? targetView() : nothing} ${sentence('/loss')}`;
}
