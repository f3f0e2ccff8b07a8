/**
 * A grid of numbers to edit, a kernel's weights or a small input: type, arrows, drag, paste.
 *
 * Up and down change the number; left, right, Enter and Ctrl with an arrow, Home or End go from cell to cell.
 */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { gridStyle, largestOf, tint } from './cells.js';
import { decimal, nudgeOf, nudged, remember, selectSoon, takeBack, textControl } from './field-view.js';
import { brief, exactly } from './format.js';
import { partOf } from './overview-view.js';
import { withCell } from './kernel.js';
import { parseNumber } from './matrix-text.js';
import { startScrub, wasScrubbed } from './scrub.js';
import { forget } from './state.js';

/** @typedef {import('./layer-types.js').Matrix} Matrix */
/**
 * @typedef {object} Grid
 * @property {string} label
 * @property {string} what one number, such as 'Weight'
 * @property {string} [subject] the same to begin a sentence, where it takes more words
 * @property {string} place pointer into the request
 * @property {string} [saidAt] where the sentences about the cells stand, if not at their place
 * @property {string} testid
 * @property {number} largest magnitude that is legal
 * @property {boolean} tinted
 * @property {() => Matrix} read the matrix as it stands now
 * @property {(matrix: Matrix, name: string) => void} write
 * @property {import('./areas.js').Area} [area] the cells that are there, where not all are
 * @property {(row: number, col: number) => void} [reveal] bring a cell into the area
 * @property {(text: string) => void} paste what is no single number
 * @property {(row: number, col: number) => boolean} lit which cells are tied to what the hand points at elsewhere
 * @property {(cell: {row: number, col: number}) => void} pin
 * @property {(cell: {row: number, col: number} | null, typing: boolean) => void} point told of the cell under the hand, else of the one that is typed in
 */

const SMALL_GRID = 5;

/** @param {KeyboardEvent} event @param {number} row @param {number} col @param {Matrix} matrix @returns {[number, number] | null} */
function destination(event, row, col, matrix) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const atStart = input.selectionStart === 0;
  const atEnd = input.selectionEnd === input.value.length;
  if (event.key === 'Enter') return [row + (event.shiftKey ? -1 : 1), col];
  if (event.key === 'ArrowLeft' && atStart) return [row, col - 1];
  if (event.key === 'ArrowRight' && atEnd) return [row, col + 1];
  if (event.ctrlKey && event.key === 'ArrowUp') return [row - 1, col];
  if (event.ctrlKey && event.key === 'ArrowDown') return [row + 1, col];
  if (event.ctrlKey && event.key === 'Home') return [0, 0];
  if (event.ctrlKey && event.key === 'End') return [matrix.length - 1, matrix[0].length - 1];
  return null;
}

/** @param {Grid} grid @param {number} row @param {number} col @param {KeyboardEvent} event */
function onKey(grid, row, col, event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const matrix = grid.read();
  if (nudgeOf(event)) {
    event.preventDefault();
    setCell(grid, row, col, nudged(matrix[row][col], event));
    selectSoon(input);
    return;
  }
  if (event.ctrlKey && event.key === 'Enter') return grid.pin({ row, col });
  const to = destination(event, row, col, matrix);
  if (!to) return;
  event.preventDefault();
  const body = /** @type {Element} */ (input.closest('[role=grid]'));
  const wanted = () => /** @type {HTMLInputElement | null} */ (body.querySelector(`[data-cell="${to}"] input`));
  const [toRow, toCol] = to;
  if (wanted() || !grid.reveal || matrix[toRow]?.[toCol] === undefined) return wanted()?.focus();
  input.blur(); // the element becomes another cell's
  grid.reveal(toRow, toCol);
  return focusSoon(wanted);
}

/** The picture of an edit may come before the cells. */
const MOST_FRAMES = 60;

/** Focus a control when it is drawn. @param {() => HTMLElement | null} wanted @param {number} frames to wait at most */
function focusSoon(wanted, frames = MOST_FRAMES) {
  const control = wanted();
  if (control) control.focus();
  else if (frames > 0) requestAnimationFrame(() => focusSoon(wanted, frames - 1));
}

/** @param {Grid} grid @param {number} row @param {number} col */
const placeOf = (grid, row, col) => `${grid.place}/${row}/${col}`;

/** @param {Grid} grid @param {number} row @param {number} col @param {number} value */
function setCell(grid, row, col, value) {
  const place = placeOf(grid, row, col);
  forget(place);
  const within = Math.min(Math.max(value, -grid.largest), grid.largest);
  grid.write(withCell(grid.read(), row, col, within), place);
}

/** @param {Grid} grid @param {number} row @param {number} col @param {PointerEvent} event */
function onPress(grid, row, col, event) {
  remember();
  startScrub(
    event,
    grid.read()[row][col],
    (value) => setCell(grid, row, col, value),
    () => takeBack(placeOf(grid, row, col)),
  );
}

/** The press may become a drag: only a click that was none puts the hand into the cell. @param {MouseEvent} event */
function onMouseDown(event) {
  const input = /** @type {HTMLElement} */ (event.currentTarget).querySelector('input');
  if (input !== document.activeElement) event.preventDefault();
}

/** @param {Grid} grid @param {number} row @param {number} col @param {MouseEvent} event */
function onClick(grid, row, col, event) {
  if (event.ctrlKey || event.metaKey) return grid.pin({ row, col });
  const input = /** @type {HTMLElement} */ (event.currentTarget).querySelector('input');
  if (!wasScrubbed() && input !== document.activeElement) input?.focus();
}

/** @param {Grid} grid @param {Matrix} matrix @param {number} row @param {number} col @param {number} strongest @param {string} text */
function cell(grid, matrix, row, col, strongest, text) {
  const place = placeOf(grid, row, col);
  return html`<div
    class="cell"
    role="gridcell"
    data-cell="${row},${col}"
    data-lit=${grid.lit(row, col) ? '' : nothing}
    .style=${grid.tinted ? tint(matrix[row][col], strongest) : ''}
    @pointerdown=${(/** @type {PointerEvent} */ event) => onPress(grid, row, col, event)}
    @mousedown=${onMouseDown}
    @click=${(/** @type {MouseEvent} */ event) => onClick(grid, row, col, event)}
  >
    ${textControl({
      place,
      label: `${grid.what} at row ${row}, column ${col}`,
      value: exactly(matrix[row][col]),
      brief: text,
      parse: decimal(grid.subject ?? `A ${grid.what.toLowerCase()}`, grid.largest),
      apply: (value) => grid.write(withCell(grid.read(), row, col, value), place),
      onKey: (event) => onKey(grid, row, col, event),
      testid: `${grid.testid}-${row}-${col}`,
      saidAt: grid.saidAt ?? grid.place,
    })}
  </div>`;
}

/** The cell of the grid that an element stands in. @param {EventTarget | null} element */
function cellOf(element) {
  const cell = element instanceof Element ? /** @type {HTMLElement | null} */ (element.closest('[data-cell]')) : null;
  if (!cell?.dataset.cell) return null;
  const [row, col] = cell.dataset.cell.split(',').map(Number);
  return { row, col };
}

/** @param {Grid} grid @param {Event} event */
function pointFrom(grid, { currentTarget, target, type }) {
  if (type === 'pointerover') return grid.point(cellOf(target), false);
  const typed = type === 'focusin' ? target : document.activeElement;
  const inside = type !== 'focusout' && /** @type {Element} */ (currentTarget).contains(/** @type {Node} */ (typed));
  return grid.point(inside ? cellOf(typed) : null, true);
}

/** @param {Grid} grid */
export function matrixView(grid) {
  const matrix = grid.read();
  const digits = matrix[0].length > SMALL_GRID ? 2 : 3;
  const { area = { row: 0, col: 0, rows: matrix.length, cols: matrix[0].length } } = grid;
  const texts = partOf(matrix, area).map((line) => line.map((value) => brief(value, digits)));
  const strongest = largestOf(matrix);
  const onPoint = (/** @type {Event} */ event) => pointFrom(grid, event);
  const onPaste = (/** @type {ClipboardEvent} */ event) => {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (!text && event.clipboardData?.files.length) return; // a picture, which the page takes wherever it is pasted
    event.stopPropagation(); // a spreadsheet's cells come as text and as a picture
    if (!Number.isNaN(parseNumber(text))) return; // one number goes into its cell as if typed
    event.preventDefault();
    grid.paste(text);
    selectSoon(/** @type {HTMLInputElement} */ (event.target));
  };
  return html`<div
    class="grid editable"
    role="grid"
    aria-label=${grid.label}
    .style=${gridStyle(area.cols, texts.flat())}
    @paste=${onPaste}
    @pointerover=${onPoint}
    @pointerleave=${onPoint}
    @focusin=${onPoint}
    @focusout=${onPoint}
  >
    ${texts.map(
      (line, row) =>
        html`<div role="row" class="line">${line.map((text, col) => cell(grid, matrix, area.row + row, area.col + col, strongest, text))}</div>`,
    )}
  </div>`;
}
