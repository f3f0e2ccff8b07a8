/** Stride, padding, border and the rest of a layer's numbers, with the size formula. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { asText, decimal, nudgeOf, nudged, sentence, textControl, whole, wholeOrPair } from './field-view.js';
import { axisWord, exactly } from './format.js';
import { valueFormula } from './formulas.js';
import { FIELDS, INITIALISERS, LAYER_TYPES, MOST_PADDING, PADDING_MODES, PADDING_NAMES, isBank, isConvolution, isRandom } from './layer-types.js';
import { LARGEST, limitOf } from './limits.js';
import { isOneDimensional } from './one-row.js';
import { complaints, editLayer, forget, part, shapes } from './state.js';

/** @typedef {import('./layer-types.js').Field} Field */


/** @param {string} label @param {unknown} control @param {string} place */
const row = (label, control, place) =>
  html`<label class="field"><span>${label}</span>${control}</label>${sentence(place)}`;

/** The largest legal numbers as the server last told them. */
const LEGAL = /rows 1(?: to (\d+))?, cols 1(?: to (\d+))?$/;

/** The numbers that are legal here, in words. @param {number} index @param {string} field @param {number} least @param {number} most */
function rangeOf(index, field, least, most) {
  const told = field === 'dilation' ? LEGAL.exec(shapes.value?.layers[index]?.legal?.dilation) : null;
  if (!told) return `from ${least} to ${most}`;
  const [rows, cols] = told.slice(1).map((one) => Number(one ?? 1));
  return rows === cols ? `from 1 to ${rows}` : `from 1 to ${rows} for rows and from 1 to ${cols} for columns`;
}

/** @param {number} index @param {string} field @param {Field} about */
function wholeControl(index, field, { label, kind, least = 1, most: own }) {
  const place = `/layers/${index}/${field}`;
  const usual = kind === 'count' ? limitOf('filters') : field === 'stride' ? limitOf('stride') : MOST_PADDING;
  const most = own ?? usual;
  const value = part.layers[index][field];
  const set = (/** @type {number | number[]} */ changed) => editLayer(index, { [field]: changed }, place);
  const step = (/** @type {number} */ change) => {
    const now = part.layers[index][field]; // what was typed since the last drawing included
    const next = [now].flat().map((one) => Math.min(Math.max(one + change, least), most));
    forget(place);
    set(Array.isArray(now) ? next : next[0]);
  };
  const isAll = (/** @type {(one: number) => boolean} */ test) => !complaints.value[place] && [value].flat().every(test);
  const control = html`<span class="stepper"
    >${textControl({
      place,
      label,
      value: asText(value),
      parse: field === 'groups' || kind === 'count' || isOneDimensional(part.layers[index]) ? whole(label, least, most) : wholeOrPair(label, least, most, rangeOf(index, field, least, most)),
      apply: set,
      testid: field,
      hint: shapes.value?.layers[index]?.legal?.[field],
      onKey: (event) => {
        if (!nudgeOf(event)) return;
        event.preventDefault();
        step(Math.sign(nudgeOf(event)));
      },
    })}<button type="button" class="small" aria-label="${label} less" ?disabled=${isAll((one) => one <= least)} @click=${() => step(-1)}>−</button
    ><button type="button" class="small" aria-label="${label} more" ?disabled=${isAll((one) => one >= most)} @click=${() => step(1)}>+</button></span
  >`;
  return row(label, control, place);
}

/** @param {number} index @param {string} field @param {Field} about */
function numberControl(index, field, { label }) {
  const place = `/layers/${index}/${field}`;
  const control = textControl({
    place,
    label,
    value: exactly(part.layers[index][field]),
    parse: decimal(label, LARGEST),
    apply: (value) => editLayer(index, { [field]: value }, place),
    testid: field,
    onKey: (event) => {
      if (!nudgeOf(event)) return;
      event.preventDefault();
      forget(place);
      editLayer(index, { [field]: nudged(part.layers[index][field], event) }, place);
    },
  });
  return row(label, control, place);
}

/** @param {number} index */
function paddingControl(index) {
  const place = `/layers/${index}/padding`;
  const layer = part.layers[index];
  const named = typeof layer.padding === 'string';
  const names = isConvolution(layer) ? PADDING_NAMES : [];
  const choose = (/** @type {string} */ name) =>
    editLayer(index, { padding: name === 'amount' ? resolved(index) : name }, place);
  const menu = names.length
    ? html`<select
        aria-label="Padding"
        data-testid="padding"
        @change=${(/** @type {any} */ event) => choose(event.target.value)}
      >
        ${names.map((name) => html`<option value=${name} .selected=${layer.padding === name}>${name.replace('_', ' ')}</option>`)}
        <option value="amount" .selected=${!named}>amount</option>
      </select>`
    : nothing;
  const amount = named
    ? html`<output>${asText(resolved(index))}</output>`
    : textControl({
        place,
        label: 'Padding amount',
        value: asText(layer.padding),
        parse: isOneDimensional(layer) ? parseEnds : parsePadding,
        apply: (padding) => editLayer(index, { padding }, place),
        testid: 'padding-amount',
        hint: isOneDimensional(layer) ? 'one number, or left, right' : 'one number, rows and cols, or top, bottom, left, right',
      });
  return row('Padding', html`<span class="pair">${menu}${amount}</span>`, place);
}

/** What the server made of the padding, in the shortest form. @param {number} index @returns {number | number[] | number[][]} */
function resolved(index) {
  const padding = shapes.value?.layers[index]?.padding ?? [[0, 0], [0, 0]];
  const sides = isOneDimensional(part.layers[index]) ? padding[1] : padding;
  const all = sides.flat();
  return all.every((/** @type {number} */ one) => one === all[0]) ? all[0] : sides;
}

/** Amounts of padding; none where one of them is not legal. @param {string} text */
function amountsIn(text) {
  const words = text.split(/[\s,;[\]]+/).filter((word) => word !== '');
  const values = words.map((word) => (/^\d+$/.test(word) ? Number(word) : NaN));
  return values.every((value) => value <= MOST_PADDING) ? values : [];
}

/** Padding of a signal. @param {string} text @returns {{value: number | number[]} | {error: string}} */
function parseEnds(text) {
  const values = amountsIn(text);
  if (values.length === 1) return { value: values[0] };
  if (values.length === 2) return { value: values };
  return { error: `Padding must be whole numbers from 0 to ${MOST_PADDING}: one, or left, right.` };
}

/** @param {string} text @returns {{value: number | number[] | number[][]} | {error: string}} */
function parsePadding(text) {
  const values = amountsIn(text);
  if (values.length) {
    if (values.length === 1) return { value: values[0] };
    if (values.length === 2) return { value: values };
    if (values.length === 4) return { value: [values.slice(0, 2), values.slice(2)] };
  }
  return {
    error: `Padding must be whole numbers from 0 to ${MOST_PADDING}: one; rows, cols; or top, bottom, left, right.`,
  };
}

/** @param {number} index @param {string} field @param {Field} about @param {string[]} choices */
function menuControl(index, field, { label }, choices) {
  const now = part.layers[index][field];
  const menu = html`<select
    aria-label=${label}
    data-testid=${label.toLowerCase()}
    @change=${(/** @type {any} */ event) => editLayer(index, { [field]: event.target.value })}
  >
    ${choices.map((one) => html`<option value=${one} .selected=${one === now}>${one.replace('_', ' ')}</option>`)}
  </select>`;
  return row(label, menu, `/layers/${index}/${field}`);
}

/** @param {number} index @param {string} field @param {Field} about */
function flagControl(index, field, { label }) {
  const box = html`<input
    type="checkbox"
    data-testid=${field}
    .checked=${part.layers[index][field]}
    @change=${(/** @type {any} */ event) => editLayer(index, { [field]: event.target.checked })}
  />`;
  return row(label, box, `/layers/${index}/${field}`);
}

/** @param {number} index @param {string} field */
function control(index, field) {
  const about = FIELDS[field];
  if (about.kind === 'padding') return paddingControl(index);
  if (about.kind === 'mode') return menuControl(index, field, about, PADDING_MODES);
  if (about.kind === 'law') return menuControl(index, field, about, INITIALISERS);
  if (about.kind === 'flag') return flagControl(index, field, about);
  return about.kind === 'whole' || about.kind === 'count' ? wholeControl(index, field, about) : numberControl(index, field, about);
}

/** The formulas of a cell's value and of the map's size. @param {number} index */
function formulas(index) {
  const value = valueFormula(part.layers[index], shapes.value?.layers[index]?.input_shape);
  const size = sizeFormula(index);
  if (!value && size === nothing) return nothing;
  return html`<div class="formula mono" data-testid="formula">
    ${value ? html`<p data-testid="value-formula">${value}</p>` : nothing} ${size}
  </div>`;
}

/** The formula of the size with its numbers, once where both axes have the same. @param {number} index */
function sizeFormula(index) {
  const text = shapes.value?.layers[index]?.formula;
  if (!text) return nothing;
  if (!text.includes('=')) return html`<p>${text.includes(':') ? '' : 'size: '}${text}</p>`;
  const whole = text.includes('floor(') ? text.replaceAll('floor(', '⌊').replaceAll(/\) \+ 1/g, '⌋ + 1') : text;
  /** @type {string[]} */
  const axes = whole.split('; ');
  const parsed = axes.map((line) => /^(?:(rows|cols|length): )?(.*) = (\S+)$/.exec(line) ?? ['', '', line, '']);
  const [first, second] = parsed;
  const alike = second && first[2] === second[2];
  const line = (/** @type {string} */ axis, /** @type {string} */ sum, /** @type {string} */ result) =>
    html`<p><span>${sum}</span> <span>= <b class="hot">${result}</b>${axis ? ` ${result === '1' ? axis.replaceAll(/s\b/g, '') : axis}` : ''}</span></p>`;
  return html`${alike ? line('rows and columns', first[2], first[3]) : parsed.map(([, axis, sum, result]) => line(axisWord(axis), sum, result))}`;
}

/** Groups divide filters among channels; a kernel for every channel alone has no use for them. @param {import('./layer-types.js').Layer} layer @param {string} field */
const hasUse = ({ kernel }, field) => field !== 'groups' || isBank(kernel) || isRandom(kernel);

export function geometryView() {
  const index = part.layer;
  const layer = part.layers[index];
  const { fields, title, says } = LAYER_TYPES[layer.type];
  const used = fields.filter((field) => hasUse(layer, field));
  return html`<h2>${isConvolution(layer) ? 'Geometry' : title}</h2>
    ${isConvolution(layer) ? nothing : html`<p class="dim">${says}</p>`}
    ${used.map((field) => control(index, field))} ${formulas(index)}`;
}
