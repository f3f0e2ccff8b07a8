/** A button that opens a list of things to do: one of them is done when it is chosen, none on the way to it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';

/** @typedef {{title: string, says?: string, group?: string, testid: string, act: () => void}} Item the items of a group follow each other */

const GAP = 4;
const MARGIN = 8;
/** As in the style sheet. */
const WIDTH = 320;
/** With less room than this below the button, the list may open above it. */
const ENOUGH = 280;

/** Stand below the button, or above it where there is more room. @param {HTMLElement} list */
export function stand(list) {
  const button = /** @type {HTMLElement} */ (list.previousElementSibling).getBoundingClientRect();
  const below = innerHeight - button.bottom;
  const up = below < ENOUGH && button.top > below;
  list.style.left = `${Math.max(MARGIN, Math.min(button.left, document.documentElement.clientWidth - WIDTH - MARGIN))}px`;
  list.style.top = up ? 'auto' : `${button.bottom + GAP}px`;
  list.style.bottom = up ? `${innerHeight - button.top + GAP}px` : 'auto';
  list.style.maxHeight = `${(up ? button.top : below) - GAP - MARGIN}px`;
}

/** @param {HTMLElement} list */
const itemsOf = (list) => /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role=menuitem]')]);

/** @param {KeyboardEvent} event */
function onKey(event) {
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const items = itemsOf(list);
  const now = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const after = [...items.slice(now + 1), ...items.slice(0, now + 1)];
  /** @type {Record<string, HTMLElement | undefined>} */
  const moves = { ArrowDown: after[0], ArrowUp: items.at(now - 1), Home: items[0], End: items.at(-1) };
  if (event.key === 'Tab') list.hidePopover();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const named = (/** @type {HTMLElement} */ item) => item.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase());
  const to = moves[event.key] ?? (/^\S$/.test(event.key) ? after.find(named) : undefined);
  if (!to) return;
  event.preventDefault();
  to.focus();
}

/** @param {ToggleEvent} event */
function onToggle({ target, newState }) {
  if (newState === 'open') itemsOf(/** @type {HTMLElement} */ (target))[0]?.focus();
}

/**
 * @param {object} menu
 * @param {string} menu.id
 * @param {unknown} menu.title what stands on the button
 * @param {string} menu.label of the list
 * @param {string} menu.testid
 * @param {string} [menu.look] class of the button
 * @param {boolean} [menu.off]
 * @param {Item[]} menu.items
 */
export function menuView({ id, title, label, testid, look, off = false, items }) {
  const choose = (/** @type {Event} */ event, /** @type {Item} */ { act }) => {
    /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (event.currentTarget).closest('[popover]')).hidePopover();
    act();
  };
  // One item can be tabbed to, as in every menu; the arrows go on from it.
  const item = (/** @type {Item} */ one) => html`<button
    type="button"
    role="menuitem"
    tabindex=${one === items[0] ? 0 : -1}
    aria-label=${one.title}
    aria-description=${one.says ?? nothing}
    data-testid=${one.testid}
    @click=${(/** @type {Event} */ event) => choose(event, one)}
  ><b>${one.title}</b>${one.says ? html`<small>${one.says}</small>` : nothing}</button>`;
  const groups = [...new Set(items.map((one) => one.group))];
  const inGroup = (/** @type {string | undefined} */ name) => {
    const own = items.filter((one) => one.group === name).map(item);
    return name ? html`<div role="group" aria-label=${name}><small class="head" aria-hidden="true">${name}</small>${own}</div>` : own;
  };
  return html`<button type="button" class=${look ?? ''} aria-haspopup="menu" popovertarget=${id} data-testid=${testid} ?disabled=${off}>${title}</button
    ><div
      class="menu"
      popover
      role="menu"
      id=${id}
      aria-label=${label}
      @beforetoggle=${(/** @type {Event} */ event) => stand(/** @type {HTMLElement} */ (event.target))}
      @toggle=${onToggle}
      @keydown=${onKey}
    >${groups.map(inGroup)}</div>`;
}
