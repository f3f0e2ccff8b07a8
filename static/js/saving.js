/** Saving what is shown: the map in focus, or all maps, with the values that the API answers. */

import { ADDRESS, compute, describe, file } from './api.js';
import { csv, keep, mapShape, npy } from './files.js';
import { focusPlane, scale } from './focus.js';
import { givesVector, hasKernel, toNetwork } from './layer-types.js';
import { gradientLayer, gradientName, lossLayer, lossOf, lossyNetwork } from './loss.js';
import { asked, axesIn } from './one-row.js';
import { paint } from './painting.js';
import { partial } from './slid.js';
import { kernelLayer, lab } from './state.js';

/** @typedef {import('./state.js').Lab} Lab */

/** The name of the input, for files. @param {Lab} state */
const sourceOf = ({ input }) => input.sample ?? (input.image ? input.image.slice(0, 8) : 'numbers');

/** The name of the map in focus, for files. @param {Lab} state */
export function nameOf(state) {
  const { mode, layers, layer, channel } = state;
  const at = mode === 'gradient' ? gradientLayer(state) : layer;
  const map = at < 0 ? `channel-${channel}` : `layer-${at + 1}-${layers[at].type}-map-${channel}`;
  const what = mode === 'gradient' ? `gradient-${map}` : map;
  return `${sourceOf(state)}-${what}`;
}

/** The request of the map in focus, every cell exactly. @param {Lab} state @returns {{path: '/forward' | '/backward', body: {layers: import('./layer-types.js').Layer[], [member: string]: any}}} */
function focusRequest(state) {
  const { mode, layer, channel } = state;
  if (mode === 'gradient')
    return { path: '/backward', body: { ...lossyNetwork(state), return: { gradients: [gradientName(state)], ...(givesVector(state.layers, gradientLayer(state)) ? {} : { channels: [channel] }) } } };
  return { path: '/forward', body: { ...toNetwork(state), return: { layers: [layer], ...(givesVector(state.layers, layer) ? {} : { channels: [channel] }) } } };
}

/** The request of every layer's maps, or of every gradient up to the loss. @param {Lab} state @returns {{path: '/forward' | '/backward', body: object, name: string}} */
function wholeRequest(state) {
  const source = sourceOf(state);
  if (state.mode !== 'gradient')
    return { path: '/forward', body: { ...toNetwork(state), return: { layers: 'all' } }, name: `${source}-maps` };
  const below = state.layers.slice(0, lossLayer(state) + 1);
  const gradients = below.flatMap((layer, index) => [...(hasKernel(layer) ? [`layers.${index}.kernel`] : []), `layers.${index}.output`]);
  return { path: '/backward', body: { ...lossyNetwork(state), return: { gradients: ['input', ...gradients] } }, name: `${source}-gradients` };
}

/** The map in focus with its exact values. */
async function focusTensor() {
  const { path, body } = focusRequest(lab.peek());
  const { tensors } = await compute(path, body, new AbortController().signal);
  const [{ values, shape }] = Object.values(tensors);
  return { values: /** @type {Float32Array<ArrayBuffer>} */ (values), shape: mapShape(axesIn(body, shape)) };
}

/** The focus map as it is without a picture behind it. */
export function savePicture() {
  const plane = partial.peek() ?? focusPlane.peek();
  if (!plane) return;
  const canvas = document.createElement('canvas');
  paint(canvas, plane, scale.peek());
  canvas.toBlob((blob) => blob && keep(blob, `${nameOf(lab.peek())}.png`));
}

export async function saveNpy() {
  const name = nameOf(lab.peek());
  const { values, shape } = await focusTensor();
  keep(new Blob(npy(values, shape)), `${name}.npy`);
}

export async function saveCsv() {
  const name = nameOf(lab.peek());
  const { values, shape } = await focusTensor();
  keep(new Blob(csv(values, shape), { type: 'text/csv' }), `${name}.csv`);
}

export async function saveJson() {
  const { path, body } = focusRequest(lab.peek());
  const name = nameOf(lab.peek());
  keep(await file(path, body, 'application/json'), `${name}.json`);
}

/** @param {'npz' | 'safetensors'} form */
export async function saveAll(form) {
  const { path, body, name } = wholeRequest(lab.peek());
  keep(await file(path, body, `application/x-${form}`), `${name}.${form}`);
}

/**
 * The network as a file that the command line reads, a layer a line: the maps in focus, or the gradient of the loss.
 * @param {object} render how the server is to draw them
 */
export function saveSpec(render) {
  const state = lab.peek();
  // Of gradients it is that at the input unless told.
  const inner = gradientLayer(state) < 0 ? {} : { return: { gradients: [gradientName(state)] } };
  const told = state.mode === 'gradient' ? { ...lossyNetwork(state), ...inner } : { ...toNetwork(state), return: { layers: [state.layer] } };
  const { layers, ...rest } = asked(told);
  const members = Object.entries({ ...rest, render }).map(([name, value]) => `  "${name}": ${JSON.stringify(value)}`);
  const lines = layers.map((/** @type {object} */ layer) => `    ${JSON.stringify(layer)}`).join(',\n');
  const text = `{\n${members.join(',\n')},\n  "layers": [\n${lines}\n  ]\n}\n`;
  keep(new Blob([text], { type: 'application/json' }), `${sourceOf(state)}-spec.json`);
}

/** What a snippet has to compute. @returns {Promise<import('./snippets/question.js').Question>} */
export async function currentQuestion() {
  const state = lab.peek();
  const { mode, layer, channel } = state;
  const { loss: wanted, ...network } = mode === 'gradient' ? lossyNetwork(state) : { ...toNetwork(state), loss: lossOf(state) };
  const told = await describe('/shapes', network, new AbortController().signal);
  const { loss, ...body } = asked({ ...network, loss: wanted });
  return {
    network: body,
    inputShape: axesIn(body, told.input.shape),
    reports: told.layers.map((/** @type {any} */ report) => {
      const [input_shape, output_shape] = [report.input_shape, report.output_shape].map((shape) => axesIn(body, shape));
      return { ...report, input_shape, output_shape };
    }),
    mode,
    layer,
    channel,
    loss,
    gradientAt: mode === 'gradient' ? gradientLayer(state) : -1,
    kernelLayer: kernelLayer.peek(),
    api: location.origin + ADDRESS,
    name: nameOf(state),
  };
}
