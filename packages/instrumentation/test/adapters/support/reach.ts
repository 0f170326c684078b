import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** `yes`, or why not: what a framework does not give is said, not guessed. */
export type Fact = 'yes' | `no: ${string}`;

/** What the README's table has a column for. */
export const FACTS = [
  'arguments',
  'callId',
  'toolType',
  'reason',
  'systemPrompt',
  'tools',
  'model',
  'streaming',
  'parallel',
  'errors',
  'timeout',
  'cancellation',
  'veto',
  'nesting',
  'esm',
  'cjs',
  'node',
] as const;

export type Facts = Readonly<Record<(typeof FACTS)[number], Fact>>;

export const REACH = fileURLToPath(new URL('../reach/', import.meta.url));

/**
 * Holds what was observed of a framework against `test/adapters/reach/{framework}.json`, from which the README's table is made.
 * `vitest -u` writes the file.
 *
 * @param framework as people call it, with its major version where adapters tell them apart: `ai 5`
 * @param version the exact one that was tested
 * @param facts as observed; `node` is the versions of Node that it was tested on, where that is not all: `no: needs Node 22`
 * @example await reach('ai 6', '6.0.326', { arguments: observed(sawArguments, 'it does not say'), … })
 */
export async function reach(framework: string, version: string, facts: Facts): Promise<void> {
  const ordered = Object.fromEntries(FACTS.map((name) => [name, facts[name]]));
  const file = `${REACH}${framework.replace(/^@/, '').replace(/[^a-z0-9.]+/gi, '-')}.json`;
  const text = `${JSON.stringify({ framework, version, facts: ordered }, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(file);
}

/** The fact for something that was, or was not, observed. */
export function observed(seen: boolean, whyNot: string): Fact {
  return seen ? 'yes' : `no: ${whyNot}`;
}
