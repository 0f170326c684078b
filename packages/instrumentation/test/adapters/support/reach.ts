import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import satisfies from 'semver/functions/satisfies.js';
import minVersion from 'semver/ranges/min-version.js';
import { expect } from 'vitest';
import { NODE, NODE_22, PACKAGE, packageIn } from './process.js';

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
  'crossCheck',
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
 * @param facts as observed; `node` as {@link nodeFor} answers it
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

/**
 * The Node that a package is tested on, and whether that is every one that we support: the tests' own, the oldest, unless the package
 * itself asks for a newer one.
 */
export function nodeFor(folder: string, packageName: string): { readonly program: string; readonly fact: Fact } {
  const ours = (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { engines: { node: string } }).engines.node;
  const theirs = packageIn(folder, packageName).engines?.node ?? '*';
  const oldest = satisfies(minVersion(ours) ?? ours, theirs);
  return { program: oldest ? NODE : NODE_22, fact: observed(oldest, `needs Node ${minVersion(theirs)?.major}`) };
}
