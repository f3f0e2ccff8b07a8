/** Light or dark: the system's choice until a person chooses. */

import { signal } from '../vendor/signals-core/signals-core.js';

const KEY = 'convscope-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

export const dark = signal(system.matches);

/** @param {'light' | 'dark' | null} chosen */
function apply(chosen) {
  if (chosen) document.documentElement.dataset.theme = chosen;
  dark.value = chosen ? chosen === 'dark' : system.matches;
}

export function startTheme() {
  const stored = localStorage.getItem(KEY);
  const chosen = stored === 'light' || stored === 'dark' ? stored : null;
  apply(chosen);
  system.addEventListener('change', () => localStorage.getItem(KEY) ?? apply(null));
}

export function toggleTheme() {
  const chosen = dark.value ? 'light' : 'dark';
  localStorage.setItem(KEY, chosen);
  apply(chosen);
}
