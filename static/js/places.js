/** The places of the page, by the id of the element that each is drawn into: one is drawn when what it reads changes. */

import { arithmeticView } from './arithmetic-view.js';
import { compareView } from './compare-view.js';
import { commandView } from './export-view.js';
import { focusView } from './focus-view.js';
import { geometryView } from './geometry-view.js';
import { gradientNote } from './gradient-view.js';
import { inputView } from './input-view.js';
import { kernelView } from './kernel-view.js';
import { lossControls } from './loss-view.js';
import { colourControls, faultNotes, galleryView, legendZero, mapsHead, modeButtons, statsLine, zoomControls } from './maps-view.js';
import { slideView } from './slide-view.js';
import { stackView } from './stack-view.js';

/** @type {Record<string, () => import('../vendor/lit-html/lit-html.js').TemplateResult>} */
export const PLACES = {
  input: inputView,
  stack: stackView,
  kernel: kernelView,
  geometry: geometryView,
  'maps-head': mapsHead,
  mode: modeButtons,
  loss: lossControls,
  frame: focusView,
  'legend-zero': legendZero,
  faults: faultNotes,
  note: gradientNote,
  stats: statsLine,
  view: colourControls,
  gallery: galleryView,
  zoom: zoomControls,
  slide: slideView,
  compare: compareView,
  command: commandView,
  arithmetic: arithmeticView,
};
