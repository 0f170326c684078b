import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import { createMetrics } from '../src/metrics.js';
import { NoticeDrain } from '../src/notify/drain.js';
import { NOTICE_FAILURES } from '../src/notify/metrics.js';
import type { Delivery, Sink } from '../src/notify/sink.js';
import { KeptLog } from './engine-fixtures.js';
import { get, metrics as metricsOf, start } from './service-support.js';
import { SECRET, WebhookReceiver } from './webhook-receiver.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Answers what it is told to, and says when it has no more to answer. */
class ScriptedSink implements Sink {
  readonly name = 'webhook';
  readonly batch = 1;
  private end: () => void = () => undefined;
  readonly over = new Promise<void>((resolve) => {
    this.end = resolve;
  });

  constructor(private readonly script: Delivery[]) {}

  deliver(): Promise<Delivery> {
    const next = this.script.shift();
    if (this.script.length === 0) this.end();
    return Promise.resolve(next ?? { type: 'retry', failure: 'status', reason: 'status_500' });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What is counted when a sink answers so, for so many notices. */
async function countedWhen(notices: number, script: readonly Delivery[]): Promise<Readonly<Record<string, number>>> {
  const ledger = openSqliteLedger(':memory:');
  const metrics = createMetrics();
  for (let n = 0; n < notices; n++) ledger.addNotice({ sink: 'webhook', key: `n${n}`, body: '{}' });
  const sink = new ScriptedSink([...script]);
  const drain = new NoticeDrain({ ledger, sink, log: new KeptLog(), metrics, retry: { firstMs: 1, longestMs: 1 } });
  drain.start();
  await sink.over;
  await drain.close(1_000);
  const lines = [...(await metrics.page().text()).matchAll(/^custody_notice\w*\{sink="webhook"(?:,reason="(\w+)")?\} ([1-9]\d*)$/gm)];
  metrics.close();
  ledger.close();
  return Object.fromEntries(lines.map(([, reason = 'told', count]) => [reason, Number(count)]));
}

const told: Delivery = { type: 'delivered' };

describe('notices are counted', () => {
  it('when they are told, and each attempt that fails by its kind', async () => {
    const script: Delivery[] = [
      { type: 'retry', failure: 'unreachable', reason: 'ECONNREFUSED' },
      { type: 'retry', failure: 'timeout', reason: 'timeout' },
      { type: 'retry', failure: 'status', reason: 'status_503' },
      { type: 'refused', reason: 'status_422' },
      told,
      told,
    ];
    expect(await countedWhen(2, script)).toEqual({ told: 2, unreachable: 1, timeout: 1, status: 1, refused: 1 });
  });

  it('when the receiver wants no more of them', async () => {
    expect(await countedWhen(2, [told, { type: 'gone', reason: 'status_410' }])).toEqual({ told: 1, gone: 1 });
  });

  it('when one is given up, so that the next one is told', async () => {
    const refused = Array.from({ length: 8 }, (): Delivery => ({ type: 'refused', reason: 'status_400' }));
    expect(await countedWhen(2, [...refused, told])).toEqual({ told: 1, refused: 8, passed_over: 1 });
  });
});

describe('a collector', () => {
  const malformed = {
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              {
                traceId: '1'.repeat(32),
                spanId: '2'.repeat(16),
                name: 'x',
                attributes: [
                  { key: 'custody.link.seq', value: { intValue: '1' } },
                  { key: 'custody.session.id', value: { stringValue: 'a'.repeat(32) } },
                ],
              },
            ],
          },
        ],
      },
    ],
  };
  const posted = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const receiver = async (): Promise<{ readonly hooks: WebhookReceiver; readonly url: string }> => {
    const hooks = new WebhookReceiver();
    closing.push(() => hooks.close());
    return { hooks, url: await hooks.listen() };
  };

  it('shows what waits for each sink that it has, with every counter at 0 from the start', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push({ status: 0 });
    const collector = await start({ findings: { webhook: { url, secrets: [SECRET] } } });
    const before = await metricsOf(collector);
    expect(before).toMatchObject({ 'custody_notices_waiting{sink="webhook"}': 0, 'custody_notices_told_total{sink="webhook"}': 0 });
    for (const reason of NOTICE_FAILURES) expect(before[`custody_notice_failures_total{sink="webhook",reason="${reason}"}`]).toBe(0);
    expect(Object.keys(before).filter((name) => /sink="(?!webhook)/.test(name))).toEqual([]);

    expect((await get(collector, '/v1/traces', { ...posted, body: JSON.stringify(malformed) })).status).toBe(200);
    await hooks.until(() => hooks.delivered.length === 1);
    expect((await metricsOf(collector))['custody_notices_waiting{sink="webhook"}']).toBe(1);
  });

  it('shows how long a request for approval has waited, how long one may, and what of it nobody was told', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push({ status: 0 });
    const webhook = { url, secrets: [SECRET], format: 'generic' as const };
    const collector = await start({ approvals: { approverTokens: [], callbackSecrets: [], webhook, waitMs: 60_000 } });
    const before = await metricsOf(collector);
    expect(before).toMatchObject({ custody_approvals_oldest_age_seconds: 0, custody_approval_wait_limit_seconds: 60 });
    const request = {
      id: 'b'.repeat(32),
      session: 'a'.repeat(32),
      seq: 2,
      action: 'a1',
      agent: 'billing-bot',
      tool: 'pay',
      arguments_digest: 'd'.repeat(64),
      rule: 'large-payments',
      requirement: { expires_ms: 600_000 },
    };
    expect((await get(collector, '/api/v1/approvals', { ...posted, body: JSON.stringify(request) })).status).toBe(201);
    await hooks.until(() => hooks.delivered.length === 1);
    await expect.poll(async () => (await metricsOf(collector))['custody_approvals_oldest_age_seconds']).toBeGreaterThan(0);
    expect(await metricsOf(collector)).toMatchObject({ custody_approvals_pending: 1, 'custody_notices_waiting{sink="approvals"}': 1 });
    const decision = { decision: 'denied', arguments_digest: request.arguments_digest };
    await get(collector, `/api/v1/approvals/${request.id}/decision`, { ...posted, body: JSON.stringify(decision) });
    expect((await metricsOf(collector))['custody_approvals_oldest_age_seconds']).toBe(0);
  });

  it('says where its console is: as set, else over loopback its own address', async () => {
    const own = await start();
    expect((await metricsOf(own))[`custody_console_info{url="${own.url}"}`]).toBe(1);
    const publicUrl = 'https://custody.example.com';
    const set = await start({ approvals: { approverTokens: [], callbackSecrets: [], publicUrl } });
    expect((await metricsOf(set))[`custody_console_info{url="${publicUrl}"}`]).toBe(1);
    const anywhere = await start({ listen: { host: '0.0.0.0', port: 0 } });
    const page = await (await fetch(`http://127.0.0.1:${anywhere.port}/metrics`)).text();
    expect(page).not.toMatch(/^custody_console_info/m);
  });
});
