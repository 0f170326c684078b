import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { flush } from '../src/exit.js';
import { configure, reportAdapter } from '../src/global.js';
import { status } from '../src/status.js';
import { memoryChannel, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => {
  vi.unstubAllEnvs();
  return recording.stop();
});

test('says what is armed, what is recorded and where it goes', () => {
  reportAdapter({ framework: 'ai', state: 'waiting' });
  reportAdapter({ framework: 'ai', state: 'armed', version: '6.0.1', detail: 'dist/index.mjs' });
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
