/** The pointed number, term by term: patch × kernel = products, their sum and the bias. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { effect } from '../vendor/signals-core/signals-core.js';
import { inWords } from './areas.js';
import { checkLine } from './check-view.js';
import { comparedLine } from './compare-view.js';
import { number } from './format.js';
import { valueFormula } from './formulas.js';
import { bankAxes } from './kernel-edit.js';
import { kernelSize } from './layer-types.js';
import { gradientLayer } from './loss.js';
import { pinLeft, pinSentence } from './pinned.js';
import { lostLine, pinButton } from './pin-view.js';
import { lostSentence, unpin } from './pins.js';
import { cell, isGradientOfMap, isPointing, lit, pixel, weight } from './pointing.js';
import { regionLine } from './loss-view.js';
import { isSentBack, sentBack, sentBackLine } from './sent-back-view.js';
import { byChannel, colsOf, grid, inputOf, weightOf } from './term-grid.js';
import { INPUT, shapeOf } from './tied.js';
import { isVector } from './vectors.js';
import { explanation, part, shown } from './state.js';

const FEWEST_ROWS = 3;
const USUAL_ROWS = 5;
const LARGEST_GRID = 7;
const MOST_GROUPS = 16;

/** @typedef {import('./term-grid.js').Term} Term */

/** @param {Term[]} terms */
function product(terms) {
  const [input, weight, cols] = [inputOf, weightOf, colsOf(terms)];
  const padding = terms.map((term) => term.padding);
  const backward = input(terms[0]).name === 'upstream';
  const { name } = weight(terms[0]);
  return html`${grid(terms.map((term) => input(term).value), cols, padding, backward ? 'dL/dMap' : 'patch', backward)}
    <div class="factor"><span class="op">×</span>${grid(terms.map((term) => weight(term).value), cols, padding, backward && name === 'kernel' ? 'weights that meet it' : name, true)}</div>
    <div class="factor"><span class="op">=</span>${grid(terms.map((term) => term.product), cols, padding, 'products', true)}</div>`;
}

/** @param {any} told */
function terms(told) {
  if (told?.count && told.of.endsWith('.output')) return html`<p class="dim">${told.count} products input × weight, one for each cell of what comes in.</p>`;
  if (told?.count) return html`<p class="dim">${told.count} products dL/dMap × input, one for each cell of the map that the weight makes.</p>`;
  if (told?.of?.endsWith('.gradient') && !told.terms) return html`<p class="dim">The loss grows by this number for each unit that the cell of the map grows.</p>`;
  if (!told?.terms) return nothing;
  if (isSentBack(told)) return sentBack(told);
  const groups = byChannel(told.terms);
  const rows = new Set(told.terms.map((/** @type {Term} */ t) => inputOf(t).position.at(-2)));
  const fits = rows.size <= LARGEST_GRID && told.terms.length / groups.length <= LARGEST_GRID ** 2;
  if (!fits || groups.length > MOST_GROUPS)
    return html`<p class="dim">${told.terms.length} products; the largest: ${[...told.terms]
      .sort((a, b) => Math.abs(b.product) - Math.abs(a.product))
      .slice(0, 4)
      .map((term) => `${number(term.left.value, 3)} · ${number(term.right.value, 3)}`)
      .join(', ')}</p>`;
  if (groups.length === 1) return html`<div class="product">${product(told.terms)}</div>`;
  let total = 0;
  return groups.map(([channel, group]) => {
    total = group.reduce((sum, term) => sum + term.product, total);
    return html`<div class="product">
      <small>${isGradientOfMap(told) ? 'map' : 'channel'} ${channel}</small>${product(group)}
      <small class="total">Σ so far <b>${number(total, 5)}</b></small>
    </div>`;
  });
}

/** Which number the terms make. @param {any} told */
function place({ of, layer, position: [first, channel, row = 0, col = 0] }) {
  const vector = isVector(shapeOf(layer)) && !of.endsWith('.kernel') && of !== 'input';
  const at = vector ? `feature ${channel}` : `row ${row} · column ${col}`;
  const { unit, pin, layers } = part;
  const held = (/** @type {string} */ kind) => (pin?.of === kind && pin.row === row && pin.col === col && pin.channel === channel ? ' · pinned' : '');
  if (of.endsWith('.kernel')) return `dL/dKernel · ${bankAxes(layer)[0]} ${first} · ${bankAxes(layer)[1]} ${channel} · ${at}${held('kernel')}`;
  if (of.endsWith('.gradient')) return `dL/dMap of layer ${layer + 1} · ${vector ? '' : `map ${channel} · `}${at}`;
  if (of === 'input') return `dL/dInput · channel ${channel} · ${at}${held('input')}`;
  if (!layers[layer]) return nothing;
  const pinned = unit !== null && unit.layer === layer && unit.row === row && unit.col === col && (!vector || unit.channel === channel);
  const formula = valueFormula(layers[layer], shown.value?.layers[layer]?.input_shape);
  return `${layers[layer].type}${formula ? `, ${formula}` : ''} · ${vector ? '' : `map ${channel} · `}${at}${pinned ? ' · pinned' : ''}`;
}

/** @param {any} told */
function sumLine(told) {
  if (told?.value === undefined) return nothing;
  const bias = told.bias === null || told.bias === undefined ? nothing : html`+ bias ${number(told.bias, 6)}`;
  const products = told.terms?.reduce((/** @type {number} */ sum, /** @type {Term} */ term) => sum + term.product, 0);
  return html`<div class="mono">${told.terms ? html`Σ <span data-testid="sum-of-products">${number(products, 6)}</span>` : nothing} ${bias}</div>
    <b data-testid="pointed-value">${number(told.value, 6)}</b>`;
}

/** What a cell of a deeper layer sees, layer by layer down to the picture. */
function fieldLine() {
  const from = cell.value?.layer ?? 0;
  if (explanation.value?.layer !== from || from === 0 || pixel.value || weight.value) return nothing;
  const seen = Array.from({ length: from }, (_, step) => from - 1 - step).flatMap((index) => {
    const area = lit.value.get(index);
    if (area && isVector(shapeOf(index))) return [`${area.rows * area.cols > 1 ? 'all features' : 'one feature'} of layer ${index + 1}`];
    return area ? [`${inWords(area)} of layer ${index + 1}`] : [];
  });
  const input = lit.value.get(INPUT);
  return input ? html`<small class="sees" data-testid="field">sees ${[...seen, `${inWords(input)} of the input`].join('; ')}</small>` : nothing;
}

/** What can be pointed at, and what is then written here. @param {[string, string][]} ways */
const waysView = (ways) => ways.map(([what, says]) => html`<span><b>${what}</b> ${says} </span>`);

/** @type {Record<'forward' | 'gradient' | 'inner', [string, string][]>} */
const WAYS = {
  forward: [
    ['Point at a cell of the map', 'for patch × kernel, term by term. By keyboard: focus the map and use the arrows.'],
    ['At a pixel of the input', 'for every cell that it touches.'],
    ['A click pins', 'what is pointed at, and it survives every edit.'],
  ],
  gradient: [
    ['Point at a pixel of dL/dInput', 'for the sum over every cell that it touches. By keyboard: focus it and use the arrows.'],
    ['At a weight of the kernel', 'for the sum over every place where it was used.'],
    ['A click', 'makes the cell above a pixel the loss.'],
  ],
  inner: [
    ['Point at a cell of dL/dMap', 'for the sum over every cell of the next layer that it touches. By keyboard: focus it and use the arrows.'],
    ['At a weight of the kernel', 'for the sum over every place where it was used.'],
    ['A click', 'makes the cell itself the loss.'],
  ],
};

export function arithmeticView() {
  const told = explanation.value;
  if (!isPointing.value && pinLeft.value && part.mode === 'forward')
    return html`<h2>Arithmetic</h2><p class="dim" role="status" data-testid="pin-note">${pinSentence.value} ${pinButton()}</p>`;
  if (!isPointing.value) {
    const notes = [lostLine(), regionLine()].filter((line) => line !== nothing);
    return html`<h2>Arithmetic</h2><p class=${notes.length ? 'dim' : 'dim ways'}>${notes.length ? notes : waysView(WAYS[part.mode === 'gradient' && gradientLayer(part) >= 0 ? 'inner' : part.mode])}</p>`;
  }
  return html`<h2>Arithmetic</h2>
    <div class="products" role="group" aria-label="Products" tabindex="0">${terms(told)}</div>
    <div class="sum" aria-live="polite" data-testid="arithmetic">
      ${told?.problem ? html`<p class="wrong">${told.problem}</p>` : nothing} ${sumLine(told)}
      <small>${told?.position ? place(told) : nothing}</small>
      ${lostLine()} ${sentBackLine(told)} ${comparedLine()} ${fieldLine()} ${checkLine()} ${regionLine()} ${part.pin && !lostSentence.value ? html`<button type="button" class="small" data-testid="unpin" @click=${unpin}>Unpin</button>` : nothing}
    </div>`;
}

/** Rows and columns of the patch that a layer may show. @param {import('./layer-types.js').Layer} layer @returns {number[]} */
function sidesOf({ kernel, size }) {
  if (!kernel) return [size ?? 1].flat();
  return kernelSize(kernel);
}

/** Rows of that patch, if it is written out: a large one is told in a sentence. @param {import('./layer-types.js').Layer} layer */
function rowsOf(layer) {
  const sides = sidesOf(layer);
  return sides.every((side) => side <= LARGEST_GRID) ? sides[0] : 0;
}

/** Reserve the height that a usual sum of this network takes, for the map not to move when one appears. @param {HTMLElement} place */
export function reserveRows(place) {
  effect(() => {
    const rows = Math.max(FEWEST_ROWS, ...part.layers.map(rowsOf));
    place.style.setProperty('--term-rows', String(Math.min(rows, USUAL_ROWS)));
  });
}
