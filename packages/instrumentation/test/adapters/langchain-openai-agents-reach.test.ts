import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findings } from '../support/recording.js';
import { type LinkCopy, nullFingerprint } from './support/facts.js';
import { FRAMEWORKS, NODE, NODE_22, runToEnd } from './support/process.js';
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
  ['langchain 1', 'langchain', 'langchain'],
  ['@langchain/core 0.3', 'langchain-0.3', '@langchain/core'],
  ['@langchain/core 0.2', 'langchain-0.2', '@langchain/core'],
  ['@openai/agents', 'openai-agents', '@openai/agents'],
  ['@openai/agents 0.8', 'openai-agents-0.8', '@openai/agents'],
  ['@mastra/core', 'mastra', '@mastra/core', 22],
  ['@google/adk', 'adk', '@google/adk', 22],
])('what is reachable of %s', (framework, folder, packageName, needs = 20) => {
  it('is what the README says', async () => {
    const program = needs === 22 ? NODE_22 : NODE;
    const [esm, cjs] = [
      await run(join(FRAMEWORKS, folder, 'reach.mjs'), program),
      await run(join(FRAMEWORKS, folder, 'reach.cjs'), program),
    ];
    const intent = (callId: string, seen = esm) =>
      seen.links.find(({ kind, attributes }) => kind === 'action.intent' && attributes['gen_ai.tool.call.id'] === callId);
    const outcome = (callId: string) =>
      esm.links.find(({ kind, attributes }) => kind === 'action.outcome' && attributes['gen_ai.tool.call.id'] === callId);
    const status = (callId: string) => outcome(callId)?.attributes['custody.action.status'];
    const start = esm.links.find(({ kind }) => kind === 'session.start')?.attributes;
    const known = (component: string): boolean =>
      start?.[`custody.fingerprint.${component}`] !== undefined && start[`custody.fingerprint.${component}`] !== nullFingerprint(component);
    const inside = esm.spans.find(({ name }) => name === 'inside');
    const around = esm.spans.find(({ name }) => name === 'execute_tool nested');
    const file = join(FRAMEWORKS, folder, 'node_modules', packageName, 'package.json');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    await reach(framework, version, {
      arguments: observed(intent('c1')?.content['gen_ai.tool.call.arguments'] === '{"a":1,"b":2}', 'not verbatim'),
      callId: observed(intent('c1') !== undefined, 'not told'),
      toolType: observed(intent('c1')?.attributes['gen_ai.tool.type'] === 'function', 'not told'),
      reason: observed(intent('c1')?.content['custody.action.reason'] === 'Because.', 'not told'),
      systemPrompt: observed(known('system_prompt'), 'not told'),
      tools: observed(known('tools'), 'not told'),
      model: observed(known('model'), 'not told'),
      streaming: observed(intent('s1') !== undefined && esm.stdout.includes('streamed'), 'not recorded'),
      parallel: observed(status('m1') === 'ok' && status('m2') === 'ok', 'one after the other'),
      errors: observed(status('broken') === 'error', 'the framework makes a result of it'),
      timeout: observed(status('slow') === 'timeout', 'an error like any other'),
      cancellation: observed(status('stopped') === 'cancelled', 'the framework hands its tools no signal'),
      veto: observed(status('blocked') === 'denied' && esm.stdout.includes('over') && !esm.stdout.includes('blocked tool ran'), 'it runs'),
      nesting: observed(inside !== undefined && inside.parentSpanId === around?.spanId, 'spans of the tool are roots'),
      esm: observed(intent('c1', esm) !== undefined, 'not recorded'),
      cjs: observed(intent('c1', cjs) !== undefined, 'not recorded'),
      node: needs === 22 ? 'no: needs Node 22' : observed(esm.stdout === cjs.stdout, 'not on this version'),
    });
    expect([...findings(esm.links), ...findings(cjs.links)]).toEqual([]);
  });
});
