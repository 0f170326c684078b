import type { Condition } from '../conditions/schema.js';
import type { Note } from './note.js';

/** What is weaker than it looks in the conditions of one entry. */
export function conditionNotes(conditions: readonly Condition[], path: string): readonly Note[] {
  return conditions.flatMap((condition, at) => notesOf(condition, `${path}/${at}`));
}

function notesOf(condition: Condition, path: string): readonly Note[] {
  const { all = [], any = [], not, prefix = [], hosts = [], inside = [], matches } = condition;
  return [
    ...conditionNotes(all, `${path}/all`),
    ...conditionNotes(any, `${path}/any`),
    ...(not === undefined ? [] : notesOf(not, `${path}/not`)),
    ...prefix.flatMap((start) => prefixNote(start, `${path}/prefix`)),
    ...hosts.flatMap((entry) => hostNote(entry, `${path}/hosts`)),
    ...inside.flatMap((root) => rootNote(root, `${path}/inside`)),
    ...(matches === undefined ? [] : expressionNote(matches, `${path}/matches`)),
  ];
}

function prefixNote(start: string, path: string): Note[] {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(start)) {
    return [{ code: 'weak_test', path, message: `${start} also begins URLs of other hosts (name@host, longer names): use hosts` }];
  }
  if (/^\.{0,2}\//.test(start)) {
    return [{ code: 'weak_test', path, message: `${start} also begins paths that leave it again by ..: use inside` }];
  }
  return [];
}

function hostNote(entry: string, path: string): Note[] {
  const labels = entry.replace(/:(\d+|\*)$/, '').split('.');
  if (entry.startsWith('*.') && labels.length < 3) {
    return [{ code: 'weak_test', path, message: `${entry} takes in every host of a top-level domain, anybody's: name the domain` }];
  }
  if (/^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|0\.|\[(::1|f[cde]))/i.test(entry)) {
    return [{ code: 'weak_test', path, message: `${entry} is this machine or its network, where services often ask for no credentials` }];
  }
  return [];
}

function rootNote(root: string, path: string): Note[] {
  if (/^[/.]*$/.test(root)) return [{ code: 'weak_test', path, message: `${root} takes in every path: name the folder` }];
  return root.split('/').includes('..') ? [{ code: 'weak_test', path, message: `${root} holds ..: write the folder that is meant` }] : [];
}

function expressionNote(source: string, path: string): Note[] {
  if (/^\^?\.\*\$?$/.test(source)) return [{ code: 'weak_test', path, message: 'matches every text' }];
  return /^\^?https?:\/\//i.test(source) && /[a-z0-9-]\.[a-z]/i.test(source.replaceAll('\\.', ''))
    ? [{ code: 'weak_test', path, message: 'the dots of the host match any character: write \\., or better, use hosts' }]
    : [];
}
