/** The whole state in the link's fragment, which no server ever sees. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { initialLab, lab } from './state.js';
import { LAYER_TYPES } from './layer-types.js';

const VERSION = '1';
const WRITE_AFTER_MS = 250;

/** @param {string} text */
const encode = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** @param {string} code */
const decode = (code) =>
  new TextDecoder('utf-8', { fatal: true }).decode(
    Uint8Array.from(atob(code.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)),
  );

/** @param {import('./state.js').Lab} state */
export const toFragment = (state) => `#${VERSION}:${encode(JSON.stringify(state))}`;

/** @type {Record<string, (value: any) => boolean>} */
const LEGAL = {
  input: (value) => typeof value === 'object' && value !== null,
  layers: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((layer) => layer?.type in LAYER_TYPES),
  layer: (value) => Number.isInteger(value) && value >= 0,
  channel: (value) => Number.isInteger(value) && value >= 0,
  slice: (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger),
  mode: (value) => ['forward', 'gradient'].includes(value),
  loss: (value) => ['sum', 'mean', 'l2', 'unit'].includes(value),
  unit: (value) => value === null || Number.isInteger(value?.row + value?.col + value?.layer + value?.channel),
  colors: (value) => ['auto', 'signed', 'gray', 'viridis'].includes(value),
  scale: (value) => ['map', 'layer'].includes(value),
  clip: (value) => value >= 90 && value <= 100,
  overlay: (value) => value >= 0 && value <= 1,
};

/**
 * Read a link. What is missing or makes no sense gets its usual value; the rest is kept.
 * @param {string} fragment
 * @returns {import('./state.js').Lab | null} null where it is no link of ours
 */
export function fromFragment(fragment) {
  const [version, code] = fragment.replace(/^#/, '').split(':');
  if (version !== VERSION || !code) return null;
  let read;
  try {
    read = JSON.parse(decode(code));
  } catch {
    return null; // cut or mistyped: the page opens as if without it
  }
  if (typeof read !== 'object' || read === null) return null;
  const kept = Object.entries(read).filter(([name, value]) => LEGAL[name]?.(value));
  const state = { ...initialLab(), ...Object.fromEntries(kept) };
  return { ...state, layer: Math.min(state.layer, state.layers.length - 1) };
}

/** Keep link and state equal. */
export function followLink() {
  const read = fromFragment(location.hash);
  if (read) lab.value = read;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let written = location.hash;
  effect(() => {
    const fragment = toFragment(lab.value);
    clearTimeout(timer);
    timer = setTimeout(() => {
      written = fragment;
      history.replaceState(null, '', fragment);
    }, WRITE_AFTER_MS);
  });
  addEventListener('hashchange', () => {
    const state = location.hash === written ? null : fromFragment(location.hash);
    if (state) lab.value = state;
  });
}
