import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, expectAllExecuted, withAndWithout } from './support/program.js';
import { claimPolicy, claimToolRunner } from './support/tool-runner.js';

/** One for each way in which versions 0 run tools. */
const VERSIONS = [
  { version: '0.137', folder: 'anthropic-0', app: 'app', early: 'early' },
  { version: '0.131', folder: 'anthropic-0.131', app: 'app', early: 'early' },
  // The one that version 0.2 of the Claude Agent SDK brings.
  { version: '0.93', folder: 'claude-agent-sdk-0.2', app: 'anthropic', early: 'anthropic-early' },
  { version: '0.82', folder: 'anthropic-0.82', app: 'app', early: 'early' },
];
const LOADINGS = VERSIONS.flatMap((one) => [
  { ...one, name: `${one.version} as ES module`, extension: 'mjs' },
  // What is patched is the same in the other two.
  ...(['0.137', '0.82'].includes(one.version) ? [{ ...one, name: `${one.version} as CommonJS`, extension: 'cjs' }] : []),
]);
const STRICT = { CUSTODY_STRICT: '1' };

describe.each(LOADINGS)('the tool runner of @anthropic-ai/sdk $name', ({ version, folder, app, early, extension }) => {
  const path = join(FRAMEWORKS, folder, `${app}.${extension}`);
  const later = !version.startsWith('0.8') && !version.startsWith('0.9');
  const run = withAndWithout(path, { env: STRICT });

  claimUnchanged(run, { lines: 16, links: 60 });

  it('complains of nothing where it is strict', () => {
    expect(run.complaints()).not.toContain('UNARMED');
  });

  claimToolRunner(run, later);
  claimPolicy(path, STRICT);

  describe('where the application does something with its tools on the way', () => {
    const changed = withAndWithout(join(FRAMEWORKS, folder, `${early}.${extension}`), { env: STRICT });
    const { call, intent, kind, kindsOf } = changed.links;

    claimUnchanged(changed, { lines: 5, links: 30 });

    it('records them all the same', () => {
      expect(['i1', 'f1', 'f2', 'f3', 'r1', 'r2', 'r4', 'r5', 's1', 's2', 'p1', 'p2', 'p3', 'a1'].map((id) => call(id).join(' '))).toEqual([
        'count {"n":1} ok',
        'count {"n":1} ok',
        'frozen {"n":1} ok',
        'count {"n":3} ok',
        'count {"n":1} ok',
        'count {"n":1} ok',
        'ten {"n":40} ok',
        'count {"n":1} ok',
        'count {"n":1} ok',
        'more {"n":2} ok',
        'count {"n":1} ok',
        'other {"n":2} ok',
        'count {"n":3} ok',
        'count {"n":1} ok',
      ]);
      expect(intent('r3')).toBeUndefined();
      expectAllExecuted(changed.links);
      // Run before the runner began, when no model was seen to ask: the last one.
      expect(kind('action.intent').at(-1)?.attributes['gen_ai.tool.name']).toBe('count');
    });

    it('records what this version does with them', () => {
      const ofThisVersion = ['a2', 'c1', 'm1', 'm2'].map((id) => call(id)[2]);
      expect(ofThisVersion).toEqual(later ? ['ok', undefined, undefined, undefined] : [undefined, 'ok', undefined, 'ok']);
      // The summary that the runner asks for is no change of the agent.
      if (!later) expect(kindsOf('m2')).not.toContain('fingerprint.change');
    });
  });
});
