import { afterAll, beforeAll, expect, it } from 'vitest';
import { findings } from '../../support/recording.js';
import { REGISTER, runToEnd } from './process.js';
import { type Sink, startSink } from './sink.js';

/**
 * Holds examples of a framework's own, run with the instrumentation and without, against each other: one claim for each.
 *
 * @param file a program that prints a line of JSON for whatever an example shows, with the example's name under `program`
 * @param names of the examples, in their order
 * @param tools that are on record afterwards
 */
export function claimIdentical(file: string, names: readonly string[], tools: readonly string[]): void {
  let sink: Sink;
  let plain: readonly string[];
  let recorded: readonly string[];

  beforeAll(async () => {
    sink = await startSink();
    plain = linesOf((await runToEnd(file, { node: [] })).stdout);
    recorded = linesOf((await runToEnd(file, { endpoint: sink.url, node: ['--import', REGISTER] })).stdout);
  });
  afterAll(() => sink.close());

  it.each(names)('shows the same with the instrumentation as without: %s', (name) => {
    const own = (lines: readonly string[]) => lines.filter((line) => exampleOf(line) === name);
    expect(own(plain).length).toBeGreaterThan(0);
    expect(own(recorded)).toEqual(own(plain));
  });

  it('is one of these', () => {
    expect([...new Set(plain.map(exampleOf))]).toEqual(names);
  });

  it('leaves chains in which a verifier finds nothing, and its tools on record', () => {
    expect(findings(sink.links())).toEqual([]);
    const intents = sink.links().filter(({ kind }) => kind === 'action.intent');
    expect(new Set(intents.map(({ attributes }) => attributes['gen_ai.tool.name']))).toEqual(new Set(tools));
  });
}

function linesOf(stdout: string): string[] {
  return stdout.split('\n').filter((line) => line !== '');
}

function exampleOf(line: string): string {
  return (JSON.parse(line) as { program: string }).program;
}
