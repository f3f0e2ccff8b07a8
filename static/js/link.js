/** The whole state in the link's fragment, which no server ever sees. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { legalLab } from './legal.js';
import { edit, initialLab, lab } from './state.js';

const VERSION = '1';
const WRITE_AFTER_MS = 250;
/** Browsers refuse links of a few megabytes; a state beyond this stays out of the link. */
const LONGEST = 1_000_000;
/** Arguments of one call are limited. */
const PIECE = 0x8000;

/** @param {string} text */
function encode(text) {
  const bytes = new TextEncoder().encode(text);
  let characters = '';
  for (let from = 0; from < bytes.length; from += PIECE)
    characters += String.fromCharCode(...bytes.subarray(from, from + PIECE));
  return btoa(characters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} code */
const decode = (code) =>
  new TextDecoder('utf-8', { fatal: true }).decode(
    Uint8Array.from(atob(code.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)),
  );

/** @param {import('./state.js').Lab} state */
const toFragment = (state) => `#${VERSION}:${encode(JSON.stringify(state))}`;

/**
 * Read a link. What is missing or makes no sense gets its usual value; the rest is kept.
 * @param {string} fragment
 * @returns {import('./state.js').Lab | null} null where it is no link of ours
 */
function fromFragment(fragment) {
  const [version, code] = fragment.replace(/^#/, '').split(':');
  if (version !== VERSION || !code) return null;
  let read;
  try {
    read = JSON.parse(decode(code));
  } catch {
    return null; // cut or mistyped: the page opens as if without it
  }
  return typeof read === 'object' && read !== null ? legalLab(read, initialLab()) : null;
}

/** The link of the state as it stands. */
export const currentLink = () => location.origin + location.pathname + toFragment(lab.peek());

/** Keep link and state equal. */
export function followLink() {
  const read = fromFragment(location.hash);
  if (read) lab.value = read;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let written = location.hash;
  const write = () => {
    const fragment = toFragment(lab.peek());
    written = fragment.length <= LONGEST ? fragment : '';
    history.replaceState(null, '', written || location.pathname);
  };
  effect(() => {
    lab.value;
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_AFTER_MS);
  });
  addEventListener('hashchange', () => {
    const state = location.hash === written ? null : fromFragment(location.hash);
    if (state) edit(state);
  });
}
