/** The API's description: Swagger UI on this server's own, in the theme that the lab has too. */

import { effect } from '../vendor/signals-core/signals-core.js';
import { html, render } from '../vendor/lit-html/lit-html.js';
import { dark, startTheme, toggleTheme } from '../js/theme.js';

const place = /** @type {HTMLElement} */ (document.querySelector('#swagger-ui'));
const tools = /** @type {HTMLElement} */ (document.querySelector('#tools'));

/** @param {string} selector @param {(element: HTMLElement) => void} mend */
const eachNew = (selector, mend) => /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll(selector)).forEach(mend);

/** What Swagger UI leaves out for those who do not see it, or have no mouse. */
function mend() {
  const told = (/** @type {Element} */ element) => element.closest('.opblock')?.querySelector('.opblock-summary-path')?.textContent ?? '';
  eachNew('.information-container:not([role])', (about) => {
    about.setAttribute('role', 'region');
    about.setAttribute('aria-label', 'About');
  });
  eachNew('pre.microlight:not([tabindex])', (pre) => pre.setAttribute('tabindex', '0'));
  eachNew(':is(h3.opblock-tag, .models h4):not([aria-level])', (title) => title.setAttribute('aria-level', '2'));
  eachNew('.opblock :is(h4, h5):not([aria-level])', (title) => title.setAttribute('aria-level', '3'));
  eachNew('.responses-table[role=region]:not([aria-label])', (table) => table.setAttribute('aria-label', `Responses of ${told(table)}`));
  eachNew('.opblock :is(input, textarea, select):not([aria-label])', (control) => {
    const named = control.closest('tr')?.querySelector('.parameter__name')?.firstChild?.textContent;
    control.setAttribute('aria-label', named ?? 'Request body');
  });
}

/** @param {{React: any}} system links within a button take its clicks from readers of the screen; opening it is link enough */
const plainNames = ({ React }) => ({
  components: { DeepLink: (/** @type {{text: unknown}} */ { text }) => React.createElement('span', null, text) },
});

startTheme();
effect(() => {
  // Swagger UI's own style sheet is dark below this class.
  document.documentElement.classList.toggle('dark-mode', dark.value);
  render(html`<button class="plain" data-testid="theme" @click=${toggleTheme}>${dark.value ? 'Light' : 'Dark'}</button>`, tools);
});
new MutationObserver(mend).observe(place, { childList: true, subtree: true });

/** @type {any} */ (window).SwaggerUIBundle({
  url: place.dataset.description,
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  plugins: [plainNames],
  // The validator badge would ask a server elsewhere.
  validatorUrl: null,
});
