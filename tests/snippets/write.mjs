// Writes snippets by the page's own modules: questions as JSON come in, their texts go out.
import { readFileSync } from 'node:fs';
import { snippet } from '../../static/js/snippets/index.js';

const asked = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(asked.map(({ language, question, render }) => snippet(language, question, render))));
