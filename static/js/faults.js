/** What is wrong, in a sentence for the control that it is about. */

import { computed } from '../vendor/signals-core/signals-core.js';
import { axisWord } from './format.js';
import { complaints, faults, sizedAt } from './state.js';

/** @typedef {import('./api.js').Fault} Fault */
/** @typedef {import('./api.js').Misfit} Misfit */

/** The most that is legal at a control; 0 where nothing is. @param {string} field @param {Misfit} misfit */
function mostAt(field, { size, dilation, legal_span: room }) {
  if (room < 1) return 0;
  if (field === 'dilation') return size > 1 ? Math.floor((room - 1) / (size - 1)) : 0;
  return Math.floor((room - 1) / dilation) + 1;
}

/** @param {Misfit} misfit */
const spanText = ({ size, dilation, span }) => (dilation > 1 ? `${dilation}·(${size} − 1) + 1 = ${span}` : String(span));

/** @param {number} most */
const upTo = (most) => (most > 1 ? `1 to ${most}` : most === 1 ? '1' : 'none');

/** What would be legal at the control that made it so. @param {string} field @param {Misfit[]} found */
function legalAt(field, found) {
  if (field === 'padding') return `the padding must add ${found.map(({ span, legal_span: room, axis }) => `${span - room} ${axisWord(axis)}`).join(' and ')} more`;
  const ranges = found.map((one) => upTo(mostAt(field, one)));
  const what = field === 'dilation' ? ' dilations' : '';
  const alike = new Set(ranges).size === 1 && (ranges.length === 1 || what !== '');
  return `legal${what} ${alike && !what ? 'is' : 'are'} ${(alike ? ranges.slice(0, 1) : ranges).join(' and ')}`;
}

/** @param {Misfit[]} found one for each axis @param {string} field the control that it is said at */
function misfitSentence(found, field) {
  const spans = found.map((one) => `${spanText(one)} ${axisWord(one.axis)}`).join(' and ');
  const rooms = found.map(({ padded }) => padded).join(' and ');
  return `The ${found[0].what} spans ${spans}, but its padded input has only ${rooms}: ${legalAt(field, found)}.`;
}

/** A sentence as people write it. @param {string} text */
const tidy = (text) =>
  (text.charAt(0).toUpperCase() + text.slice(1)).replace(/(^|[\s(=])-(?=\d)/g, '$1−');

/** @param {Fault[]} told of one place */
function sentenceOf(told) {
  const misfits = told.flatMap(({ misfit }) => misfit ?? []);
  const rest = told.filter(({ misfit }) => !misfit).map(({ detail }) => tidy(detail));
  const first = misfits.length ? [misfitSentence(misfits, told[0].pointer.split('/')[3])] : [];
  return [...new Set([...first, ...rest])].join(' ');
}

/** @type {Fault[]} */
const NONE = [];
/**
 * What the server finds wrong; that nothing is, is news only once.
 *
 * A kernel that spans too much is said at the control that made it so: the dilation, the padding.
 */
const found = computed(() => {
  if (!faults.value.length) return NONE;
  const cause = sizedAt();
  const moved = (/** @type {Fault} */ fault) => fault.misfit && cause.startsWith(fault.pointer.replace(/[^/]+$/, ''));
  return faults.value.map((fault) => (moved(fault) ? { ...fault, pointer: cause } : fault));
});

/** The sentences at a place: the page's own of it and of all below it, else the server's. @param {string} place @returns {{at: string, text: string}[]} */
export function sentencesAt(place) {
  const here = (/** @type {string} */ pointer) => pointer === place || pointer.startsWith(`${place}/`);
  const own = Object.entries(complaints.value).filter(([pointer]) => here(pointer));
  const text = own.length ? '' : sentenceOf(found.value.filter(({ pointer }) => here(pointer)));
  if (text) return [{ at: place, text }];
  const told = own.map(([at, said]) => ({ at, text: said }));
  return told.filter(({ text }, index) => told.findIndex((one) => one.text === text) === index);
}

/** All that is said at a place. @param {string} place */
export const sentenceAt = (place) => sentencesAt(place).map(({ text }) => text).join(' ');

/** Sentences about no place that has a control. */
export const unplaced = computed(() => {
  const told = found.value.filter(({ pointer }) => !/^\/(layers\/\d+\/\w+|input|loss)/.test(pointer));
  return told.map((fault) => sentenceOf([fault]));
});
