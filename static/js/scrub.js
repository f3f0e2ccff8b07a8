/** Drag a cell sideways to change its number: Shift ten times as fast, Alt a tenth, Esc takes it back. */

const PIXELS_A_STEP = 8;
const STEP = 0.1;
/** So many that a tiny part of a number outlives its change, and the dust of binary fractions does not. */
const DECIMALS = 12;

let moved = false;

/** Whether the press that just ended was a drag and so no click. */
export const wasScrubbed = () => moved;

/** @param {{shiftKey: boolean, altKey: boolean}} event */
export const stepFactor = ({ shiftKey, altKey }) => (shiftKey ? 10 : altKey ? 0.1 : 1);

/** A sum without the dust that binary fractions leave. @param {number} value */
export const rounded = (value) => Number(value.toFixed(DECIMALS));

/**
 * @param {PointerEvent} event the press
 * @param {number} start the number before
 * @param {(value: number) => void} set
 * @param {() => void} restore
 */
export function startScrub(event, start, set, restore) {
  moved = false;
  if (event.button !== 0) return;
  const cell = /** @type {HTMLElement} */ (event.currentTarget);
  const end = new AbortController();
  const { signal } = end;
  addEventListener(
    'pointermove',
    (move) => {
      const steps = Math.trunc((move.clientX - event.clientX) / PIXELS_A_STEP);
      if (!moved && steps === 0) return;
      if (!moved) begin(cell, event.pointerId);
      set(steps === 0 ? start : rounded(start + steps * STEP * stepFactor(move)));
    },
    { signal },
  );
  for (const name of ['pointerup', 'pointercancel']) addEventListener(name, () => end.abort(), { signal });
  const onKey = (/** @type {KeyboardEvent} */ key) => {
    if (key.key !== 'Escape') return;
    key.stopPropagation();
    end.abort();
    if (moved) restore();
  };
  addEventListener('keydown', onKey, { signal, capture: true });
}

/** @param {HTMLElement} cell @param {number} pointer */
function begin(cell, pointer) {
  moved = true;
  cell.setPointerCapture(pointer);
  // Else the browser would select text in the focused cell while it is dragged.
  if (cell.contains(document.activeElement)) /** @type {HTMLElement} */ (document.activeElement).blur();
}
