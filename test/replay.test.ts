import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as settled } from 'node:timers/promises';
import { type LinkCopy, MemoryRecords } from '@agent-custody/chain';
import { parsePolicy } from '@agent-custody/policy';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nodeHashing } from '../packages/collector/src/hashing.js';
import { processesOf } from '../packages/collector/src/policy/order.js';
import { headOf, recordedSession } from '../packages/collector/src/policy/recorded.js';
import { Replay, type ReplayedSession } from '../packages/collector/src/policy/replay.js';
import { runAction } from '../packages/instrumentation/src/action.js';
import { PolicyFiles } from '../packages/instrumentation/src/enforce/policy-files.js';
import { PolicyGuard } from '../packages/instrumentation/src/enforce/policy-guard.js';
import { shutDownSessions } from '../packages/instrumentation/src/exit.js';
import { configure } from '../packages/instrumentation/src/global.js';
import type { Answer, Guard } from '../packages/instrumentation/src/guard.js';
import { session } from '../packages/instrumentation/src/session.js';
import { deferred, findings, record } from '../packages/instrumentation/test/support/recording.js';

// What the real guard decided, and what a replay of the record says that it would have decided.

const NOON = Date.UTC(2026, 10, 23, 12);
const folder = mkdtempSync(join(tmpdir(), 'custody-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOON });
});
afterEach(() => {
  vi.useRealTimers();
});

type Ending = 'ok' | 'error' | 'timeout' | 'cancelled';

/** One thing that happens in a process; `at` picks among the sessions or calls that there are. */
type Step = { readonly gapMs: number; readonly at: number } & (
  | { readonly do: 'open'; readonly agent: string; readonly principal: string | undefined }
  | { readonly do: 'call'; readonly tool: string; readonly args: unknown; readonly nested: boolean }
  | { readonly do: 'answer'; readonly decision: 'approved' | 'denied' | 'expired' }
  | { readonly do: 'spawn'; readonly by: 'call' | 'application'; readonly agent: string }
  | { readonly do: 'finish'; readonly how: Ending }
  | { readonly do: 'end' }
);

interface Place {
  readonly inside: <R>(step: () => R) => R;
  readonly end: (error?: Error) => void;
  open: boolean;
}

const ERRORS: Readonly<Record<Exclude<Ending, 'ok'>, () => Error>> = {
  error: () => new Error('down'),
  timeout: () => new DOMException('too slow', 'TimeoutError'),
  cancelled: () => new DOMException('stopped', 'AbortError'),
};

/** One process of an agent's, under the real guard. */
class Agent {
  private readonly sessions: Place[] = [];
  private readonly calls: Place[] = [];
  private readonly waiting: { readonly answer: (answer: Answer) => void }[] = [];

  constructor(policy: PolicyGuard) {
    const human: Guard = {
      fingerprint: () => policy.fingerprint(),
      ended: (id, families) => policy.ended(id, families),
      settled: (action, status, at) => policy.settled(action, status, at),
      spawns: (action, child) => policy.spawns(action, child),
      decide: (action) => {
        const { wait, ...ruling } = policy.decide(action);
        if (wait === undefined) return ruling;
        const asked = deferred<Answer>();
        this.waiting.push({ answer: asked.resolve });
        return { ...ruling, wait: () => asked.promise };
      },
    };
    configure({ guard: human, capture: { arguments: true, results: false, reason: false, maxBytes: 100_000 } as never });
  }

  async step(step: Step): Promise<void> {
    vi.setSystemTime(Date.now() + 1 + step.gapMs);
    switch (step.do) {
      case 'open':
        this.openSession(step, (run) => run());
        break;
      case 'call': {
        const place = pick(step.nested ? this.calls : this.sessions, step.at);
        if (place) this.call(step, place.inside);
        break;
      }
      case 'answer': {
        const { decision } = step;
        this.waiting.shift()?.answer({ go: decision === 'approved', approvals: [{ decision }] });
        break;
      }
      case 'spawn': {
        const place = pick(step.by === 'call' ? this.calls : this.sessions, step.at);
        if (place) this.openSession({ ...step, principal: undefined }, place.inside);
        break;
      }
      case 'finish':
        close(pick(this.calls, step.at), step.how === 'ok' ? undefined : ERRORS[step.how]());
        break;
      case 'end':
        close(pick(this.sessions, step.at));
        break;
    }
    await settled();
  }

  private openSession(of: { readonly agent: string; readonly principal: string | undefined }, inside: Place['inside']): void {
    const over = deferred<void>();
    const options = { agent: { id: of.agent }, ...(of.principal !== undefined && { principal: of.principal }) };
    try {
      inside(() =>
        session(options, () => {
          this.sessions.push({ inside: AsyncLocalStorage.snapshot(), end: () => over.resolve(), open: true });
          return over.promise;
        }),
      );
    } catch {
      // The policy lets it start no other agent.
    }
  }

  private call({ tool, args }: Extract<Step, { do: 'call' }>, inside: Place['inside']): void {
    const over = deferred<string>();
    inside(() =>
      runAction({ tool: { name: tool, type: 'function' }, arguments: args, awaited: 'promise' }, () => {
        const end = (error?: Error): void => (error ? over.reject(error) : over.resolve('done'));
        this.calls.push({ inside: AsyncLocalStorage.snapshot(), end, open: true });
        return over.promise;
      }),
    ).catch(() => undefined);
  }
}

function pick(places: readonly Place[], at: number): Place | undefined {
  const open = places.filter((place) => place.open);
  return open[at % Math.max(1, open.length)];
}

function close(place: Place | undefined, error?: Error): void {
  if (!place) return;
  place.open = false;
  place.end(error);
}

/** Runs each list of steps in a process of its own, as far as the instrumentation can tell; all of them write one record. */
async function recorded(
  policy: unknown,
  processes: readonly (readonly Step[])[],
  { disclosed = true, crashes = false } = {},
): Promise<readonly LinkCopy[]> {
  const path = join(folder, 'policy.json');
  writeFileSync(path, JSON.stringify(policy));
  const links: LinkCopy[] = [];
  for (const steps of processes) {
    const recording = record();
    vi.setSystemTime(NOON);
    const files = new PolicyFiles([path], { now: () => 0, say: (line) => expect.unreachable(line) });
    const agent = new Agent(new PolicyGuard({ files, approvals: { url: 'http://nobody.invalid', headers: {} }, acknowledged: false }));
    if (!disclosed) configure({ redact: () => undefined });
    for (const step of steps) await agent.step(step);
    if (!crashes) shutDownSessions();
    links.push(...recording.links());
    await recording.stop();
  }
  return links;
}

function replayed(policy: unknown, links: readonly LinkCopy[]): readonly ReplayedSession[] {
  const records = new MemoryRecords();
  for (const link of links) records.keep(link);
  const heads = [...new Set(links.map((link) => link.session))].flatMap((id) => headOf(records, id, nodeHashing) ?? []);
  const replay = new Replay([parsePolicy(policy)], nodeHashing);
  return processesOf(heads).flatMap((process) => [...replay.process(process, (id) => recordedSession(records, id, nodeHashing))]);
}

const TOOLS = ['read', 'send', 'pay', 'delegate'] as const;
const tool = fc.constantFrom(...TOOLS);
const agent = fc.constantFrom('clerk', 'helper');
const at = fc.nat(5);
const gapMs = fc.constantFrom(0, 0, 0, 0, 1, 998, 999, 1_000, 30_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('open' as const), gapMs, at, agent, principal: fc.constantFrom('alice', undefined) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      gapMs,
      at,
      tool,
      args: fc.record({ amount: fc.constantFrom(1, 5, 50, '5') }, { requiredKeys: [] }),
      nested: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('answer' as const), gapMs, at, decision: fc.constantFrom('approved', 'denied', 'expired') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('spawn' as const), by: fc.constantFrom('call', 'call', 'application'), gapMs, at, agent }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      gapMs,
      at,
      how: fc.constantFrom('ok', 'error', 'error', 'timeout', 'cancelled'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), gapMs, at }) },
);
const opening: Step = { do: 'open', gapMs: 0, at: 0, agent: 'clerk', principal: 'alice' };
const run = fc.array(step, { minLength: 15, maxLength: 50, size: 'max' }).map((steps) => [opening, ...steps]);

const patterns = fc.uniqueArray(fc.oneof(tool, fc.constant('*')), { minLength: 1, maxLength: 2 });
const decision = fc.constantFrom('deny' as const, 'require_approval' as const);
const mode = fc.constantFrom('enforce' as const, 'enforce' as const, 'observe' as const);
const per = fc.uniqueArray(fc.constantFrom('session', 'tool', 'agent', 'principal'), { minLength: 1, maxLength: 2 });
const within = fc.constantFrom('1s', '30s', '1m');
const few = fc.constantFrom(1, 1, 2, 3);
const restriction = <T extends Record<string, fc.Arbitrary<unknown>>>(keys: T) =>
  fc.array(fc.record({ decision, mode, ...keys }), { maxLength: 2 });
const breakers = fc.array(
  fc
    .tuple(
      fc.record({ decision, mode, per, within, open_for: fc.constantFrom('1s', '30s') }),
      fc.oneof(
        fc.record({ consecutive_errors: few }),
        fc.record({ error_rate: fc.constant({ above: 0.4, of: 3 }) }),
        fc.record({ identical_calls: few }),
        fc.record({ changed_retries: few }),
        fc.record({ spawns: few }),
        fc.record({ spawns: few, tools: fc.constant('delegate') }),
      ),
    )
    .map(([common, trip]) => ({ ...common, ...trip })),
  { minLength: 1, maxLength: 2 },
);
const everything = fc.record(
  {
    default: fc.constant('allow'),
    mode,
    blocked_tools: fc.constantFrom([], [], ['send']),
    rules: fc.array(
      fc.record(
        { tools: patterns, decision, when: fc.constant([{ argument: '/amount', above: 10 }]), mode },
        { requiredKeys: ['decision'] },
      ),
      { maxLength: 1 },
    ),
    separation: restriction({ never_both: fc.constant([['read'], ['pay']]) }),
    flows: restriction({ label: fc.constant('secret'), from: fc.constant('read'), restricts: fc.constant({ tools: 'send' }) }),
    limits: restriction({ calls: few, within, per }),
    budgets: restriction({ sum: fc.constant({ argument: '/amount', at_most: 60 }), tools: fc.constant('pay') }),
    breakers,
  },
  { requiredKeys: ['default', 'breakers'] },
);
const policy = fc.oneof(everything, fc.record({ default: fc.constant('allow'), breakers }));

describe('a policy that is replayed on what was recorded while it was in force', () => {
  test('decides what was decided: over calls, outcomes, approvals, agents started, parallel sessions and several processes', async () => {
    await fc.assert(
      fc.asyncProperty(policy, fc.array(run, { minLength: 1, maxLength: 2 }), fc.boolean(), async (document, processes, crashes) => {
        const links = await recorded(document, processes, { crashes });
        const sessions = replayed(document, links);
        const all = sessions.flatMap(({ actions, spawns }) => [...actions, ...spawns]);
        expect(all).toHaveLength(
          links.filter(
            ({ kind, attributes }) => kind === 'action.intent' || (kind === 'child.spawn' && 'custody.action.parent.id' in attributes),
          ).length,
        );
        expect(all.filter(({ same }) => same !== true)).toEqual([]);
        expect(sessions.flatMap(({ doubts }) => doubts)).toEqual([]);
        expect(sessions.every(({ underSame, actions, spawns }) => underSame === actions.length + spawns.length)).toBe(true);
        if (!crashes) expect(findings(links)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('claims nothing that was decided otherwise where arguments are withheld, unless it says that it rests on what is undecided', async () => {
    await fc.assert(
      fc.asyncProperty(policy, run, async (document, steps) => {
        const links = await recorded(document, [steps], { disclosed: false });
        for (const { actions, spawns, doubts } of replayed(document, links)) {
          if (doubts.length > 0) continue;
          for (const { recorded: before, replayed: now } of [...actions, ...spawns])
            if (now.type === 'decided') expect(now.verdict.decision).toBe(before.observed ?? before.decision);
        }
      }),
      { numRuns: 40 },
    );
  });
});
