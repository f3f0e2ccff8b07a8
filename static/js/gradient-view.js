/** What the picture of a gradient means where that is not plain to see. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { awaitedNote } from './awaited-view.js';
import { isBank, isConvolution, isRandom } from './layer-types.js';
import { gradientLayer, gradientTitle } from './loss.js';
import { pinLeft, pinSentence, region, regionSentence } from './pinned.js';
import { pinButton } from './pin-view.js';
import { inView, part, shown, shownMode } from './state.js';

/** A sum this small beside the sizes of its weights is zero but for rounding. */
const ROUNDING = 1e-9;

/** @param {number[]} weights */
const addUpToZero = (weights) => {
  const sum = (/** @type {number[]} */ all) => all.reduce((total, value) => total + value, 0);
  return Math.abs(sum(weights)) <= ROUNDING * sum(weights.map(Math.abs));
};

/** Whether the weights that meet one input channel, over all filters, sum to zero. @param {import('./layer-types.js').Layer} layer @param {number} channel */
function weightsCancel({ type, kernel, stride, groups = 1 }, channel) {
  const whole = isConvolution({ type }) && !isRandom(kernel) && [stride, groups].flat().every((one) => one === 1);
  if (!whole) return false;
  return addUpToZero(isBank(kernel) ? kernel.flatMap((maps) => maps[channel % maps.length].flat()) : kernel.flat());
}

/** What is used where the pinned cell, which is to be the loss, has left its map. */
const pinNote = () =>
  part.loss === 'unit' && pinLeft.value
    ? html`<p class="note" role="status" data-testid="pin-note">${pinSentence.value} The sum of the maps of layer ${part.layer + 1} is the loss
        meanwhile. ${pinButton()}</p>`
    : nothing;

/** What is used where the region, which is to be the loss, has left its map. */
function regionNote() {
  if (part.loss !== 'region' || !regionSentence.value) return nothing;
  const meanwhile = region.value ? nothing : html` The sum of the maps of layer ${part.layer + 1} is the loss meanwhile.`;
  return html`<p class="note" role="status" data-testid="region-note">${regionSentence.value}${meanwhile}</p>`;
}

/** Why a gradient is zero everywhere, or everywhere but at the border. */
function zeroNote() {
  const { gradient, of } = shown.value ?? {};
  if (of?.mode !== 'gradient' || !gradient) return nothing;
  const { layers, layer, channel, loss } = of;
  const [first] = layers;
  const cancels = layer === 0 && gradientLayer(of) < 0 && weightsCancel(first, channel) && ['sum', 'mean'].includes(loss);
  const zero = gradient.input.every(({ stats }) => stats.min === 0 && stats.max === 0);
  const dead = layers.findIndex(({ type }, index) => index > gradientLayer(of) && index <= layer && type === 'relu');
  if (!zero && !cancels) return nothing;
  const sum = loss === 'mean' ? 'the sum of the weights, over the number of cells' : 'the sum of the weights';
  const said = !zero
    ? `Each inner pixel’s gradient is ${sum}, which is 0: every weight meets it once, but not at the border. Half the sum of squares, or a click on a cell, shows more.`
    : dead >= 0
      ? `The gradient is zero everywhere. Every path of this loss runs through units of layer ${dead + 1} (ReLU) that are off, or through weights of zero.`
      : `The gradient is zero everywhere. The loss does not depend on ${gradientLayer(of) < 0 ? 'the picture' : 'these maps'}: the weights on every path add up to zero.`;
  return html`<p class="note" role="status" data-testid="gradient-note">${said}</p>`;
}

/** What the colours mean: a note always stands here, for the map to keep its size when another loss is chosen. */
function meaning() {
  const loss = part.loss === 'unit' ? 'the clicked cell' : part.loss === 'mse' ? 'the distance from the target' : 'the loss';
  if (gradientLayer(inView.value) >= 0)
    return html`<p class="note" data-testid="gradient-meaning">${gradientTitle(inView.value)}. Red, positive: ${loss} grows with the cell. Blue, negative: it falls. What is sent back from
      here goes through the layers below to the input.</p>`;
  const [what, unit, zero] = part.input.array
    ? ['number', 'that it grows', 'a small change of it changes nothing']
    : ['pixel', 'of brightness', 'the picture is seen as it is'];
  return html`<p class="note" data-testid="gradient-meaning">Red, positive: ${loss} grows with the ${what}. Blue, negative: it falls. The cell says by how much for each unit
    ${unit}; where that is 0, ${zero}.</p>`;
}

export function gradientNote() {
  const awaited = awaitedNote();
  if (awaited !== nothing) return html`${awaited}`;
  if (shownMode.value !== 'gradient') return html``;
  const notes = [pinNote(), regionNote(), zeroNote()].filter((note) => note !== nothing);
  return html`${notes.length ? notes : meaning()}`;
}
