/** The stack of layers: add, remove, reorder, duplicate; each card shows what it gives. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { computed, effect } from '../vendor/signals-core/signals-core.js';
import { clippedRange, scaleFor } from './colour.js';
import { sentenceAt } from './faults.js';
import { sentence } from './field-view.js';
import { automatic } from './focus.js';
import { amount, shape } from './format.js';
import { LAYER_TYPES, isRandom, kernelSize } from './layer-types.js';
import { limitOf } from './limits.js';
import { axesIn, dimensionsOf, isOneDimensional, isSignal } from './one-row.js';
import { menuView } from './menu-view.js';
import { paint } from './painting.js';
import { lit } from './pointing.js';
import { edit, lab, part, setLayers, shapes, shown } from './state.js';
import { dark } from './theme.js';
import { shownSides } from './tied.js';

const CLIP = 99.5;
const PAINT_AFTER_MS = 40;

/** @param {any} layer */
function title(layer) {
  const { type, kernel, size } = layer;
  const sides = (/** @type {number[]} */ all) => (isOneDimensional(layer) ? all.slice(-1) : all).join('×');
  const { title: long, short: name = long } = LAYER_TYPES[type];
  if (!kernel) return size ? `${name} ${[size].flat().join('×')}` : name;
  return `${name} ${sides(kernelSize(kernel))}`;
}

/** Put the hand back, once the stack is drawn, on the button of the chosen card that it has pressed, or on the card where that has no use now. @param {string} name of the button */
function holdOn(name) {
  const { layers, layer } = lab.peek();
  const cards = document.querySelectorAll('#stack .layer');
  const isDrawn = cards.length === layers.length && cards[layer].hasAttribute('data-chosen');
  if (!isDrawn) return void requestAnimationFrame(() => holdOn(name));
  const button = cards[layer].querySelector(`[data-tool=${name}]:enabled`) ?? cards[layer].querySelector('.name');
  return /** @type {HTMLElement} */ (button).focus();
}

/** @param {number} index @param {number} to */
function move(index, to) {
  const layers = [...lab.value.layers];
  const [moved] = layers.splice(index, 1);
  layers.splice(to, 0, moved);
  setLayers(layers, to);
}

/** @param {number} index */
function tools(index) {
  const { layers } = part;
  const without = layers.filter((_, place) => place !== index);
  const twice = [...layers.slice(0, index + 1), layers[index], ...layers.slice(index + 1)];
  const tool = (/** @type {string} */ name, /** @type {string} */ sign, /** @type {string} */ label, /** @type {boolean} */ off, /** @type {() => void} */ act) => {
    const press = () => {
      act();
      holdOn(name);
    };
    return html`<button class="small" data-tool=${name} aria-label=${label} ?disabled=${off} @click=${press}>${sign}</button>`;
  };
  return html`<div class="bar tools" role="group" aria-label="Change the stack">
    ${tool('up', '↑', 'Move up', index === 0, () => move(index, index - 1))}
    ${tool('down', '↓', 'Move down', index === layers.length - 1, () => move(index, index + 1))}
    ${tool('twice', 'Duplicate', 'Duplicate', layers.length >= limitOf('layers'), () => setLayers(twice, index + 1))}
    ${tool('remove', 'Remove', 'Remove', layers.length === 1, () => setLayers(without, index - 1))}
  </div>`;
}

/** What the layer costs; an empty line until that is known, so that nothing below moves under the hand. @param {any} report */
const costs = (report) =>
  html`<small class="cost">${
    !report?.output_shape || report.parameters === undefined
      ? nothing
      : html`<span>${amount(report.parameters)} parameters</span> <span>${amount(report.multiply_adds)} multiply–adds</span>`
  }</small>`;

/** @param {any} layer @param {number} index */
function card(layer, index) {
  const report = shapes.value?.layers[index];
  const chosen = index === part.layer;
  const out = report?.output_shape;
  const wrong = sentenceAt(`/layers/${index}`) !== '';
  return html`<li class="layer" data-chosen=${chosen ? '' : nothing} data-wrong=${wrong ? '' : nothing}>
    <button
      class="plain name"
      data-testid="layer-${index}"
      aria-current=${chosen ? 'true' : 'false'}
      @click=${() => edit({ layer: index, channel: 0, slice: [0, 0] })}
    >
      <canvas data-card=${index} width="1" height="1" aria-hidden="true"></canvas>
      <svg class="over" data-tied=${index} aria-hidden="true"><rect vector-effect="non-scaling-stroke"></rect></svg>
      <span class="number">${index + 1}</span><b>${title(layer)}</b>
      <small>${out ? shape(axesIn(part, out)) : wrong ? 'not possible' : ''}${isRandom(layer.kernel) ? ', random' : nothing}</small>
    </button>
    ${chosen ? html`${costs(report)} ${tools(index)}` : sentence(`/layers/${index}`)}
  </li>`;
}

/** @param {string} type */
function add(type) {
  const { layers, layer } = lab.value;
  setLayers([...layers.slice(0, layer + 1), LAYER_TYPES[type].make(), ...layers.slice(layer + 1)], layer + 1);
}

const CHOICES = Object.entries(LAYER_TYPES).map(([type, { group, title, says }]) => ({
  type,
  group,
  title,
  says,
  testid: `add-${type}`,
  act: () => add(type),
}));

/** The types that can read the input: windows of one dimension slide over signals, of two over all else. */
const choices = () => CHOICES.filter(({ type }) => !dimensionsOf(type) || isOneDimensional({ type }) === isSignal(part.input));

export function stackView() {
  const { layers } = part;
  const full = layers.length >= limitOf('layers');
  return html`<div class="bar"><h2>Layers</h2><small>${part.layers.some(isOneDimensional) ? 'maps × length' : 'maps × rows × columns'}</small></div>
    <ol class="stack">
      ${layers.map(card)}
    </ol>
    ${menuView({
      id: 'layer-types',
      title: full ? `${layers.length} layers, the most there can be` : '+ Add a layer',
      label: 'Layers to add',
      testid: 'add-layer',
      look: 'add',
      off: full,
      items: choices(),
    })}`;
}

const thumbs = computed(() => shown.value?.thumbs);

function paintCards() {
  for (const canvas of /** @type {NodeListOf<HTMLCanvasElement>} */ (document.querySelectorAll('[data-card]'))) {
    const plane = thumbs.value?.[Number(canvas.dataset.card)]?.[0];
    if (!plane) continue;
    const [least, most] = clippedRange(plane, CLIP);
    paint(canvas, plane, scaleFor(automatic.value, least, most, dark.value));
  }
}

/** An area of fewer than one cell in this many would not be seen on a card. */
const LEAST_SHARE = 1 / 8;

/** Show on each card which cells are tied to what is pointed at: beside the drawing, which would be too much for every move of the hand. */
function markCards() {
  for (const mark of /** @type {NodeListOf<SVGElement>} */ (document.querySelectorAll('[data-tied]'))) {
    const index = Number(mark.dataset.tied);
    const [area, sides] = [lit.value.get(index), shownSides(index)];
    mark.toggleAttribute('data-on', Boolean(area && sides));
    if (!area || !sides) continue;
    const [, rows, cols] = sides;
    mark.setAttribute('viewBox', `0 0 ${cols} ${rows}`);
    mark.setAttribute('preserveAspectRatio', rows === 1 ? 'none' : 'xMidYMid meet');
    const least = Math.min(rows, cols) * LEAST_SHARE;
    const [height, width] = [Math.max(area.rows, least), Math.max(area.cols, least)];
    const box = { x: area.col + (area.cols - width) / 2, y: area.row + (area.rows - height) / 2, width, height };
    for (const [name, value] of Object.entries(box)) mark.firstElementChild?.setAttribute(name, String(value));
  }
}

/** Show on each card the first map of its layer, whenever there are new ones. */
export function startCards() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    thumbs.value;
    dark.value;
    clearTimeout(timer);
    timer = setTimeout(paintCards, PAINT_AFTER_MS);
  });
  effect(() => {
    lit.value;
    shapes.value; // cards of new layers
    requestAnimationFrame(() => requestAnimationFrame(markCards));
  });
}
