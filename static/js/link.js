/** The whole state in the link's fragment, which no server ever sees. */

import { batch, effect } from '../vendor/signals-core/signals-core.js';
import { legalLab } from './legal.js';
import { complain, complaints, drafts, edit, initialLab, lab } from './state.js';

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
 * @returns {{state: import('./state.js').Lab | null, wrong: string}} no state where there is none to read, and what is wrong
 */
function fromFragment(fragment) {
  const [version, code] = fragment.replace(/^#/, '').split(':');
  if (!version && !code) return { state: null, wrong: '' };
  if (/^\d+$/.test(version) && version !== VERSION)
    return { state: null, wrong: `This link is of version ${version}, which this page cannot read; it reads version ${VERSION}.` };
  const broken = { state: null, wrong: 'This link is cut or mistyped: nothing of it could be read.' };
  if (version !== VERSION || !code) return broken;
  let read;
  try {
    read = JSON.parse(decode(code));
  } catch {
    return broken;
  }
  if (typeof read !== 'object' || read === null) return broken;
  const state = legalLab(read, initialLab());
  return { state, wrong: isKept(read, state) ? '' : 'Some of this link is not legal here and has its usual value instead.' };
}

/** Whether all that was given is in what became of it. @param {any} given @param {any} made @returns {boolean} */
function isKept(given, made) {
  if (typeof given !== 'object' || given === null) return given === made;
  if (typeof made !== 'object' || made === null) return false;
  if (Array.isArray(given) && given.length !== made.length) return false;
  return Object.keys(given).every((name) => Object.hasOwn(made, name) && isKept(given[name], made[name]));
}

/** Where it is said what is wrong with a link. */
const PLACE = '/input';

/** The link of the state as it stands. */
export const currentLink = () => location.origin + location.pathname + toFragment(lab.peek());

/** Keep link and state equal. */
export function followLink() {
  const opened = fromFragment(location.hash);
  if (opened.state) lab.value = opened.state;
  complain(PLACE, opened.wrong);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let written = location.hash;
  const write = () => {
    if (location.hash !== written) return; // a link that was opened, of which the page hears next
    const fragment = toFragment(lab.peek());
    written = fragment.length <= LONGEST ? fragment : '';
    history.replaceState(null, '', written || location.pathname);
  };
  effect(() => {
    lab.value;
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_AFTER_MS);
  });
  addEventListener('pagehide', write); // before a reload, too
  addEventListener('hashchange', () => {
    if (location.hash === written) return;
    written = location.hash;
    const { state, wrong } = fromFragment(location.hash);
    batch(() => {
      if (state) {
        drafts.value = {};
        complaints.value = {};
        edit(state);
      }
      complain(PLACE, wrong);
    });
  });
}
