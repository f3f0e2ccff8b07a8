/** What a snippet has to compute: one state of the lab with what the server told of it. Nothing here needs a browser. */

/**
 * @typedef {object} Question
 * @property {{input: any, layers: any[]}} network as the API wants it
 * @property {number[]} inputShape with batch and channels
 * @property {{input_shape: number[], output_shape: number[], padding?: [number, number][]}[]} reports of the layers, as the server told
 * @property {'forward' | 'gradient'} mode
 * @property {number} layer whose map is wanted
 * @property {number} channel of the map, or of the input whose gradient is wanted
 * @property {any} loss as the API wants it
 * @property {number} [gradientAt] the layer at whose maps the gradient is wanted; -1, as usual, at the input
 * @property {number} kernelLayer whose kernel's gradient is wanted too, or −1
 * @property {string} api where the API is, without a slash at its end
 * @property {string} name of files, without an ending
 */
/** @typedef {{text: string} | {why: string}} Snippet the snippet, or why there is none */

/** Says in one sentence what cannot be written down. */
export class Inexpressible extends Error {}

/** The layer whose output the loss looks at. @param {Question} question */
export const lossLayer = ({ loss, layer }) => loss.select?.layer ?? layer;

/** How many layers have to be run. @param {Question} question */
export const depth = (question) => 1 + (question.mode === 'gradient' ? lossLayer(question) : question.layer);

/** The name of the gradient that is shown. @param {Question} question */
export const gradientName = ({ gradientAt = -1 }) => (gradientAt < 0 ? 'input' : `layers.${gradientAt}.output`);

/** The names of the gradients that are wanted; none of a map. @param {Question} question */
export function gradientNames(question) {
  const { mode, kernelLayer } = question;
  if (mode !== 'gradient') return [];
  const name = gradientName(question);
  return kernelLayer >= 0 && kernelLayer < depth(question) ? [name, `layers.${kernelLayer}.kernel`] : [name];
}

/** What the numbers are, as a sentence without its full stop. @param {Question} question */
export function subject({ mode, layer, channel, network, gradientAt = -1 }) {
  if (mode === 'gradient' && gradientAt >= 0) return `dL/dMap of layer ${gradientAt + 1} (${network.layers[gradientAt].type}), map ${channel}`;
  if (mode === 'gradient') return `dL/dInput, channel ${channel}`;
  return `Map ${channel} of layer ${layer + 1} (${network.layers[layer].type})`;
}
