import { join } from 'node:path';
import type { SpanView, WireValue } from '@agent-custody/chain';
import { readSpan } from '@agent-custody/chain';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { nodeHashing } from '../../src/hashing.js';
import { CustodyInstrumentation } from '../../src/instrumentation.js';
import { findings } from '../support/recording.js';
import { loadAi } from './support/ai.js';
import { FIXTURES, runToEnd } from './support/process.js';
import { startSink } from './support/sink.js';

interface Printed {
  readonly spans: readonly { name: string; traceId: string; spanId: string; attributes: Record<string, WireValue> }[];
  readonly adapters: readonly { framework: string; state: string }[];
}

describe('an instrumentation that comes after the frameworks were imported', () => {
  let printed: Printed;
  beforeAll(async () => {
    const { stdout } = await runToEnd(join(FIXTURES, 'late.mjs'), { node: [] });
    printed = JSON.parse(stdout.split('\n')[1] ?? '') as Printed;
  });

  const links = () =>
    printed.spans.flatMap(({ attributes, ...span }) => {
      const view: SpanView = { ...span, attributes: Object.entries(attributes) };
      const reading = readSpan(view, nodeHashing);
      return reading.type === 'link' ? [reading.link] : [];
    });
  const intents = () => links().filter(({ kind }) => kind === 'action.intent');

  it('records the tools of ai 6 by its events, before and after each runs', () => {
    expect(intents()[0]?.attributes).toMatchObject({ 'gen_ai.tool.name': 'act', 'gen_ai.tool.call.id': 'c1' });
    expect(links().find(({ kind }) => kind === 'action.outcome')?.attributes['custody.action.status']).toBe('ok');
  });

  it('records MCP clients, whose class it patches where it is', () => {
    expect(intents()[1]?.attributes['gen_ai.tool.name']).toBe('lookup');
    expect(printed.adapters).toContainEqual(expect.objectContaining({ framework: '@modelcontextprotocol/sdk', state: 'armed' }));
  });

  it('says of ai that it was loaded before', () => {
    const unarmed = {
      framework: 'ai',
      state: 'unarmed',
      why: 'loaded_before',
      version: expect.stringMatching(/^6/),
      detail: 'dist/index.mjs',
    };
    expect(printed.adapters).toContainEqual(unarmed);
  });

  it('leaves a chain in which a verifier finds nothing', () => {
    expect(links().length).toBeGreaterThan(5);
    expect(findings(links())).toEqual([]);
  });
});

describe('CustodyInstrumentation', () => {
  const { ai, model, call, text, add, until } = loadAi();
  const run = () =>
    ai.generateText({ model: model([[call('c1', { a: 1, b: 2 })], [text('3')]]), prompt: 'Add.', tools: { add }, stopWhen: until(3) });

  it('sends its spans to the tracer provider that it is given', async () => {
    const exporter = new InMemorySpanExporter();
    const instrumentation = new CustodyInstrumentation({ patchLoaded: false, agent: { id: 'configured' }, owner: 'alice' });
    instrumentation.setTracerProvider(new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    await run();
    const [start] = exporter.getFinishedSpans();
    expect(start?.attributes).toMatchObject({
      'gen_ai.agent.id': 'configured',
      'custody.owner': 'alice',
      'custody.link.kind': 'session.start',
    });
  });

  it('passes every call through once it is disabled, and records again when it is enabled', async () => {
    const exporter = new InMemorySpanExporter();
    const instrumentation = new CustodyInstrumentation({ patchLoaded: false });
    instrumentation.setTracerProvider(new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    instrumentation.disable();
    expect((await run()).text).toBe('3');
    expect(exporter.getFinishedSpans()).toEqual([]);
    instrumentation.enable();
    await run();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toContain('execute_tool add');
  });

  it('masks what changes honestly in the system prompts of the runs', async () => {
    const exporter = new InMemorySpanExporter();
    const instrumentation = new CustodyInstrumentation({ patchLoaded: false, mask: [/\d{4}-\d{2}-\d{2}/] });
    instrumentation.setTracerProvider(new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    for (const day of ['2026-11-21', '2026-11-22']) {
      await ai.generateText({ model: model([[text('hi')]]), system: `Today is ${day}.`, prompt: 'Hi.' });
    }
    const starts = exporter.getFinishedSpans().filter(({ attributes }) => attributes['custody.link.kind'] === 'session.start');
    const prompts = starts.map(({ attributes }) => attributes['custody.fingerprint.system_prompt']);
    expect(prompts).toHaveLength(2);
    expect(prompts[0]).toBe(prompts[1]);
  });

  it('with evidence sends links on their own channel, and spans too only when asked', async () => {
    const sink = await startSink();
    const exporter = new InMemorySpanExporter();
    const instrumentation = new CustodyInstrumentation({ patchLoaded: false, evidence: { url: sink.url, durability: 'memory' } });
    instrumentation.setTracerProvider(new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    await run();
    await sink.until(() => sink.links().some(({ kind }) => kind === 'session.end'));
    expect(findings(sink.links())).toEqual([]);
    expect(exporter.getFinishedSpans()).toEqual([]);
    instrumentation.setConfig({ ...instrumentation.getConfig(), spans: true });
    await run();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toContain('execute_tool add');
    await sink.close();
  });
});
