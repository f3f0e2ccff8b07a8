/** All the ways to compute the same elsewhere. */

import { clientSnippet } from './client.js';
import { curlSnippet } from './curl.js';
import { numpySnippet } from './numpy.js';
import { pytorchSnippet } from './pytorch.js';
import { Inexpressible } from './question.js';

/** @typedef {'curl' | 'client' | 'numpy' | 'pytorch'} Language */

/** @type {Record<Language, (question: import('./question.js').Question, render: object) => import('./question.js').Snippet>} */
const WRITERS = { curl: curlSnippet, client: clientSnippet, numpy: numpySnippet, pytorch: pytorchSnippet };

/**
 * @param {Language} language
 * @param {import('./question.js').Question} question
 * @param {object} [render] how the server colours a picture
 * @returns {import('./question.js').Snippet}
 */
export function snippet(language, question, render = {}) {
  try {
    return WRITERS[language](question, render);
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    return { why: error.message };
  }
}
