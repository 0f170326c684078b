import { join } from 'node:path';
import { expect } from 'vitest';
import { findings } from '../../support/recording.js';
import { FRAMEWORKS, type Launch, runToEnd } from './process.js';
import { startSink } from './sink.js';

/**
 * Runs a framework's published examples with the instrumentation loaded and without: what the application sees is the same, word for
 * word, and the evidence is sound. Answers the names of the tools that were recorded.
 */
export async function sameWithAndWithout(file: string, options: Launch = {}): Promise<readonly unknown[]> {
  const path = join(FRAMEWORKS, file);
  const sink = await startSink();
  const [recorded, plain] = await Promise.all([
    runToEnd(path, { ...options, endpoint: sink.url }),
    runToEnd(path, { ...options, node: [] }),
  ]);
  expect(recorded.stdout).toBe(plain.stdout);
  expect(plain.stdout).not.toBe('');
  expect(findings(sink.links())).toEqual([]);
  await sink.close();
  return sink.links().flatMap(({ kind, attributes }) => (kind === 'action.intent' ? [attributes['gen_ai.tool.name']] : []));
}
