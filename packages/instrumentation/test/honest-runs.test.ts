import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure, declareLoss } from '../src/global.js';
import { currentSession, runInSession, session } from '../src/session.js';
import { findings, judge, linksOfRecords, memoryChannel, type Recording, record } from './support/recording.js';

// Many runs on what may be a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

/** A tool call that a model asks for, and what becomes of it: tried again, asked for again, executed by a run that nobody awaits. */
interface Asked {
  readonly becomes: 'executed' | 'tried twice' | 'forgone' | 'approved later' | 'run elsewhere' | 'asked again' | 'executed in a while';
}

/** What an agent may do, in any order, nested and side by side. */
type Step =
  | { readonly do: 'call'; readonly ticks: number; readonly ends: 'ok' | 'error' | 'abort' | 'timeout'; readonly inside: readonly Step[] }
  | { readonly do: 'stream'; readonly yields: number; readonly read: number }
  | { readonly do: 'model'; readonly prompt: string; readonly ticks: number; readonly calls: readonly Asked[] }
  | { readonly do: 'session'; readonly automatic: boolean; readonly inside: readonly Step[] }
  | { readonly do: 'parallel'; readonly inside: readonly Step[] }
  | { readonly do: 'detach'; readonly ticks: number; readonly inside: readonly Step[] };

const ticks = fc.nat({ max: 3 });
const asked = fc.record({
  becomes: fc.constantFrom(
    'executed' as const,
    'tried twice' as const,
    'forgone' as const,
    'approved later' as const,
    'run elsewhere' as const,
    'asked again' as const,
    'executed in a while' as const,
  ),
});
const { steps } = fc.letrec<{ steps: Step[]; step: Step }>((tie) => ({
  steps: fc.array(tie('step'), { minLength: 1, maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 4, depthSize: 'medium', withCrossShrink: true },
    fc.record({
      do: fc.constant('model' as const),
      prompt: fc.constantFrom('one', 'two'),
      ticks,
      calls: fc.array(asked, { maxLength: 3 }),
    }),
    fc.record({ do: fc.constant('stream' as const), yields: fc.nat({ max: 3 }), read: fc.nat({ max: 4 }) }),
    fc.record({
      do: fc.constant('call' as const),
      ticks,
      ends: fc.constantFrom('ok' as const, 'error' as const, 'abort' as const, 'timeout' as const),
      inside: tie('steps') as fc.Arbitrary<Step[]>,
    }),
    fc.record({ do: fc.constant('session' as const), automatic: fc.boolean(), inside: tie('steps') as fc.Arbitrary<Step[]> }),
    fc.record({ do: fc.constant('parallel' as const), inside: tie('steps') as fc.Arbitrary<Step[]> }),
    fc.record({ do: fc.constant('detach' as const), ticks, inside: tie('steps') as fc.Arbitrary<Step[]> }),
  ),
}));

const ERRORS = {
  error: new TypeError('no'),
  abort: new DOMException('stopped', 'AbortError'),
  timeout: new DOMException('slow', 'TimeoutError'),
} as const;

async function pass(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

class Program {
  readonly detached: Promise<void>[] = [];
  readonly later: string[] = [];
  /** Sessions that a framework's run is in. */
  private readonly runs = new Set<string>();
  actions = 0;
  private calls = 0;

  async run(all: readonly Step[]): Promise<void> {
    for (const step of all) await this.step(step);
  }

  async finish(): Promise<void> {
    for (let done = 0; done < this.detached.length; done++) await this.detached[done];
  }

  private async step(step: Step): Promise<void> {
    switch (step.do) {
      case 'call':
        return this.call(step);
      case 'stream':
        return this.stream(step);
      case 'model':
        return this.model(step);
      case 'session':
        return runInSession({ agent: { id: 'worker' }, automatic: step.automatic }, (own) => {
          if (step.automatic) this.runs.add(own.id);
          return this.run(step.inside);
        });
      case 'parallel':
        await Promise.all(step.inside.map((inner) => this.step(inner)));
        return;
      case 'detach':
        this.detach(step.ticks, () => this.run(step.inside));
    }
  }

  /** A run of a framework's that nobody awaits; in a session of the application's own, one that no adapter opens anything around, too. */
  private detach(count: number, work: () => Promise<void>): void {
    const later = (): Promise<void> => pass(count).then(work);
    const joined = (): Promise<void> =>
      runInSession({ automatic: true }, (own) => {
        this.runs.add(own.id);
        return later();
      });
    this.detached.push(this.automatic ? joined() : later());
  }

  /** A framework's run lasts as long as its calls. */
  private async inAWhile(work: () => Promise<void>): Promise<void> {
    if (this.automatic) await pass(7).then(work);
    else this.detach(7, work);
  }

  private get automatic(): boolean {
    const own = currentSession();
    return own !== undefined && this.runs.has(own.id);
  }

  private async call({ ticks: count, ends, inside }: Step & { do: 'call' }): Promise<void> {
    this.actions++;
    const done = runAction({ tool: { name: 'work', callId: `call-${this.calls}` }, arguments: { count } }, async () => {
      await pass(count);
      await this.run(inside);
      if (ends !== 'ok') throw ERRORS[ends];
      return count;
    });
    if (ends === 'ok') expect(await done).toBe(count);
    else await expect(done).rejects.toBe(ERRORS[ends]);
  }

  private async stream({ yields, read }: Step & { do: 'stream' }): Promise<void> {
    this.actions++;
    const numbers = runAction({ tool: { name: 'stream' }, arguments: {} }, async function* () {
      for (let i = 0; i < yields; i++) yield i;
    });
    for (let i = 0; i < read; i++) await numbers.next();
    if (read <= yields) await numbers.return(undefined);
  }

  private async model({ prompt, ticks: count, calls }: Step & { do: 'model' }): Promise<void> {
    const own = currentSession();
    const call = own?.modelCall({ systemPrompt: prompt, tools: [{ name: 'work' }] });
    await pass(count);
    for (const { becomes } of calls) {
      const callId = becomes === 'asked again' ? `call-${this.calls}` : `call-${++this.calls}`;
      const runs = becomes !== 'run elsewhere' && becomes !== 'approved later';
      call?.asked([{ callId, toolName: 'work', runs }], { text: `because of ${prompt}`, source: 'text' });
      if (becomes === 'executed in a while') await this.inAWhile(() => this.execute(callId));
      if (becomes === 'approved later') this.later.push(callId);
      if (becomes === 'forgone') own?.forgo([callId]);
      if (becomes === 'executed' || becomes === 'tried twice' || becomes === 'asked again') await this.execute(callId);
      if (becomes === 'tried twice') await this.execute(callId);
    }
    call?.done();
  }

  /** As an adapter does that sees every model call. */
  private async execute(callId: string): Promise<void> {
    this.actions++;
    await runAction({ tool: { name: 'work', callId }, arguments: {}, requested: true }, () => pass(1));
  }

  /** Another run takes up what had to be approved, before its model says anything. */
  async resume(): Promise<void> {
    if (this.later.length === 0) return;
    await session({ agent: { id: 'bot' } }, async (own) => {
      for (const callId of this.later) await this.execute(callId);
      own.modelCall({ systemPrompt: 'on', tools: null }).done();
    });
  }
}

test('no honest run gives a finding, whatever is nested, parallel, detached, aborted or half-read', async () => {
  await fc.assert(
    fc
      .asyncProperty(steps, async (all) => {
        const program = new Program();
        await session({ agent: { id: 'bot' } }, () => program.run(all));
        await program.finish();
        await program.resume();
        shutDownSessions();
        const links = recording.links();
        expect(findings(links)).toEqual([]);
        expect(judge(links).every((report) => report.completeness === 'complete')).toBe(true);
        expect(links.filter((link) => link.kind === 'action.intent')).toHaveLength(program.actions);
      })
      .beforeEach(() => recording.exporter.reset()),
    { numRuns: 120 },
  );
});

test('a run that is shut down at any moment gives no finding', async () => {
  await fc.assert(
    fc
      .asyncProperty(steps, fc.nat({ max: 40 }), async (all, moment) => {
        const program = new Program();
        const running = session({ agent: { id: 'bot' } }, () => program.run(all));
        await pass(moment);
        shutDownSessions();
        await running;
        await program.finish();
        shutDownSessions();
        expect(findings(recording.links())).toEqual([]);
      })
      .beforeEach(() => recording.exporter.reset()),
    { numRuns: 80 },
  );
});

test('evidence lost at any moment costs completeness, never integrity or authority', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat({ max: 20 }), fc.nat({ max: 20 }), async (all, from, length) => {
      const { channel, records, control } = memoryChannel(declareLoss);
      let count = 0;
      const append: typeof channel.append = (one) => {
        control.full = count >= from && count < from + length && one.seq > 1;
        count++;
        return channel.append(one);
      };
      configure({ evidence: { ...channel, append } });
      const program = new Program();
      await session({ agent: { id: 'bot' } }, () => program.run(all));
      await program.finish();
      control.full = false;
      count = Number.POSITIVE_INFINITY;
      shutDownSessions();
      const reports = judge(linksOfRecords(records));
      expect(reports.filter((report) => report.integrity !== 'intact' || report.authority === 'deviated')).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
