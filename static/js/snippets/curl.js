/** The request as shell commands: the numbers as NPZ, the picture as PNG. */

import { gradientName, gradientNames } from './question.js';
import { quoted } from './python.js';

/** The route and the body that ask for what is shown. @param {import('./question.js').Question} question */
export function request(question) {
  const { network, mode, layer, channel, loss, reports } = question;
  if (mode === 'gradient')
    return { path: '/backward', body: { ...network, loss, return: { gradients: gradientNames(question) } } };
  return { path: '/forward', body: { ...network, return: { layers: [layer], ...(reports[layer].output_shape.length === 2 ? {} : { channels: [channel] }) } } };
}

/**
 * @param {import('./question.js').Question} question
 * @param {object} render how the server colours the picture
 */
export function curlSnippet(question, render) {
  const { api, name, mode, channel } = question;
  const { path, body } = request(question);
  const drawn = { ...body, render };
  // A picture is of one channel, numbers are of all that the page knows.
  if (mode === 'gradient') Object.assign(drawn, { return: { gradients: [gradientName(question)], channels: [channel] } });
  const command = (/** @type {string} */ accept, /** @type {string} */ ending, /** @type {object} */ asked) =>
    [
      `curl -sS --fail-with-body ${quoted(api + path)}`,
      `-H 'content-type: application/json' -H 'accept: ${accept}'`,
      `-o ${quoted(`${name}.${ending}`)} -d ${quoted(JSON.stringify(asked))}`,
    ].join(' \\\n  ');
  return { text: `${command('application/x-npz', 'npz', body)}\n${command('image/png', 'png', drawn)}\n` };
}
