import { join } from 'node:path';
import type { LinkCopy } from '@agent-custody/chain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findings } from '../../support/recording.js';
import { type Links, linksIn } from './links.js';
import { type Ended, GUARDED, type Launch, runToEnd, temporaryFolder } from './process.js';
import { type Sink, spansTo, startSink } from './sink.js';

/** An application's program, run with the instrumentation and without; all of it is there when the tests run. */
export interface Program {
  readonly links: Links;
  /** Every link, as they arrived. */
  all(): readonly LinkCopy[];
  /** The application's own spans among the links. */
  spans(): ReturnType<Sink['spans']>;
  /** What it printed with the instrumentation, and what without. */
  recorded(): string;
  plain(): string;
  /** What it complained of with the instrumentation. */
  complaints(): string;
}

/**
 * Runs a program before the tests of a suite, twice at once.
 *
 * @param options `node` is how the instrumentation is preloaded, and `env` its settings; the rest holds for both runs
 */
export function withAndWithout(file: string, options: Launch = {}): Program {
  let sink: Sink;
  let recorded: Ended;
  let plain: Ended;
  beforeAll(async () => {
    sink = await startSink();
    const instrumented = { ...options, endpoint: sink.url, env: { ...spansTo(sink), ...options.env } };
    [recorded, plain] = await Promise.all([runToEnd(file, instrumented), runToEnd(file, { ...options, env: {}, node: [] })]);
  }, 240_000);
  afterAll(() => sink.close());
  const all = () => sink.links();
  return {
    links: linksIn({ links: all }),
    all,
    spans: () => sink.spans(),
    recorded: () => recorded.stdout,
    plain: () => plain.stdout,
    complaints: () => recorded.stderr,
  };
}

/**
 * Claims what holds for every program: the application sees the same, and a verifier finds nothing.
 *
 * @param least what there must be more of: lines that the program prints, links that it leaves
 * @param masked takes out of the output what nobody chose, such as ids (`withoutIds`)
 */
export function claimUnchanged(
  { all, plain, recorded }: Program,
  least: { readonly lines: number; readonly links: number },
  masked = (stdout: string) => stdout,
): void {
  it('behaves for the application exactly as it does without', () => {
    expect(masked(recorded())).toBe(masked(plain()));
    expect(plain().split('\n').length).toBeGreaterThan(least.lines);
  });

  it('delivers chains in which a verifier finds nothing', () => {
    expect(findings(all())).toEqual([]);
    expect(all().length).toBeGreaterThan(least.links);
  });
}

/** Takes ids that nobody chose out of an output. */
export function withoutIds(stdout: string): string {
  return stdout.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id');
}

/** No attestation counts more, or fewer, calls that models asked for than were executed. */
export function expectAllExecuted(links: Links): void {
  for (const counts of links.attested()) expect(counts.split(' ')[0]).toBe(counts.split(' ')[1]);
}

/** The first line of one part of a program that prints lines of JSON for each. */
export function partOf<T>(stdout: string, part: string): T {
  return partsOf<T>(stdout, part)[0];
}

/** The lines of one part of a program, of which there is one at least. */
export function partsOf<T = Readonly<Record<string, unknown>>>(stdout: string, part: string): readonly [T, ...T[]] {
  const [first, ...rest] = stdout.split('\n').filter((line) => line.startsWith(`{"part":"${part}"`));
  if (first === undefined) throw new Error(`the program has no line for its part ${part}:\n${stdout}`);
  const read = (line: string): T => JSON.parse(line) as T;
  return [read(first), ...rest.map(read)];
}

/** Runs a program under a guard that refuses the tool `VETO` and lets `APPROVE` wait, and has a verifier find nothing in it. */
export async function guardedRun(
  file: string,
  env: { readonly VETO: string; readonly APPROVE: string },
  options: Launch = {},
): Promise<{ readonly stdout: string; readonly links: Links }> {
  const sink = await startSink();
  const { stdout } = await runToEnd(file, { ...options, endpoint: sink.url, env: { ...options.env, ...env }, node: GUARDED });
  expect(findings(sink.links())).toEqual([]);
  await sink.close();
  return { stdout, links: linksIn(sink) };
}

/** One process of several that leave each other word in a file. */
export interface Relay {
  /** Runs a program with a step's name and the file as its arguments, and gives what it printed. */
  ran(file: string, step: string, own?: Launch): Promise<string>;
  /** What all of them left so far. */
  readonly links: Links;
}

/** Runs processes one after the other, all recorded in one place, and has a verifier find nothing in what they leave. */
export async function inProcesses(options: Launch, steps: (relay: Relay) => Promise<void>): Promise<void> {
  const sink = await startSink();
  const kept = join(temporaryFolder(), 'kept');
  const ran = async (file: string, step: string, own: Launch = {}) =>
    (await runToEnd(file, { ...options, endpoint: sink.url, args: [step, kept], ...own })).stdout;
  await steps({ ran, links: linksIn(sink) });
  expect(findings(sink.links())).toEqual([]);
  await sink.close();
}
