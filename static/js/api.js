/** The only module that fetches: requests to the REST API, and answers as values or as a Problem. */

import { answered, asked } from './one-row.js';

/** Where the API is, on this server. */
export const ADDRESS = '/api/v1';
const SAFETENSORS = 'application/x-safetensors';

/** @typedef {{what: 'kernel' | 'window', axis: string, size: number, dilation: number, span: number, padded: number, legal_span: number}} Misfit a kernel or window that is longer than its input, along one axis */
/** @typedef {{pointer: string, detail: string, misfit?: Misfit}} Fault */
/** @typedef {{values: Uint8Array | Float32Array, shape: number[]}} Tensor */
/** @typedef {{envelope: any, tensors: Record<string, Tensor>, serverTiming: string}} Answer */

/** What the server says is wrong, as one sentence and as faults at places of the request. */
export class Problem extends Error {
  /** @param {{status: number, detail?: string, title?: string, errors?: Fault[], estimated?: number, limit?: number}} body */
  constructor(body) {
    super(body.detail ?? body.title ?? `The server answered ${body.status}.`);
    this.status = body.status;
    this.faults = body.errors ?? [];
    /** What it would need and may, in bytes. */
    this.memory = body.estimated && body.limit ? { estimated: body.estimated, limit: body.limit } : null;
  }
}

const LONGEST_WAIT_S = 10;

/** Wait as long as a busy server wants. @param {Response} answer @param {AbortSignal | null} [signal] */
function busyFor(answer, signal) {
  const asked = Number(answer.headers.get('retry-after')) || 1;
  return new Promise((resolve, reject) => {
    setTimeout(resolve, Math.min(asked, LONGEST_WAIT_S) * 1000);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/**
 * A server that is busy is asked a second time, when it says.
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
async function ask(path, options = {}) {
  let answer = await fetch(ADDRESS + path, options);
  if (answer.status === 503) {
    await busyFor(answer, options.signal);
    answer = await fetch(ADDRESS + path, options);
  }
  if (answer.ok) return answer;
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json');
  throw new Problem(isProblem ? await answer.json() : { status: answer.status });
}

/** @param {string} path @param {object} body @param {string} accept @param {AbortSignal} [signal] */
function post(path, body, accept, signal) {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify(asked(body)),
    signal,
  });
}

/** @param {string} path @returns {Promise<any>} */
export const get = async (path) => (await ask(path)).json();

/**
 * Compute, and get arrays without a copy.
 * @param {'/forward' | '/backward'} path
 * @param {object} body
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function compute(path, body, signal) {
  const answer = await post(path, body, SAFETENSORS, signal);
  const buffer = await answer.arrayBuffer();
  try {
    return { ...readSafetensors(buffer), serverTiming: answer.headers.get('server-timing') ?? '' };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    throw new Problem({ status: answer.status, detail: 'What answered is not Convscope, or was cut on its way.' });
  }
}

/** An answer as the bytes of a file. @param {'/forward' | '/backward'} path @param {object} body @param {string} form media type */
export const file = async (path, body, form) => (await post(path, body, form)).blob();

/** @param {'/shapes' | '/explain' | '/gradcheck'} path @param {object} body @param {AbortSignal} signal */
export const describe = async (path, body, signal) =>
  answered(await (await post(path, body, 'application/json', signal)).json());

/**
 * Store a picture; the same bytes again give the same id.
 * @param {Blob} file
 * @param {AbortSignal} signal
 * @returns {Promise<any>} the record: id, width, height, channels, conversions, …
 */
export const upload = async (file, signal) =>
  (
    await ask('/images', {
      method: 'POST',
      headers: { 'content-type': file.type || 'application/octet-stream' },
      body: file,
      signal,
    })
  ).json();

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} name
 * @property {'waiting' | 'running' | 'done' | 'cancelled'} state
 * @property {{total: number, waiting: number, running: number, done: number, failed: number}} pictures
 * @property {number} bytes of the results
 * @property {number | null} rate pictures a second
 * @property {number | null} eta seconds
 * @property {string} trouble why it does not go on just now
 * @property {{number: number, name: string, detail: string}[]} [faults]
 */

/** Have many pictures computed. @param {object} body @returns {Promise<Job>} */
export const submitJob = async (body) => (await post('/jobs', body, 'application/json')).json();

/** @param {string} id @returns {Promise<Job>} */
export const cancelJob = async (id) => (await ask(`/jobs/${id}/cancel`, { method: 'POST' })).json();

/** @param {string} id */
export const deleteJob = (id) => ask(`/jobs/${id}`, { method: 'DELETE' });

/** @param {string} id */
export const resultsUrl = (id) => `${ADDRESS}/jobs/${id}/results`;

/**
 * Be told how far a job is until it has ended; a connection that drops is made again by the browser.
 * @param {string} id
 * @param {(job: Job) => void} tell
 * @param {() => void} lost there is nothing more to be told
 * @returns {() => void} ends it
 */
export function watchJob(id, tell, lost) {
  const source = new EventSource(`${ADDRESS}/jobs/${id}/events`);
  const learn = (/** @type {MessageEvent} */ { data }) => tell(JSON.parse(data));
  const end = () => {
    source.close();
    lost();
  };
  source.addEventListener('progress', learn);
  source.addEventListener('end', (event) => {
    learn(event);
    end();
  });
  source.addEventListener('gone', end);
  source.addEventListener('error', () => source.readyState === EventSource.CLOSED && end());
  return () => source.close();
}

/** @param {string} id @param {number} side */
export const imageUrl = (id, side) => `${ADDRESS}/images/${id}/content?max_side=${side}`;

/** @param {string} name */
export const sampleUrl = (name) => `${ADDRESS}/samples/${encodeURIComponent(name)}/content`;

/** @type {Record<string, (buffer: ArrayBuffer, from: number, count: number) => Tensor['values']>} */
const READERS = {
  U8: (buffer, from, count) => new Uint8Array(buffer, from, count),
  // A Float32Array must start at a multiple of four; the format does not promise one.
  F32: (buffer, from, count) =>
    from % 4
      ? new Float32Array(buffer.slice(from, from + 4 * count))
      : new Float32Array(buffer, from, count),
};

/** @param {ArrayBuffer} buffer @returns {{envelope: any, tensors: Record<string, Tensor>}} */
function readSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...entries } = header;
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const count = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    tensors[name] = answered({ values: READERS[dtype](buffer, 8 + length + data_offsets[0], count), shape });
  }
  return { envelope: answered(JSON.parse(metadata.response)), tensors };
}
