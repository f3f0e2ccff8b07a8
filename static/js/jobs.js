/** Many pictures through the network of the lab: sent one after another, computed by the server as a job. */

import { signal } from '../vendor/signals-core/signals-core.js';
import { Problem, cancelJob, deleteJob, get, submitJob, upload, watchJob } from './api.js';
import { number } from './format.js';
import { LAYER_TYPES, toNetwork } from './layer-types.js';
import { layersFor } from './one-row.js';
import { lab, limits } from './state.js';

/** @typedef {import('./api.js').Job} Job */
/** @typedef {{name: string, why: string}} Refused a file that is not part of the job */

/** A browser has few connections to a server, and the lab needs some. */
const MOST_STREAMS = 2;
const AGAIN_MS = 3000;
const LONGEST_NAME = 100;
const MEBIBYTE = 2 ** 20;
/** What a file's name may not hold, on some system or other. */
const UNSAFE = /[/\\:*?"<>|\p{C}]/gu;

/** Every job of the server, the latest first. */
export const jobs = signal(/** @type {Job[]} */ ([]));
/** How many pictures of how many have been sent. */
export const sending = signal(/** @type {{sent: number, total: number} | null} */ (null));
/** Files that could not be sent. */
export const left = signal(/** @type {Refused[]} */ ([]));
/** Why something could not be done. */
export const refused = signal('');
/** What is wrong with which picture, by the id of a job. */
export const faults = signal(/** @type {Record<string, NonNullable<Job['faults']>>} */ ({}));

/** @param {Job} job */
export const isOpen = ({ state }) => state === 'waiting' || state === 'running';

/** @type {Map<string, () => void>} */
const streams = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;
let stop = new AbortController();

/** @param {Job} told */
function learn(told) {
  jobs.value = jobs.value.map((job) => (job.id === told.id ? told : job));
}

/** Watch the jobs that are open; those beyond the few that can be watched are asked for. */
function follow() {
  const open = jobs.peek().filter(isOpen);
  for (const [id, end] of streams) {
    if (open.some((job) => job.id === id)) continue;
    end();
    streams.delete(id);
  }
  for (const { id } of open.slice(0, MOST_STREAMS)) {
    if (streams.has(id)) continue;
    const lost = () => {
      streams.delete(id);
      askAgain(0);
    };
    streams.set(id, watchJob(id, learn, lost));
  }
  if (open.length > streams.size) askAgain(AGAIN_MS);
}

/** @param {number} wait */
function askAgain(wait) {
  clearTimeout(again);
  again = setTimeout(refreshJobs, wait);
}

/** Learn of all jobs, those of other pages too. */
export async function refreshJobs() {
  try {
    jobs.value = (await get('/jobs')).jobs;
    follow();
  } catch (error) {
    if (!(error instanceof Problem || error instanceof TypeError)) throw error;
    if (jobs.peek().some(isOpen)) askAgain(AGAIN_MS); // the server is away; it may come again
  }
}

/** Do something that the server takes part in, and say what goes wrong. @param {() => Promise<unknown>} act */
async function attempt(act) {
  refused.value = '';
  try {
    await act();
  } catch (error) {
    if (error instanceof Problem) refused.value = error.message;
    else if (error instanceof TypeError) refused.value = 'The server does not answer; try again.';
    else throw error;
  }
  await refreshJobs();
}

/** @param {string} id */
export const cancel = (id) => attempt(() => cancelJob(id));
/** @param {string} id */
export const forget = (id) => attempt(() => deleteJob(id));
/** Learn which pictures failed, and why. @param {string} id */
export const learnFaults = (id) =>
  attempt(async () => (faults.value = { ...faults.value, [id]: (await get(`/jobs/${id}`)).faults }));

/** What the results of a picture are called. @param {File} file */
function nameOf({ name }) {
  const stem = name.replace(/\.[^.]*$/, '').replace(UNSAFE, '-');
  return stem.slice(0, LONGEST_NAME).replace(/^[. ]+|[. ]+$/g, '') || 'picture';
}

/** The network of the lab on these pictures. @param {{image: string, name: string}[]} images */
function bodyOf(images) {
  const { input, layers: shown } = lab.peek();
  const { color = 'gray', range, max_side } = input;
  const layers = layersFor(shown, false);
  const network = toNetwork({ input: { color }, layers });
  const named = layers.map(({ type }) => LAYER_TYPES[type]?.title ?? type).join(', ');
  return {
    kind: 'apply',
    name: named.slice(0, LONGEST_NAME),
    images,
    input: { color, range, max_side },
    layers: network.layers,
    forms: ['npz', 'png'],
  };
}

/** Why a file is not even sent, or ''. @param {File} file */
function unfit(file) {
  const most = limits.peek()?.upload_bytes;
  if (file.size === 0) return 'It is empty.';
  if (!most || file.size <= most) return '';
  const [has, may] = [file.size, most].map((bytes) => number(bytes / MEBIBYTE, 3));
  return `It has ${has} MiB; a picture may have up to ${may} MiB.`;
}

/** Send pictures, each one's fault its own. @param {File[]} files @param {AbortSignal} signal */
async function send(files, signal) {
  const images = [];
  for (const [sent, file] of files.entries()) {
    sending.value = { sent, total: files.length };
    let why = unfit(file);
    try {
      if (!why) images.push({ image: (await upload(file, signal)).id, name: nameOf(file) });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      why = error.message;
    }
    if (why) left.value = [...left.value, { name: file.name, why }];
  }
  return images;
}

/** Have many pictures computed with the network as it stands. @param {File[]} files */
export async function takeMany(files) {
  const panel = document.getElementById('jobs');
  if (!panel?.matches(':popover-open')) panel?.showPopover();
  if (!files.length) return;
  const most = limits.peek()?.job_items;
  if (most && files.length > most) {
    refused.value = `These are ${files.length} pictures; a job may have up to ${most}.`;
    return;
  }
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  left.value = [];
  await attempt(async () => {
    try {
      const images = await send(files, signal);
      if (images.length) await submitJob(bodyOf(images));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (signal === stop.signal) sending.value = null;
    }
  });
}

/** Send no more of them. */
export function stopSending() {
  stop.abort();
  sending.value = null;
}
