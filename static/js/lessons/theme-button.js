/** The lessons in the theme of the lab; all else on their page needs no script. */

import { effect } from '../../vendor/signals-core/signals-core.js';
import { dark, startTheme, toggleTheme } from '../theme.js';

startTheme();
const button = document.createElement('button');
button.className = 'plain';
button.dataset.testid = 'theme';
button.addEventListener('click', toggleTheme);
effect(() => {
  button.textContent = dark.value ? 'Light' : 'Dark';
});
document.querySelector('#tools')?.append(button);
