import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { linksIn } from './support/links.js';
import { FIXTURES, FRAMEWORKS, REGISTER, runToEnd } from './support/process.js';
import { type Sink, startSink } from './support/sink.js';

const TIMEOUT = 120_000;
const strict = { CUSTODY_STRICT: '1' };

let sink: Sink;
afterEach(() => sink.close());

describe('the Claude Agent SDK by its core', () => {
  it(
    'is recorded as by its main export: queries, sub-agents and servers in this process',
    async () => {
      sink = await startSink();
      const path = join(FRAMEWORKS, 'claude-agent-sdk/core.mjs');
      const args = ['working,delegating,serving'];
      const [recorded, plain] = await Promise.all([
        runToEnd(path, { endpoint: sink.url, env: strict, args }),
        runToEnd(path, { node: [], args }),
      ]);
      expect(recorded.stdout).toBe(plain.stdout);
      expect(findings(sink.links())).toEqual([]);
      const { call, intent, kind, reason } = linksIn(sink);
      expect([call('w1')[2], call('w2')[2], call('d2')[2], call('v1')[2]]).toEqual(['ok', 'error', 'ok', 'ok']);
      expect(reason('w1')).toEqual(['text', 'Looking around.']);
      const inner = kind('action.intent').find(({ attributes }) => attributes['gen_ai.tool.name'] === 'look');
      expect(inner?.attributes['custody.action.parent.id']).toBe(intent('v1')?.attributes['custody.action.id']);
    },
    TIMEOUT,
  );
});

describe('the sessions that version 0.2 of the Claude Agent SDK has beside queries', () => {
  it(
    'are recorded, with what was said of their calls: several turns in one session, and a turn alone by its hooks',
    async () => {
      sink = await startSink();
      const path = join(FRAMEWORKS, 'claude-agent-sdk-0.2/turns.mjs');
      const [recorded, plain] = await Promise.all([runToEnd(path, { endpoint: sink.url, env: strict }), runToEnd(path, { node: [] })]);
      expect(recorded.stdout).toBe(plain.stdout);
      expect(findings(sink.links())).toEqual([]);
      const links = linksIn(sink);
      const { call, outcomeOf, reason, sessionOf } = links;
      expect(['t1', 't2', 't3', 't4'].map((id) => call(id)[2])).toEqual(['ok', 'denied', 'ok', 'denied']);
      expect(links.kindsOf('t1').filter((kind) => kind === 'approval')).toHaveLength(2);
      expect(links.kindsOf('t3').filter((kind) => kind === 'approval')).toHaveLength(2);
      expect(sessionOf('t1')).toEqual(sessionOf('t2'));
      expect(sessionOf('t3')).not.toEqual(sessionOf('t2'));
      expect([outcomeOf('t1'), outcomeOf('t3')]).toEqual(['completed', 'completed']);
      expect([reason('t2'), reason('t3')]).toEqual([
        ['text', 'Second.'],
        ['none', undefined],
      ]);
    },
    TIMEOUT,
  );
});

describe.each(['claude-agent-sdk', 'claude-agent-sdk-0.2'])('a policy and whoever is asked by %s', (folder) => {
  const path = join(FRAMEWORKS, folder, 'approvals.mjs');
  const node = ['--import', REGISTER, '--import', join(FIXTURES, 'veto-arguments.mjs')];
  const actionsOf = (callId: string) =>
    linksIn(sink)
      .kind('action.intent')
      .filter(({ attributes }) => attributes['gen_ai.tool.call.id'] === callId)
      .map(({ session, attributes }) => {
        const own = sink
          .links()
          .filter((link) => link.session === session && link.attributes['custody.action.id'] === attributes['custody.action.id']);
        const said = own.flatMap((link) => (link.kind === 'approval' ? [link.attributes['custody.approval.decision']] : []));
        const outcome = own.find(({ kind }) => kind === 'action.outcome')?.attributes['custody.action.status'];
        return [attributes['custody.policy.decision'], ...said, outcome];
      });

  it(
    'a yes does not overrule the policy, which decides about the arguments that would run',
    async () => {
      sink = await startSink();
      const env = { VETO_ARGUMENTS: 'edited', APPROVE_ARGUMENTS: 'touch one' };
      const { stdout } = await runToEnd(path, { endpoint: sink.url, env, node, args: ['asking'] });
      const [{ results }, { files }] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)) as [{ results: Record<string, [boolean, string]> }, { files: string[] }];
      expect(results['a4']?.[0]).toBe(true);
      expect(files).toEqual(['five', 'one', 'six']);
      expect(actionsOf('a4')).toEqual([
        ['allow', 'denied'],
        ['deny', 'approved', 'denied'],
      ]);
      // One by the policy, and one by the application.
      expect(actionsOf('a1')).toEqual([['require_approval', 'approved', 'approved', 'ok']]);
      expect(findings(sink.links())).toEqual([]);
    },
    TIMEOUT,
  );
});
