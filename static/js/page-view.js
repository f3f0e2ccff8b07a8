/** The places of the page: the controls (input; layers, kernel, geometry) and the maps. */

import { html } from '../vendor/lit-html/lit-html.js';
import { geometryView } from './geometry-view.js';
import { inputView } from './input-view.js';
import { kernelView } from './kernel-view.js';
import { mapsView } from './maps-view.js';
import { stackView } from './stack-view.js';

export const pageView = () => html`<div class="controls">
    <section class="place input" aria-label="Input">${inputView()}</section>
    <section class="layers" aria-label="Layers and kernel">
      <div class="place stack-place">${stackView()}</div>
      <div class="workbench">
        <div class="place kernel-place">${kernelView()}</div>
        <div class="place geometry-place">${geometryView()}</div>
      </div>
    </section>
  </div>
  <section class="place maps" aria-label="Feature maps">${mapsView()}</section>`;
