import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import { metrics, newFolder, start } from './service-support.js';
import { TempoStandIn } from './tempo-stand-in.js';

const REQUEST = new Uint8Array([10, 0]);

describe('the numbers of the outbox', () => {
  it('rise with arrival, and are undefined when nothing waits', () => {
    const ledger = openSqliteLedger(':memory:');
    expect(ledger.outboxRange()).toBeUndefined();
    for (let n = 0; n < 3; n++) ledger.enqueue(REQUEST, 1);
    const before = ledger.outboxRange();
    expect(before?.newest).toBeGreaterThan(before?.oldest ?? Number.NaN);
    ledger.acknowledge([before?.oldest ?? 0]);
    expect(ledger.outboxRange()?.oldest).toBeGreaterThan(before?.oldest ?? Number.NaN);
    expect(ledger.outboxRange()?.newest).toBe(before?.newest);
    ledger.enqueue(REQUEST, 1);
    expect(ledger.outboxRange()?.newest).toBeGreaterThan(before?.newest ?? Number.NaN);
    const left = ledger.outboxRange();
    ledger.acknowledge(Array.from({ length: 3 }, (_, n) => (left?.oldest ?? 0) + n));
    expect(ledger.outboxRange()).toBeUndefined();
  });
});

describe('what alerts look at', () => {
  let tempo: TempoStandIn;
  let url: string;
  beforeEach(async () => {
    tempo = new TempoStandIn();
    url = `${await tempo.listen()}/v1/traces`;
  });
  afterEach(() => tempo.close());

  const malformed = (attributes: Record<string, string | number>): string =>
    JSON.stringify({
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                {
                  traceId: '1'.repeat(32),
                  spanId: '2'.repeat(16),
                  attributes: Object.entries(attributes).map(([key, value]) => ({
                    key,
                    value: typeof value === 'number' ? { intValue: value } : { stringValue: value },
                  })),
                },
              ],
            },
          ],
        },
      ],
    });
  const post = (to: string, body: string): Promise<Response> =>
    fetch(`${to}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const openFindings = (page: Record<string, number>): string[] =>
    Object.keys(page).filter((name) => name.startsWith('custody_open_finding_timestamp_seconds'));

  it('names what is wrong, also after a restart', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const first = await start({ ledger });
    expect(openFindings(await metrics(first))).toEqual([]);
    const session = 'a'.repeat(32);
    await post(first.url, malformed({ 'custody.link.seq': 1, 'custody.session.id': session }));
    const named = openFindings(await metrics(first));
    expect(named).toHaveLength(1);
    expect(named[0]).toContain(`session="${session}"`);
    expect(named[0]).toContain(`trace_id="${'1'.repeat(32)}",span_id="${'2'.repeat(16)}"`);
    await first.close();
    expect(openFindings(await metrics(await start({ ledger })))).toEqual(named);
  });

  it('says how long spans have waited for Tempo, and 0 once they are there', async () => {
    tempo.always({ type: 'status', status: 503 });
    const collector = await start({ forwarding: { url, headers: {} } });
    await post(collector.url, malformed({ 'custody.link.kind': 'heartbeat' }));
    const waiting = await metrics(collector);
    expect(waiting['custody_outbox_spans']).toBeGreaterThan(0);
    expect((await metrics(collector))['custody_outbox_oldest_age_seconds']).toBeGreaterThan(
      waiting['custody_outbox_oldest_age_seconds'] ?? 0,
    );
    tempo.always(undefined);
    await tempo.until(() => tempo.stored.length > 0);
    await expect.poll(async () => (await metrics(collector))['custody_outbox_spans']).toBe(0);
    expect((await metrics(collector))['custody_outbox_oldest_age_seconds']).toBe(0);
  });

  it('knows which states are approved now, as the register says, and says when its file cannot be used', async () => {
    const register = join(newFolder(), 'register.json');
    const write = (...tickets: readonly string[]): void => {
      const entries = tickets.map((ticket) => ({ agent: 'billing-bot', components: {}, by: 'bob', ticket, from: '2026-01-01T00:00:00Z' }));
      writeFileSync(register, JSON.stringify({ version: 1, entries }));
    };
    const tickets = async (): Promise<string[]> =>
      Object.keys(await metrics(collector)).flatMap((name) => /^custody_approved_state_info.*ticket="([^"]*)"/.exec(name)?.[1] ?? []);
    write('CHG-1');
    const collector = await start({ register });
    expect(await tickets()).toEqual(['CHG-1']);
    expect((await metrics(collector))['custody_agent_silence_seconds{agent="billing-bot"}']).toBeGreaterThanOrEqual(0);
    write('CHG-1', 'CHG-2');
    collector.tick();
    expect((await tickets()).sort()).toEqual(['CHG-1', 'CHG-2']);
    writeFileSync(register, '{');
    collector.tick();
    expect((await metrics(collector))['custody_register_last_reload_successful']).toBe(0);
    expect((await tickets()).sort()).toEqual(['CHG-1', 'CHG-2']);
  });

  it('says that evidence is fresh while it can be recorded', async () => {
    const collector = await start();
    const before = Date.now() / 1000;
    expect((await metrics(collector))['custody_evidence_fresh_timestamp_seconds']).toBeGreaterThanOrEqual(before);
  });
});
