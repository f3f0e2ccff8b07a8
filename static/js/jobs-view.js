/** The panel of jobs: how far each is, its results, and what is wrong with which picture. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { resultsUrl } from './api.js';
import { number } from './format.js';
import { ACCEPTED } from './input-view.js';
import { cancel, faults, forget, isOpen, jobs, learnFaults, left, refreshJobs, refused, sending, stopSending, takeMany } from './jobs.js';

/** @typedef {import('./api.js').Job} Job */

const UNITS = /** @type {const} */ ([
  ['h', 3600],
  ['min', 60],
  ['s', 1],
]);

/** @param {number} seconds */
function duration(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds >= 1.5 * size) ?? UNITS[2];
  return `${Math.max(1, Math.round(seconds / size))} ${unit}`;
}

const BYTES = /** @type {const} */ ([
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
]);

/** @param {number} bytes */
function size(bytes) {
  const [unit, many] = BYTES.find(([, many]) => bytes >= many) ?? BYTES[2];
  return `${number(bytes / many, 3)} ${unit}`;
}

/** @param {Job} job */
function progressText({ state, pictures, rate, eta, bytes }) {
  const { total, done, failed } = pictures;
  if (state === 'waiting') return `${total} waiting`;
  const ended = `${done} of ${total}`;
  const wrong = failed ? [`${failed} failed`] : [];
  if (state === 'running')
    return [ended, ...wrong, ...(rate ? [`${number(rate, 2)} a second`] : []), ...(eta === null ? [] : [`${duration(eta)} left`])].join(' · ');
  return [state === 'done' ? ended : `cancelled at ${ended}`, ...wrong, size(bytes)].join(' · ');
}

/** @param {Job} job */
function faultList({ id, pictures }) {
  if (!pictures.failed) return nothing;
  const open = (/** @type {any} */ event) => event.target.open && learnFaults(id);
  const known = faults.value[id] ?? [];
  return html`<details @toggle=${open} data-testid="job-faults">
    <summary>What failed</summary>
    <ul>${known.map(({ name, detail }) => html`<li><b>${name}</b> ${detail}</li>`)}</ul>
  </details>`;
}

/** @param {Job} job */
function jobView(job) {
  const { id, pictures, trouble } = job;
  const name = job.name || 'Job';
  const open = isOpen(job);
  return html`<li class="job" data-testid="job" data-state=${job.state}>
    <div class="bar">
      <b class="grow">${name}</b>
      ${open ? html`<button class="small" data-testid="job-cancel" @click=${() => cancel(id)} aria-label=${`Cancel ${name}`}>Cancel</button>` : nothing}
      ${!open && pictures.done
        ? html`<a class="button small" href=${resultsUrl(id)} download data-testid="job-results" aria-label=${`Download the results of ${name}`}>Download</a>`
        : nothing}
      ${open ? nothing : html`<button class="small plain" data-testid="job-delete" @click=${() => forget(id)} aria-label=${`Delete ${name} and its results`}>Delete</button>`}
    </div>
    <progress max=${pictures.total} .value=${pictures.done + pictures.failed} aria-label=${`Pictures of ${name} that are done`}></progress>
    <small data-testid="job-progress">${progressText(job)}</small>
    ${trouble ? html`<small class="wrong" role="status">${trouble}</small>` : nothing} ${faultList(job)}
  </li>`;
}

function sendingView() {
  if (!sending.value) return nothing;
  const { sent, total } = sending.value;
  return html`<div class="job" data-testid="sending">
    <div class="bar"><b class="grow">Pictures on their way</b><button class="small" @click=${stopSending}>Stop</button></div>
    <progress max=${total} .value=${sent} aria-label="Pictures that have been sent"></progress>
    <small>${sent} of ${total} sent</small>
  </div>`;
}

/** @param {any} event */
function onFiles({ target }) {
  takeMany([...target.files]);
  target.value = ''; // so that the same files can be chosen again
}

const leftView = () =>
  left.value.length
    ? html`<div class="wrong" role="alert" data-testid="job-left">
        <p>${left.value.length === 1 ? 'One file is' : `${left.value.length} files are`} no part of the job:</p>
        <ul>${left.value.map(({ name, why }) => html`<li><b>${name}</b> ${why}</li>`)}</ul>
      </div>`
    : nothing;

/** What the button says of the jobs: how far those are that run. */
function summary() {
  const open = jobs.value.filter(isOpen);
  if (!open.length) return nothing;
  const sum = (/** @type {(job: Job) => number} */ of) => open.reduce((all, job) => all + of(job), 0);
  const done = sum(({ pictures }) => pictures.done + pictures.failed) / sum(({ pictures }) => pictures.total);
  return html` <span class="share">${Math.floor(100 * done)} %</span>`;
}

/** @param {ToggleEvent} event */
const onToggle = ({ newState }) => newState === 'open' && refreshJobs();

export const jobsPanel = () => html`<button type="button" class="plain" popovertarget="jobs" aria-haspopup="dialog" data-testid="jobs">Jobs${summary()}</button
  ><section class="jobs" id="jobs" popover role="dialog" aria-label="Jobs" @toggle=${onToggle} tabindex="-1">
    <div class="bar">
      <h2 class="grow">Many pictures</h2>
      <button class="small plain" popovertarget="jobs" popovertargetaction="hide" aria-label="Close the jobs">Close</button>
    </div>
    <p class="dim">The network as it stands, on as many pictures as you choose, or drop anywhere together. The server goes on when this page is closed.</p>
    <label class="button">Choose pictures…<input type="file" class="away" multiple accept=${ACCEPTED} aria-label="Choose pictures for a job" data-testid="job-files" @change=${onFiles} /></label>
    ${refused.value ? html`<p class="wrong" role="alert" data-testid="job-refused">${refused.value}</p>` : nothing} ${leftView()} ${sendingView()}
    <ul class="list">${jobs.value.map(jobView)}</ul>
  </section>`;
