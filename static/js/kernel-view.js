/** The kernel as a grid of cells: type, arrows, drag to scrub, paste a matrix. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { decimal, sentence, textControl, whole } from './field-view.js';
import { number } from './format.js';
import { OPERATIONS, mapCells, parseMatrix, resized, withCell } from './kernel.js';
import { SOBEL_X, channelsBefore, isBank, isRandom } from './layer-types.js';
import { edit, editLayer, forget, lab, limits, look, presets, shown, kernelLayer } from './state.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */

const LARGEST = 1e6;
const SCRUB_PIXELS = 8;
const RANDOM = { random: { filters: 8, size: [3, 3], init: 'he_normal', seed: 0 } };
const INITS = ['he_normal', 'he_uniform', 'xavier_normal', 'xavier_uniform', 'normal', 'uniform'];

/** @param {number} index @returns {Matrix} */
function matrixOf(index) {
  const { kernel } = lab.value.layers[index];
  const [filter, channel] = lab.value.slice;
  return isBank(kernel) ? (kernel[filter] ?? kernel[0])[channel] ?? kernel[0][0] : kernel;
}

/** @param {number} index @param {Matrix} matrix @param {string} [name] */
function setMatrix(index, matrix, name) {
  const { kernel } = lab.value.layers[index];
  const [filter, channel] = lab.value.slice;
  const same = matrix.length === matrixOf(index).length && matrix[0].length === matrixOf(index)[0].length;
  if (!isBank(kernel)) return editLayer(index, { kernel: matrix }, name);
  const bank = kernel.map((maps, f) =>
    maps.map((old, c) => {
      if (f === filter && c === channel) return matrix;
      return same ? old : resized(old, matrix.length, matrix[0].length);
    }),
  );
  return editLayer(index, { kernel: bank }, name);
}

/** @param {number} value @param {number} largest how strongly a weight is coloured */
function shade(value, largest) {
  const part = largest ? Math.round((Math.abs(value) / largest) * 78) : 0;
  const ink = part > 48 ? ';color:var(--on-strong)' : '';
  return `background:color-mix(in srgb,var(${value < 0 ? '--neg' : '--pos'}) ${part}%,var(--panel))${ink}`;
}

/** @param {Matrix} matrix */
const largestOf = (matrix) => Math.max(...matrix.flat().map(Math.abs));

/** @param {KeyboardEvent} event @param {number} row @param {number} col @param {(change: number) => void} nudge */
function onCellKey(event, row, col, nudge) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const steps = { ArrowUp: 1, ArrowDown: -1 };
  if (event.key in steps && !event.ctrlKey) {
    event.preventDefault();
    const size = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
    nudge(steps[/** @type {'ArrowUp'} */ (event.key)] * size);
    return;
  }
  /** @type {Record<string, [number, number]>} */
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [1, 0] };
  const move = moves[event.key];
  const atEdge =
    event.key === 'Enter' ||
    (event.key === 'ArrowLeft' ? input.selectionStart === 0 : input.selectionEnd === input.value.length);
  if (!move || !atEdge) return;
  const grid = /** @type {Element} */ (input.closest('[role=grid]'));
  /** @type {HTMLInputElement | null} */
  const next = grid.querySelector(`[data-cell="${row + move[0]},${col + move[1]}"] input`);
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.select();
}

/** @param {PointerEvent} event @param {number} start @param {(value: number) => void} set */
function startScrub(event, start, set) {
  if (event.button !== 0) return;
  const input = /** @type {HTMLInputElement} */ (event.currentTarget);
  const from = event.clientX;
  let moved = false;
  const onMove = (/** @type {PointerEvent} */ move) => {
    const steps = Math.trunc((move.clientX - from) / SCRUB_PIXELS);
    if (!moved && steps === 0) return;
    moved = true;
    input.setPointerCapture(event.pointerId);
    const size = move.shiftKey ? 1 : move.altKey ? 0.01 : 0.1;
    set(Number((start + steps * size).toFixed(6)));
  };
  const stop = () => input.removeEventListener('pointermove', onMove);
  input.addEventListener('pointermove', onMove);
  input.addEventListener('pointerup', stop, { once: true });
  input.addEventListener('pointercancel', stop, { once: true });
}

/** @param {number} index @param {Matrix} matrix @param {number} row @param {number} col @param {number} largest */
function cell(index, matrix, row, col, largest) {
  const value = matrix[row][col];
  const place = `/layers/${index}/kernel/${row}/${col}`;
  const set = (/** @type {number} */ changed) => {
    forget(place);
    setMatrix(index, withCell(matrixOf(index), row, col, changed), place);
  };
  return html`<div
    class="cell"
    role="gridcell"
    data-cell="${row},${col}"
    .style=${shade(value, largest)}
    @pointerdown=${(/** @type {PointerEvent} */ event) => startScrub(event, value, set)}
  >
    ${textControl({
      place,
      label: `Weight at row ${row + 1}, column ${col + 1}`,
      value: number(value, matrix[0].length > 5 ? 2 : 3),
      parse: decimal('A weight', LARGEST),
      apply: (changed) => setMatrix(index, withCell(matrixOf(index), row, col, changed), place),
      onKey: (event) =>
        onCellKey(event, row, col, (change) => set(Number((matrixOf(index)[row][col] + change).toFixed(6)))),
      testid: `kernel-${row}-${col}`,
    })}
  </div>`;
}

/** @param {ClipboardEvent} event @param {number} index */
function onPaste(event, index) {
  const matrix = parseMatrix(event.clipboardData?.getData('text') ?? '');
  if (!matrix || matrix.length * matrix[0].length === 1) return;
  event.preventDefault();
  setMatrix(index, matrix);
}

/** @param {number} index */
function sizeControls(index) {
  const matrix = matrixOf(index);
  const most = limits.value?.kernel_side ?? 63;
  const side = (/** @type {'rows' | 'cols'} */ axis) => {
    const now = axis === 'rows' ? matrix.length : matrix[0].length;
    const place = `/layers/${index}/kernel/${axis}`;
    return textControl({
      place,
      label: `Kernel ${axis}`,
      value: String(now),
      parse: whole(`The number of ${axis}`, 1, most),
      apply: (count) =>
        setMatrix(
          index,
          axis === 'rows'
            ? resized(matrixOf(index), count, matrixOf(index)[0].length)
            : resized(matrixOf(index), matrixOf(index).length, count),
        ),
      testid: `kernel-${axis}`,
    });
  };
  return html`<span class="size">${side('rows')}<span aria-hidden="true">×</span>${side('cols')}</span>`;
}

/** @param {number} index */
function formControls(index) {
  const { kernel } = lab.value.layers[index];
  const channels = channelsBefore(lab.value.input, lab.value.layers, index);
  const kind = isRandom(kernel) ? 'random' : isBank(kernel) ? 'bank' : 'each';
  const choose = (/** @type {string} */ wanted) => {
    const matrix = isRandom(kernel) ? SOBEL_X : matrixOf(index);
    const bank = () => [Array.from({ length: channels }, () => matrix)];
    const made = wanted === 'random' ? RANDOM : wanted === 'bank' ? bank() : matrix;
    edit({
      layers: lab.value.layers.map((old, i) => (i === index ? { ...old, kernel: made } : old)),
      channel: 0,
      slice: [0, 0],
      unit: null,
    });
  };
  return html`<select
    aria-label="Form of the kernel"
    data-testid="kernel-form"
    .value=${kind}
    @change=${(/** @type {any} */ event) => choose(event.target.value)}
  >
    <option value="each" ?selected=${kind === 'each'}>one, for each channel</option>
    <option value="bank" ?selected=${kind === 'bank'}>filters across channels</option>
    <option value="random" ?selected=${kind === 'random'}>random filters</option>
  </select>`;
}

/** @param {number} index */
function slices(index) {
  const { kernel } = lab.value.layers[index];
  if (!isBank(kernel)) return nothing;
  const [filter, channel] = lab.value.slice;
  const most = limits.value?.filters ?? 512;
  const setBank = (/** @type {number[][][][]} */ bank, /** @type {number} */ chosen) =>
    edit({
      layers: lab.value.layers.map((old, i) => (i === index ? { ...old, kernel: bank } : old)),
      slice: [Math.max(0, chosen), 0],
      channel: index === lab.value.layer ? Math.max(0, chosen) : lab.value.channel,
      unit: null,
    });
  const tab = (/** @type {number} */ place) =>
    html`<button
      aria-pressed=${place === filter}
      aria-label="Filter ${place + 1}"
      @click=${() => look({ slice: [place, channel], channel: index === lab.value.layer ? place : lab.value.channel })}
    >
      ${place + 1}
    </button>`;
  return html`<div class="bar wrap" role="group" aria-label="Filters">
      <small>filter</small>${kernel.map((_, place) => tab(place))}
      <button ?disabled=${kernel.length >= most} @click=${() => setBank([...kernel, kernel[filter]], kernel.length)}>
        + filter
      </button>
      ${kernel.length > 1
        ? html`<button @click=${() => setBank(kernel.filter((_, place) => place !== filter), filter - 1)}>
            remove
          </button>`
        : nothing}
    </div>
    ${kernel[0].length > 1
      ? html`<div class="bar wrap" role="group" aria-label="Input channels">
          <small>channel</small>
          ${kernel[0].map(
            (_, place) =>
              html`<button aria-pressed=${place === channel} @click=${() => look({ slice: [filter, place] })}>
                ${place + 1}
              </button>`,
          )}
        </div>`
      : nothing}`;
}

/** @param {number} index */
function presetMenu(index) {
  const choose = (/** @type {any} */ event) => {
    const preset = presets.value.find(({ name }) => name === event.target.value);
    event.target.value = '';
    if (preset) setMatrix(index, preset.matrix);
  };
  return html`<select aria-label="Preset kernels" data-testid="preset" @change=${choose}>
    <option value="">Preset…</option>
    ${presets.value.map(
      ({ name, finds }) => html`<option value=${name} title=${finds}>${name.replaceAll('_', ' ')}</option>`,
    )}
  </select>`;
}

/** @param {number} index */
function randomControls(index) {
  const { random } = lab.value.layers[index].kernel;
  const set = (/** @type {object} */ change) =>
    editLayer(index, { kernel: { random: { ...random, ...change } } });
  const control = (
    /** @type {string} */ label,
    /** @type {string} */ field,
    /** @type {number} */ value,
    /** @type {[number, number]} */ [least, most],
    /** @type {(value: number) => object} */ change,
  ) => html`<label class="field"
      ><span>${label}</span>${textControl({
        place: `/layers/${index}/kernel/random/${field}`,
        label,
        value: String(value),
        parse: whole(label, least, most),
        apply: (count) => set(change(count)),
      })}</label
    >${sentence(`/layers/${index}/kernel/random/${field}`)}`;
  const side = limits.value?.kernel_side ?? 63;
  return html`${control('Filters', 'filters', random.filters, [1, limits.value?.filters ?? 512], (filters) => ({ filters }))}
    ${control('Rows', 'rows', random.size[0], [1, side], (rows) => ({ size: [rows, random.size[1]] }))}
    ${control('Columns', 'cols', random.size[1], [1, side], (cols) => ({ size: [random.size[0], cols] }))}
    ${control('Seed', 'seed', random.seed, [0, 2 ** 31 - 1], (seed) => ({ seed }))}
    <label class="field"
      ><span>Initialiser</span
      ><select @change=${(/** @type {any} */ event) => set({ init: event.target.value })}>
        ${INITS.map((init) => html`<option ?selected=${init === random.init}>${init}</option>`)}
      </select></label
    >
    <button @click=${() => set({ seed: random.seed + 1 })}>Roll again</button>`;
}

/** dL/dKernel in the same grid, from the gradient planes. @param {number} index */
function gradientGrid(index) {
  const { kernel } = lab.value.layers[index];
  const { gradient, of } = shown.value ?? {};
  if (lab.value.mode !== 'gradient' || !gradient?.kernel || of?.mode !== 'gradient') return nothing;
  const [filter, channel] = lab.value.slice;
  const across = isBank(kernel) ? kernel[0].length : 1;
  const plane = gradient.kernel[filter * across + channel] ?? gradient.kernel[0];
  const values = Array.from(plane.values, (code) => plane.offset + plane.scale * code);
  const largest = Math.max(...values.map(Math.abs));
  return html`<figure class="kernel-gradient">
    <figcaption><h3>dL/dKernel</h3></figcaption>
    <div class="grid" role="grid" aria-label="Gradient of the kernel" .style=${`--cols:${plane.cols}`}>
      ${Array.from(
        { length: plane.rows },
        (_, row) => html`<div role="row" class="line">
          ${values.slice(row * plane.cols, (row + 1) * plane.cols).map(
            (value, col) =>
              html`<div class="cell" role="gridcell" data-testid="kernel-gradient-${row}-${col}" title=${value} .style=${shade(value, largest)}>
                <span>${number(value, 3)}</span>
              </div>`,
          )}
        </div>`,
      )}
    </div>
  </figure>`;
}

export function kernelView() {
  const index = kernelLayer.value;
  if (index < 0) return html`<p class="dim">No layer up to this one has a kernel.</p>`;
  const layer = lab.value.layers[index];
  if (isRandom(layer.kernel))
    return html`<div class="bar"><h3>Kernel</h3>${formControls(index)}</div>
      ${randomControls(index)} ${gradientGrid(index)} ${sentence(`/layers/${index}/kernel`)}`;
  const matrix = matrixOf(index);
  const largest = largestOf(matrix);
  return html`<div class="bar wrap"><h3>Kernel</h3>${formControls(index)}${presetMenu(index)}</div>
    ${slices(index)}
    <div class="kernels">
      <figure>
        <figcaption class="bar"><h3>Weights</h3>${sizeControls(index)}</figcaption>
        <div
          class="grid"
          role="grid"
          aria-label="Kernel weights"
          .style=${`--cols:${matrix[0].length}`}
          @paste=${(/** @type {ClipboardEvent} */ event) => onPaste(event, index)}
        >
          ${matrix.map(
            (line, row) =>
              html`<div role="row" class="line">${line.map((_, col) => cell(index, matrix, row, col, largest))}</div>`,
          )}
        </div>
      </figure>
      ${gradientGrid(index)}
    </div>
    ${sentence(`/layers/${index}/kernel`)}
    <div class="bar wrap">
      ${OPERATIONS.map(
        ({ title, change }) =>
          html`<button class="small" @click=${() => setMatrix(index, mapCells(change(matrixOf(index)), (v) => Number(v.toFixed(9))))}>
            ${title}
          </button>`,
      )}
    </div>`;
}
