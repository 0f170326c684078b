import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { type LinkCopy, nullFingerprint } from './support/facts.js';
import { AI5, AI7, FIXTURES, NODE, NODE_22, runToEnd } from './support/process.js';
import { observed, reach } from './support/reach.js';
import { startSink } from './support/sink.js';

interface Seen {
  readonly stdout: string;
  readonly links: readonly LinkCopy[];
  readonly spans: readonly { readonly name: string; readonly spanId: string; readonly parentSpanId: string }[];
}

async function run(file: string, program: string): Promise<Seen> {
  const sink = await startSink();
  const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
  const { stdout } = await runToEnd(file, { endpoint: sink.url, env, program });
  await sink.close();
  return { stdout, links: sink.links(), spans: sink.spans() };
}

describe.each([
  ['ai 5', AI5, join(AI5, 'reach'), NODE],
  ['ai 6', FIXTURES, join(FIXTURES, 'ai-reach-6'), NODE],
  ['ai 7', AI7, join(AI7, 'reach'), NODE_22],
])('what is reachable of %s', (framework, folder, program, node) => {
  it('is what the README says', async () => {
    const [esm, cjs] = [await run(`${program}.mjs`, node), await run(`${program}.cjs`, node)];
    const intent = (callId: string, seen = esm) =>
      seen.links.find(({ kind, attributes }) => kind === 'action.intent' && attributes['gen_ai.tool.call.id'] === callId);
    const outcome = (callId: string) =>
      esm.links.find(({ kind, attributes }) => kind === 'action.outcome' && attributes['gen_ai.tool.call.id'] === callId)?.attributes;
    const start = esm.links.find(({ kind }) => kind === 'session.start')?.attributes;
    const known = (component: string): boolean =>
      start?.[`custody.fingerprint.${component}`] !== undefined && start[`custody.fingerprint.${component}`] !== nullFingerprint(component);
    const inside = esm.spans.find(({ name }) => name === 'inside');
    const around = esm.spans.find(({ name }) => name === 'execute_tool nested');
    const path = createRequire(join(folder, 'x.js')).resolve('ai/package.json');
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
    await reach(framework, version, {
      arguments: observed(intent('c1')?.content['gen_ai.tool.call.arguments'] === '{"a":1,"b":2}', 'not verbatim'),
      callId: observed(intent('c1') !== undefined, 'not told'),
      toolType: observed(intent('c1')?.attributes['gen_ai.tool.type'] === 'function', 'not told'),
      reason: observed(intent('c1')?.content['custody.action.reason'] === 'Because.', 'not told'),
      systemPrompt: observed(known('system_prompt'), 'not told'),
      tools: observed(known('tools'), 'not told'),
      model: observed(known('model'), 'not told'),
      streaming: observed(intent('s1') !== undefined && esm.stdout.includes('over streamed'), 'not recorded'),
      parallel: observed(outcome('m1')?.['custody.action.status'] === 'ok' && outcome('m2') !== undefined, 'one after the other'),
      errors: observed(outcome('broken')?.['error.type'] === 'RangeError', 'not told'),
      timeout: observed(outcome('slow')?.['custody.action.status'] === 'timeout', 'an error like any other'),
      cancellation: observed(outcome('stopped')?.['custody.action.status'] === 'cancelled', 'an error like any other'),
      veto: observed(outcome('blocked')?.['custody.action.status'] === 'denied' && !esm.stdout.includes('blocked tool ran'), 'it runs'),
      nesting: observed(inside?.parentSpanId === around?.spanId, 'spans of the tool are roots'),
      esm: observed(intent('c1', esm) !== undefined, 'not recorded'),
      cjs: observed(intent('c1', cjs) !== undefined, 'not recorded'),
      node: framework === 'ai 7' ? 'no: needs Node 22' : observed(esm.stdout === cjs.stdout, 'not on this version'),
    });
    expect(findings(esm.links)).toEqual([]);
    expect(findings(cjs.links)).toEqual([]);
  });
});
