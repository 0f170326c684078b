import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelDigest, promptDigest, toolsDigest } from './support/fingerprints.js';
import { FRAMEWORKS } from './support/process.js';
import { claimUnchanged, withAndWithout } from './support/program.js';
import { claimPolicy, claimToolRunner } from './support/tool-runner.js';

const LOADINGS = [
  { name: 'as ES module', file: 'anthropic/app.mjs' },
  { name: 'as CommonJS', file: 'anthropic/app.cjs' },
];

describe.each(LOADINGS)('the tool runner of @anthropic-ai/sdk $name', ({ file }) => {
  const path = join(FRAMEWORKS, file);
  const run = withAndWithout(path);
  const { links, plain } = run;

  claimUnchanged(run, { lines: 16, links: 60 });
  claimToolRunner(run, true);

  it('measures system prompt, tools and model as they were sent, also where a thread on the server keeps them', () => {
    const chain = links.sessionOf('p3');
    const [first, second] = JSON.parse(plain().split('\n')[0] ?? '').requests;
    const tools = [{ name: 'add', description: 'Tool add', parameters: first.tools[0].input_schema }];
    expect(second.tools).toBeUndefined();
    expect(chain.find(({ kind }) => kind === 'session.start')?.attributes).toMatchObject({
      'custody.fingerprint.system_prompt': promptDigest('You add numbers.'),
      'custody.fingerprint.tools': toolsDigest(tools),
      'custody.fingerprint.model': modelDigest('anthropic', 'claude-x'),
    });
    expect(chain.filter(({ kind }) => kind === 'fingerprint.change')).toEqual([]);
  });

  claimPolicy(path);
});
