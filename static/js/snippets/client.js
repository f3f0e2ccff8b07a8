/** The request in Python, by Convscope's own client. */

import { laidOut, literal } from './python.js';
import { depth, gradientNames, subject } from './question.js';

/** @param {import('./question.js').Question} question */
export function clientSnippet(question) {
  const { network, mode, layer, channel, loss, api, name, reports, gradientAt = -1 } = question;
  const gradient = mode === 'gradient';
  const flat = (gradient ? (reports[gradientAt]?.output_shape ?? []) : reports[layer].output_shape).length === 2;
  const names = gradientNames(question);
  const given = [laidOut(network.input, 8), laidOut(network.layers.slice(0, depth(question)), 8)];
  const asked = gradient
    ? [`loss=${laidOut(loss, 8)}`, `gradients=${literal(names)}`]
    : [`returning=${literal({ layers: [layer], ...(flat ? {} : { channels: [channel] }) })}`];
  const taken = gradient
    ? [
        `values = found[${literal(names[0])}][0${flat ? '' : `, ${channel}`}]`,
        ...names.slice(1).map((one) => `np.save(${literal(`${name}-kernel.npy`)}, found[${literal(one)}])`),
      ]
    : [`values = found.output[0${flat ? '' : ', 0'}]`];
  return {
    text: [
      `"""${subject(question)}, from Convscope."""`,
      '',
      'import numpy as np',
      '',
      'from app.client import Client',
      '',
      `with Client(${literal(api.replace(/\/api\/v1$/, ''))}) as client:`,
      `    found = client.${gradient ? 'backward' : 'forward'}(`,
      ...[...given, ...asked].map((one) => `        ${one},`),
      '    )',
      ...taken,
      `np.save(${literal(`${name}.npy`)}, values)`,
      'print(values.shape, values.min(), values.max())',
      '',
    ].join('\n'),
  };
}
