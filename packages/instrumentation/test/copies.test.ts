import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { audited } from '../src/audited.js';
import { session } from '../src/session.js';
import { findings, kinds, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

test('two copies of the package in one process record one chain', async () => {
  vi.resetModules();
  const other = await import('../src/index.js');
  expect(other.session).not.toBe(session);
  const first = audited('first', () => 1);
  session({ agent: { id: 'bot' } }, (own) => {
    first();
    other.audited('second', () => 2)();
    other.audited('third', () => 3, { session: own })();
    other.session({ agent: { id: 'helper' } }, first);
  });
  const [spawn] = recording.kind('child.spawn');
  expect(kinds(recording.links().filter((link) => link.session === spawn?.session))).toEqual([
    'session.start',
    ...Array.from({ length: 3 }, () => ['action.intent', 'action.outcome']).flat(),
    'child.spawn',
    'session.end',
  ]);
  expect(other.status().sessions).toEqual({ open: 0, opened: 2 });
  expect(findings(recording.links())).toEqual([]);
});
