/** The kernel: its weights as a grid of cells, its gradient beside them, and what can be done to it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { signal } from '../vendor/signals-core/signals-core.js';
import { drawnWeights } from './drawn-weights.js';
import { sentence, textControl, whole } from './field-view.js';
import { LARGEST_WEIGHT, cellsOf, matrixOf, pasteMatrix, placeOf, pointAtWeight, replaceMatrix, resizeKernel, setMatrix, startResizing, subjectOf, weightAt } from './kernel-edit.js';
import { findingOf, formMenu, formSentence, presetMenu, sliceTabs } from './kernel-form-view.js';
import { kernelGradientView } from './kernel-gradient-view.js';
import { OPERATIONS } from './kernel.js';
import { isRandom } from './layer-types.js';
import { limitOf } from './limits.js';
import { matrixView } from './matrix-view.js';
import { isOneDimensional } from './one-row.js';
import { stand } from './menu-view.js';
import { overview, revealIn, windowOf } from './overview-view.js';
import { pinWeight } from './pins.js';
import { isLitWeight } from './pointing.js';
import { randomKernelView, randomSentence } from './random-kernel-view.js';
import { complain, kernelLayer, part } from './state.js';
import { weightTable } from './weight-table-view.js';

/** The weight that was typed in last, which a finger can pin: a tap is for typing. */
const touched = signal(/** @type {import('./state.js').Weight | null} */ (null));

/** @param {number} index */
function pinTouched(index) {
  const at = touched.value;
  if (!at || at.layer !== index) return html`Tap a weight to type or to pin it; drag it sideways to change it.`;
  return html`<button type="button" class="small" data-testid="pin-weight" @click=${() => pinWeight(at)}>Pin row ${at.row}, column ${at.col}</button>
    Drag a weight sideways to change it.`;
}

/** A wider kernel gets the whole column, its gradient stands below. */
const WIDE = 4;

/** @param {number} index @param {'rows' | 'cols'} axis */
function side(index, axis) {
  const matrix = matrixOf(index);
  const place = `${placeOf(index)}/${axis}`;
  return textControl({
    place,
    label: `Kernel ${axis}`,
    value: String(axis === 'rows' ? matrix.length : matrix[0].length),
    parse: whole(`The number of ${axis === 'rows' ? 'rows' : 'columns'}`, 1, limitOf('kernel_side')),
    apply: (count) => resizeKernel(index, axis, count, place),
    onFocus: startResizing,
    testid: `kernel-${axis}`,
    saidAt: placeOf(index),
  });
}

/** @param {number} index */
const weights = (index) =>
  matrixView({
    label: 'Kernel weights',
    what: 'Weight',
    subject: subjectOf(index),
    place: cellsOf(index),
    saidAt: placeOf(index),
    testid: 'kernel',
    largest: LARGEST_WEIGHT,
    tinted: true,
    area: windowOf(matrixOf(index), 'kernel'),
    reveal: revealIn('kernel'),
    read: () => matrixOf(index),
    write: (matrix, name) => setMatrix(index, matrix, name),
    paste: (text) => pasteMatrix(index, text),
    lit: (row, col) => isLitWeight(index, row, col),
    pin: (cell) => pinWeight(weightAt(index, cell)),
    point: (cell, typing) => {
      pointAtWeight(index, cell);
      if (typing && cell) touched.value = weightAt(index, cell);
    },
  });

/** @param {number} index @param {import('./kernel.js').Operation} operation */
function operate(index, { change, refuse }) {
  const matrix = matrixOf(index);
  const why = refuse?.(matrix) ?? '';
  complain(placeOf(index), why);
  if (why) return;
  const changed = change(matrix);
  // What changes nothing is no step of undo.
  if (JSON.stringify(changed) !== JSON.stringify(matrix)) replaceMatrix(index, changed);
}

/** @param {number} index */
const operations = (index) =>
  html`<div class="operations" role="group" aria-label="Change the whole kernel">
    ${OPERATIONS.filter(({ turns }) => !turns || !isOneDimensional(part.layers[index])).map(
      (operation) =>
        html`<button class="small" @click=${() => operate(index, operation)}>${operation.title}</button>`,
    )}
  </div>`;

const KEYS = html`<button type="button" class="plain small wide" popovertarget="kernel-keys" data-testid="kernel-keys">Keys</button
  ><dl class="menu keys" popover id="kernel-keys" aria-label="Keys and mouse in the cells" @beforetoggle=${(/** @type {Event} */ event) => stand(/** @type {HTMLElement} */ (event.target))}>
    <dt><kbd>↑</kbd><kbd>↓</kbd> or drag</dt><dd>change; <kbd>Shift</kbd> ×10, <kbd>Alt</kbd> ×0.1</dd>
    <dt><kbd>←</kbd><kbd>→</kbd> <kbd>Enter</kbd></dt><dd>from cell to cell</dd>
    <dt><kbd>Esc</kbd></dt><dd>takes back what was typed</dd>
    <dt><kbd>Ctrl</kbd> click or <kbd>Ctrl</kbd> <kbd>Enter</kbd></dt><dd>pins the weight</dd>
    <dt><kbd>Ctrl</kbd> <kbd>V</kbd></dt><dd>a matrix as text, of any size</dd>
  </dl>`;

/** @param {number} index */
function matrixKernel(index) {
  const finds = findingOf(index);
  return html`<div class="bar">
      <h2>${title(index)}</h2>
      ${KEYS}
      <span class="size">${isOneDimensional(part.layers[index]) ? nothing : html`${side(index, 'rows')}<span aria-hidden="true">×</span>`}${side(index, 'cols')}</span>
    </div>
    <div class="pair">${presetMenu(index)}${formMenu(index)}</div>
    <p class="dim" data-testid="kernel-says">${finds ? html`<b>${finds}</b> ` : nothing}${formSentence(index)}</p>
    ${sliceTabs(index)}
    <div class="kernels" data-wide=${matrixOf(index)[0].length > WIDE ? '' : nothing}>
      <figure><figcaption class="gradient-only">Weights</figcaption>${overview(matrixOf(index), 'kernel')}${weights(index)}</figure>
      ${kernelGradientView(index)} ${operations(index)}
    </div>
    ${sentence(placeOf(index))} <small class="hint touch">${pinTouched(index)}</small>`;
}

/** @param {number} index */
const title = (index) => (index === part.layer ? 'Kernel' : `Kernel of layer ${index + 1}`);

/** The weights that the seed gives. @param {number} index */
function drawn(index) {
  const matrix = drawnWeights.value;
  if (!matrix) return nothing;
  return html`<figure>
    <figcaption>Weights</figcaption>
    ${overview(matrix, 'kernel')}${weightTable(index, matrix, 'drawn', 'Kernel weights')}
  </figure>`;
}

export function kernelView() {
  const index = kernelLayer.value;
  if (index < 0) return html`<h2>Kernel</h2><p class="dim">No layer up to this one has a kernel.</p>`;
  if (!isRandom(part.layers[index].kernel)) return matrixKernel(index);
  return html`<div class="bar"><h2>${title(index)}</h2>${formMenu(index)}</div>
    <p class="dim" data-testid="kernel-says">${formSentence(index)}</p>
    ${randomKernelView(index)}
    ${sliceTabs(index)}
    <div class="kernels drawn" data-wide=${part.layers[index].kernel.random.size[1] > WIDE ? '' : nothing}>${drawn(index)} ${kernelGradientView(index)}</div>
    ${randomSentence(index)}`;
}
