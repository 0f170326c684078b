import type { Meter, ObservableCallback } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { reportUnarmed } from '../src/adapters/arming.js';
import { observeAdapters } from '../src/arming-metric.js';
import { flush } from '../src/exit.js';
import { configure, reportAdapter } from '../src/global.js';
import { status } from '../src/status.js';
import { findings, linksOfRecords, memoryChannel, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => {
  vi.unstubAllEnvs();
  return recording.stop();
});

test('says what is armed, what is recorded and where it goes', () => {
  reportAdapter('ai', { framework: 'ai', state: 'waiting' });
  reportAdapter('ai', { framework: 'ai', state: 'armed', version: '6.0.1', detail: 'dist/index.mjs' });
  runAction({ tool: { name: 'pay' }, arguments: {} }, () => 1);
  expect(status()).toEqual({
    agent: 'unknown_service:node',
    adapters: [{ framework: 'ai', state: 'armed', version: '6.0.1', detail: 'dist/index.mjs' }],
    evidence: 'off',
    spans: true,
    sessions: { open: 1, opened: 1 },
    capture: { arguments: true, reason: true, result: false, maxBytes: 16_384 },
    warnings: [],
  });
});

test('warns of samplers and limits only while spans are the only way', () => {
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'traceidratio');
  vi.stubEnv('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', '100');
  expect(status().warnings).toEqual([
    expect.stringMatching(/^OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT may cut/),
    expect.stringMatching(/^OTEL_TRACES_SAMPLER=traceidratio drops links/),
  ]);
  configure({ evidence: memoryChannel().channel });
  expect(status()).toMatchObject({ evidence: { spool: 'memory' }, spans: false, warnings: [] });
});

test('warns of a spool that cannot be had, of losses, and of settings that make no sense', () => {
  vi.stubEnv('CUSTODY_STRICT', 'maybe');
  const { channel } = memoryChannel();
  configure({ evidence: { ...channel, state: { spool: 'unavailable', pendingBytes: 0, lost: 3 } } });
  expect(status().warnings).toEqual([
    expect.stringContaining('CUSTODY_STRICT'),
    expect.stringContaining('set CUSTODY_SPOOL to a writable directory'),
    expect.stringContaining('3 links were lost'),
  ]);
});

test('flush tells what is delivered, and never rejects', async () => {
  expect(await flush()).toEqual({ delivered: true, pending: 0 });
  const { channel } = memoryChannel();
  configure({ evidence: { ...channel, flush: () => Promise.reject(new Error('broken')), state: { ...channel.state, pendingBytes: 9 } } });
  expect(await flush()).toEqual({ delivered: false, pending: 9 });
});

describe('what is armed', () => {
  beforeEach(() => {
    reportAdapter('ai', { framework: 'ai', state: 'armed', version: '6.0.1', detail: 'dist/index.mjs' });
    reportAdapter('mcp', { framework: 'mcp', state: 'waiting' });
    reportUnarmed('ai', 'loaded_before', '5.0.1', 'dist/index.mjs');
    reportUnarmed('ai', 'loaded_before', '5.0.1', 'dist/index.mjs');
  });

  test('is an attribute of the evidence’s resource, of every record that follows', () => {
    const { channel, records } = memoryChannel();
    configure({ evidence: channel });
    runAction({ tool: { name: 'pay' }, arguments: {} }, () => 1);
    const text = Buffer.from(records[0]?.bytes ?? []).toString('latin1');
    expect(text).toMatch(/custody\.instrumentation\.armed[^c]*ai 6\.0\.1/);
    expect(text).toMatch(/custody\.instrumentation\.unarmed[^c]*ai 5\.0\.1/);
    expect(findings(linksOfRecords(records))).toEqual([expect.stringContaining('unclosed')]);
  });

  test('is a metric of the application’s MeterProvider', () => {
    const observed: unknown[][] = [];
    const names: string[] = [];
    const meter = {
      createObservableGauge: (name: string) => {
        names.push(name);
        return { addCallback: (callback: ObservableCallback) => callback({ observe: (...seen) => observed.push(seen) }) };
      },
    } as unknown as Meter;
    observeAdapters(meter);
    expect(names).toEqual(['custody.instrumentation.adapter']);
    expect(observed).toEqual([
      [1, { framework: 'ai', state: 'armed', version: '6.0.1' }],
      [1, { framework: 'mcp', state: 'waiting' }],
      [1, { framework: 'ai', state: 'unarmed', why: 'loaded_before', version: '5.0.1' }],
    ]);
  });

  test('takes the place of what was waiting', () => {
    reportUnarmed('mcp', 'unknown_version', '9.0.0', 'known are >=1 <2');
    expect(status().adapters.filter(({ framework }) => framework === 'mcp')).toEqual([
      { framework: 'mcp', state: 'unarmed', why: 'unknown_version', version: '9.0.0', detail: 'known are >=1 <2' },
    ]);
  });
});
