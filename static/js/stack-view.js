/** The stack of layers: add, remove, reorder, duplicate; each card shows what it gives. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { sentence } from './field-view.js';
import { amount, shape } from './format.js';
import { LAYER_TYPES, isBank, isRandom } from './layer-types.js';
import { edit, lab, limits, setLayers, shapes, sentenceAt } from './state.js';

/** @param {any} layer */
function title(layer) {
  const name = LAYER_TYPES[layer.type].title;
  if (layer.type !== 'conv2d') return layer.size ? `${name} ${[layer.size].flat().join('×')}` : name;
  const { kernel } = layer;
  if (isRandom(kernel)) return `${name} ${kernel.random.size.join('×')}, ${kernel.random.filters} random`;
  const matrix = isBank(kernel) ? kernel[0][0] : kernel;
  const count = isBank(kernel) && kernel.length > 1 ? `, ${kernel.length} filters` : '';
  return `${name} ${matrix.length}×${matrix[0].length}${count}`;
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
  const { layers } = lab.value;
  const most = limits.value?.layers ?? 32;
  const without = layers.filter((_, place) => place !== index);
  const twice = [...layers.slice(0, index + 1), layers[index], ...layers.slice(index + 1)];
  return html`<div class="bar tools" role="group" aria-label="Change the stack">
    <button class="small" ?disabled=${index === 0} @click=${() => move(index, index - 1)} aria-label="Move up">↑</button>
    <button class="small" ?disabled=${index === layers.length - 1} @click=${() => move(index, index + 1)} aria-label="Move down">↓</button>
    <button class="small" ?disabled=${layers.length >= most} @click=${() => setLayers(twice, index + 1)}>Duplicate</button>
    <button class="small" ?disabled=${layers.length === 1} @click=${() => setLayers(without, index - 1)}>Remove</button>
  </div>`;
}

/** @param {any} layer @param {number} index */
function card(layer, index) {
  const report = shapes.value?.layers[index];
  const chosen = index === lab.value.layer;
  const out = report?.output_shape;
  const wrong = sentenceAt(`/layers/${index}`) !== '';
  return html`<li class="layer" aria-current=${chosen ? 'true' : 'false'} data-wrong=${wrong ? '' : nothing}>
    <button
      class="plain name"
      data-testid="layer-${index}"
      @click=${() => edit({ layer: index, channel: 0, slice: [0, 0], unit: null })}
    >
      <span class="dim">${index + 1}</span><b>${title(layer)}</b>
      <small>${out ? shape(out) : wrong ? 'not possible' : ''}</small>
    </button>
    ${chosen
      ? html`${report ? html`<small class="cost">${amount(report.parameters)} parameters, ${amount(report.multiply_adds)} multiply–adds</small>` : nothing}
          ${tools(index)}`
      : sentence(`/layers/${index}`)}
  </li>`;
}

export function stackView() {
  const { layers, layer } = lab.value;
  const add = (/** @type {any} */ event) => {
    const type = event.target.value;
    event.target.value = '';
    if (type in LAYER_TYPES)
      setLayers([...layers.slice(0, layer + 1), LAYER_TYPES[type].make(), ...layers.slice(layer + 1)], layer + 1);
  };
  const full = layers.length >= (limits.value?.layers ?? 32);
  return html`<ol class="stack">
      ${layers.map(card)}
    </ol>
    <select aria-label="Add a layer" data-testid="add-layer" ?disabled=${full} @change=${add}>
      <option value="">${full ? `${layers.length} layers, the most there can be` : '+ Add a layer…'}</option>
      ${Object.entries(LAYER_TYPES).map(([type, { title }]) => html`<option value=${type}>${title}</option>`)}
    </select>`;
}
