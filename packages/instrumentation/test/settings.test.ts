import { describe, expect, test } from 'vitest';
import { readSettings } from '../src/settings.js';

describe('the settings', () => {
  test('have a default for everything', () => {
    expect(readSettings({})).toEqual({
      agent: { id: 'unknown_service:node', name: 'unknown_service:node', version: undefined },
      owner: undefined,
      principal: undefined,
      memory: undefined,
      spool: undefined,
      durability: 'spool',
      acknowledgeMs: 10_000,
      policy: undefined,
      capture: { arguments: true, reason: true, result: false, maxBytes: 16_384 },
      strict: false,
      endpoint: 'http://localhost:4318/v1/traces',
      headers: {},
      heartbeatMs: 300_000,
      idleMs: 900_000,
      warnings: [],
    });
  });

  test('are read from CUSTODY_*', () => {
    const settings = readSettings({
      CUSTODY_AGENT_ID: 'billing-bot',
      CUSTODY_AGENT_NAME: 'Billing bot',
      CUSTODY_AGENT_VERSION: '1.2',
      CUSTODY_OWNER: 'team-billing',
      CUSTODY_PRINCIPAL: 'alice',
      CUSTODY_MEMORY: 'notes, memory.md',
      CUSTODY_SPOOL: '/var/spool/custody',
      CUSTODY_DURABILITY: 'acknowledged',
      CUSTODY_ACKNOWLEDGE_TIMEOUT: '2.5',
      CUSTODY_POLICY: 'company.yaml, team.yaml',
      CUSTODY_CAPTURE: 'result',
      CUSTODY_STRICT: 'true',
      CUSTODY_ENDPOINT: 'https://custody.example:4318/',
      CUSTODY_HEADERS: 'Authorization=Bearer%20abc',
      CUSTODY_HEARTBEAT: '60',
      CUSTODY_SESSION_IDLE: '120.5',
    });
    expect(settings).toEqual({
      agent: { id: 'billing-bot', name: 'Billing bot', version: '1.2' },
      owner: 'team-billing',
      principal: 'alice',
      memory: ['notes', 'memory.md'],
      spool: '/var/spool/custody',
      durability: 'acknowledged',
      acknowledgeMs: 2_500,
      policy: ['company.yaml', 'team.yaml'],
      capture: { arguments: false, reason: false, result: true, maxBytes: 16_384 },
      strict: true,
      endpoint: 'https://custody.example:4318/v1/traces',
      headers: { authorization: 'Bearer abc' },
      heartbeatMs: 60_000,
      idleMs: 120_500,
      warnings: [],
    });
  });

  test('take the agent from the service', () => {
    expect(readSettings({ OTEL_RESOURCE_ATTRIBUTES: 'host=a,service.name=invoice%20bot' }).agent.id).toBe('invoice bot');
    expect(readSettings({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=a', OTEL_SERVICE_NAME: 'b' }).agent).toMatchObject({
      id: 'b',
      name: 'b',
    });
    expect(readSettings({ OTEL_SERVICE_NAME: 'b', CUSTODY_AGENT_ID: 'c' }).agent).toMatchObject({ id: 'c', name: 'c' });
  });

  test('can switch capture off', () => {
    expect(readSettings({ CUSTODY_CAPTURE: 'none' }).capture).toMatchObject({ arguments: false, reason: false, result: false });
    expect(readSettings({ CUSTODY_CAPTURE: ' Arguments , result' }).capture).toMatchObject({
      arguments: true,
      reason: false,
      result: true,
    });
  });

  test('find the collector where the application sends its spans', () => {
    expect(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318' }).endpoint).toBe('http://otel:4318/v1/traces');
    const own = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:1/custom' };
    expect(readSettings(own).endpoint).toBe('http://traces:1/custom');
    expect(readSettings({ ...own, CUSTODY_ENDPOINT: 'http://custody:4318/v1/traces' }).endpoint).toBe('http://custody:4318/v1/traces');
  });

  test('do not send the application’s OTLP headers to another endpoint', () => {
    const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'x-vendor-key=secret' };
    expect(readSettings(headers).headers).toEqual({ 'x-vendor-key': 'secret' });
    expect(readSettings({ ...headers, CUSTODY_ENDPOINT: 'http://custody:4318' }).headers).toEqual({});
  });

  test.each([
    ['CUSTODY_DURABILITY', 'disk', /'disk' is none of memory, spool, acknowledged; spool it is/, { durability: 'spool' }],
    ['CUSTODY_STRICT', 'maybe', /neither true nor false; false it is/, { strict: false }],
    ['CUSTODY_CAPTURE', 'prompts', /'prompts' is none of arguments, reason, result, none; ignored/, {}],
    ['CUSTODY_ENDPOINT', 'collector:4318', /no http or https URL; ignored/, { endpoint: 'http://localhost:4318/v1/traces' }],
    ['CUSTODY_HEARTBEAT', '5m', /'5m' is no number of seconds .*300 it is/, { heartbeatMs: 300_000 }],
    ['CUSTODY_SESSION_IDLE', '-1', /900 it is/, { idleMs: 900_000 }],
    ['CUSTODY_HEADERS', 'token', /a part is no key=value/, { headers: {} }],
  ])('warn of a value of %s that makes no sense, and go on with the default', (name, value, warning, expected) => {
    const settings = readSettings({ [name]: value });
    expect(settings).toMatchObject(expected);
    expect(settings.warnings).toEqual([expect.stringMatching(new RegExp(`^${name}: .*${warning.source}`))]);
  });

  test('never put a header or an endpoint into a warning', () => {
    const { warnings } = readSettings({ CUSTODY_HEADERS: 'hunter2', CUSTODY_ENDPOINT: 'user:hunter2@host' });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('hunter2');
  });
});
