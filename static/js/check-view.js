/** The pinned gradient beside what a small step of its number does to the loss. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { check, isChecked, runCheck } from './check.js';
import { exactly, number } from './format.js';

const VERDICTS = {
  pass: 'they agree',
  kink: 'they differ, for there is no derivative here',
  fail: 'they differ',
};
const DIGITS = 7;

/** @param {number} step */
const formula = (step) => html`<abbr title="(L(+h) − L(−h)) / 2h, in double precision">h = ${exactly(step)}</abbr>`;

function told() {
  const now = check.value;
  if (now === 'running') return html`checking…`;
  if (!now) return html`<button type="button" class="small" data-testid="check-now" @click=${runCheck}>Check by a small step</button>`;
  if ('problem' in now) return html`<span class="wrong">${now.problem}</span>`;
  const { analytic, numeric, step, verdict, note } = now;
  return html`analytic <b class="inline">${number(analytic, DIGITS)}</b>, numeric <b class="inline">${number(numeric, DIGITS)}</b> (${formula(step)}):
    ${VERDICTS[verdict]}${note ? html`<span class="sees">${note}</span>` : nothing}`;
}

/** What the check says, by the arithmetic of the pinned number. */
export const checkLine = () => (isChecked.value ? html`<small class="check" data-testid="check" data-verdict=${typeof check.value === 'object' && check.value && 'verdict' in check.value ? check.value.verdict : nothing}>${told()}</small>` : nothing);
