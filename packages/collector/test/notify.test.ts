import { mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import { Connection } from '../src/ledger/sqlite/connection.js';
import { NoticesTable } from '../src/ledger/sqlite/notices.js';
import { migrate } from '../src/ledger/sqlite/schema.js';
import type { NoticeMetrics } from '../src/notify/metrics.js';
import { createNotifier, type FindingsOptions, type Notifier } from '../src/notify/notifier.js';
import { ACCEPTED, ANYONE, EngineBench, GRACE_MS, KeptLog } from './engine-fixtures.js';
import { edited, scannedOf, sessionOf } from './sessions.js';
import { SECRET, WebhookReceiver } from './webhook-receiver.js';

const UNCOUNTED: NoticeMetrics = { noticeSink: () => undefined, noticesTold: () => undefined, noticeFailed: () => undefined };
const QUICK = { firstMs: 1, longestMs: 4 };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An engine whose findings are told. */
function telling(findings: FindingsOptions): { readonly bench: EngineBench; readonly notifier: Notifier; readonly log: KeptLog } {
  const bench = new EngineBench();
  const log = new KeptLog();
  const notifier = createNotifier({ ledger: bench.ledger, log, metrics: UNCOUNTED, findings: { retry: QUICK, ...findings } });
  if (notifier === undefined) throw new TypeError('nobody is to be told');
  bench.engine = bench.open({ notices: notifier });
  closing.push(async () => {
    await notifier.close(100);
    await bench.close();
  });
  return { bench, notifier, log };
}

async function receiver(secret?: string): Promise<{ readonly hooks: WebhookReceiver; readonly url: string }> {
  const hooks = new WebhookReceiver(secret);
  const url = await hooks.listen();
  closing.push(() => hooks.close());
  return { hooks, url };
}

const tampered = () => sessionOf().map((link) => (link.seq === 2 ? edited(link) : link));

async function take(bench: EngineBench, links: ReturnType<typeof sessionOf>): Promise<void> {
  expect(await bench.engine.ingest(scannedOf(links), ANYONE)).toEqual(ACCEPTED);
}

describe('the findings webhook', () => {
  it('posts a finding with who and where, signed as the Standard Webhooks specification has it', async () => {
    const { hooks, url } = await receiver();
    const { bench } = telling({ webhook: { url, secrets: [SECRET] }, grafanaUrl: 'https://grafana.example.com/ops/' });
    const links = tampered();
    await take(bench, links);
    await hooks.until(() => hooks.delivered.length === 1);
    const [{ message, headers, id }] = hooks.delivered as [(typeof hooks.delivered)[number]];
    const { link, ...data } = message?.data ?? {};
    expect(headers['content-type']).toBe('application/json');
    expect(message?.type).toBe('finding.reported');
    expect(data).toEqual({
      id,
      code: 'content_mismatch',
      severity: 'critical',
      against: 'integrity',
      session: links[0]?.session,
      seq: 2,
      agent: 'billing-bot',
      principal: 'ann@example.com',
      detail: expect.stringContaining('a covered value was changed'),
      trace_id: links[1]?.traceId,
      span_id: links[1]?.spanId,
      time: message?.timestamp,
      healed: false,
    });
    const shown = new URL(String(link));
    expect(shown.origin + shown.pathname).toBe('https://grafana.example.com/ops/explore');
    expect(shown.searchParams.get('panes')).toContain(links[1]?.traceId);
  });

  it('posts what is at or above the severity alone', async () => {
    const { hooks, url } = await receiver();
    const { bench } = telling({ webhook: { url, secrets: [SECRET], severity: 'critical' } });
    await take(
      bench,
      sessionOf().filter(({ seq }) => seq !== 3),
    );
    bench.clock.pass(GRACE_MS);
    bench.engine.tick();
    await take(bench, tampered());
    await hooks.until(() => hooks.delivered.length === 1);
    // What comes first is told first: the gap would have been.
    expect(hooks.codes).toEqual(['content_mismatch']);
  });

  it('tells of a finding again when it heals, and when it is back, under another id each time', async () => {
    const { hooks, url } = await receiver();
    const { bench } = telling({ webhook: { url, secrets: [SECRET] } });
    const links = sessionOf({ actions: 3 });
    const without = (...missing: number[]) => links.filter(({ seq }) => !missing.includes(seq));
    await take(bench, without(3, 4));
    bench.clock.pass(GRACE_MS);
    bench.engine.tick();
    await take(
      bench,
      links.filter(({ seq }) => seq === 4),
    );
    bench.engine.tick();
    await hooks.until(() => hooks.codes.filter((code) => code === 'gap').length === 3);
    const gaps = hooks.delivered.filter(({ message }) => message?.data['code'] === 'gap');
    expect(gaps.map(({ message }) => [message?.type, message?.data['detail']])).toEqual([
      ['finding.reported', 'links 3 to 4 never came'],
      ['finding.healed', 'links 3 to 4 never came'],
      ['finding.reported', 'link 3 never came'],
    ]);
  });

  it('tries again after a failure, with the same id, and in order', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push({ status: 500 }, { status: 429, headers: { 'retry-after': '0' } }, { status: 302, headers: { location: '/else' } });
    const { bench } = telling({ webhook: { url, secrets: [SECRET] } });
    await take(bench, [...tampered(), ...tampered()]);
    await hooks.until(() => hooks.delivered.length === 5);
    const ids = hooks.delivered.map(({ id }) => id);
    expect(new Set(ids.slice(0, 4)).size).toBe(1);
    expect(ids[4]).not.toBe(ids[0]);
    expect(hooks.delivered.every(({ message }) => message !== undefined)).toBe(true);
  });

  it('sends nothing more to a receiver that answers 410, and keeps what is left for the next start', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push({ status: 410 });
    const { bench, notifier, log } = telling({ webhook: { url, secrets: [SECRET] } });
    await take(bench, tampered());
    await hooks.until(() => hooks.delivered.length === 1);
    await notifier.close(1_000);
    await take(bench, tampered());
    expect(bench.ledger.notices('webhook', 10)).toHaveLength(2);
    expect(log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      expect.stringContaining('wants no more'),
    ]);
    const again = createNotifier({
      ledger: bench.ledger,
      log,
      metrics: UNCOUNTED,
      findings: { webhook: { url, secrets: [SECRET] }, retry: QUICK },
    });
    closing.push(() => again?.close(100) ?? Promise.resolve());
    await hooks.until(() => hooks.delivered.length === 3);
  });

  it('passes over a finding that the receiver refuses again and again, so that the next one is told', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push(...Array.from({ length: 8 }, () => ({ status: 400 })));
    const { bench, log } = telling({ webhook: { url, secrets: [SECRET] } });
    await take(bench, [...tampered(), ...tampered()]);
    await hooks.until(() => hooks.delivered.length === 9);
    const ids = hooks.delivered.map(({ id }) => id);
    expect(new Set(ids.slice(0, 8)).size).toBe(1);
    expect(ids[8]).not.toBe(ids[0]);
    expect(log.lines.some(({ message }) => message.includes('it is passed over'))).toBe(true);
  });

  it('never holds up ingestion: a receiver that does not answer costs the agents nothing', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push({ status: 0 });
    const { bench } = telling({ webhook: { url, secrets: [SECRET] } });
    await take(bench, tampered());
    await hooks.until(() => hooks.delivered.length === 1);
    await take(bench, sessionOf());
    await take(bench, tampered());
    expect(bench.ledger.notices('webhook', 10)).toHaveLength(2);
  });

  it('signs with every secret while one is being replaced', async () => {
    const other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
    const { hooks, url } = await receiver(other);
    const { bench } = telling({ webhook: { url, secrets: [SECRET, other] } });
    await take(bench, tampered());
    await hooks.until(() => hooks.delivered.length === 1);
    expect(hooks.delivered[0]?.message?.data['code']).toBe('content_mismatch');
  });

  it('says neither the secret nor the URL in the log', async () => {
    const { hooks, url } = await receiver();
    hooks.script.push({ status: 403 });
    const { bench, log, notifier } = telling({ webhook: { url, secrets: [SECRET] } });
    await take(bench, tampered());
    await hooks.until(() => hooks.delivered.length === 2);
    await hooks.close();
    await take(bench, tampered());
    await notifier.close(0);
    const said = JSON.stringify(log.lines);
    expect(said).toContain('status_403');
    expect(said).not.toContain('t0p-s3cret');
    expect(said).not.toContain(SECRET.slice(6));
  });
});

describe('the findings log', () => {
  const newLog = () => join(mkdtempSync(join(tmpdir(), 'custody-findings-')), 'findings.jsonl');
  const codesIn = (path: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { code: string }).code);

  async function written(notifier: Notifier, bench: EngineBench): Promise<void> {
    notifier.wake();
    while (bench.ledger.notices('log', 1).length > 0) await delay(1);
  }

  it('has a line of JSON for every finding, whatever its severity', async () => {
    const path = newLog();
    const { bench, notifier } = telling({ logFile: path });
    await take(bench, sessionOf({ ended: false }));
    bench.clock.pass(900_000);
    bench.engine.tick();
    await take(bench, tampered());
    await written(notifier, bench);
    expect(codesIn(path)).toEqual(['unclosed', 'content_mismatch']);
  });

  it('goes on in a new file when the old one was moved away, with a signal and without', async () => {
    const path = newLog();
    const { bench, notifier } = telling({ logFile: path });
    await take(bench, tampered());
    await written(notifier, bench);
    renameSync(path, `${path}.1`);
    await take(bench, tampered());
    await written(notifier, bench);
    renameSync(path, `${path}.2`);
    notifier.reopen();
    await take(bench, tampered());
    await written(notifier, bench);
    expect([`${path}.1`, `${path}.2`, path].map(codesIn)).toEqual([['content_mismatch'], ['content_mismatch'], ['content_mismatch']]);
  });

  it('waits for a folder that is not there, and loses nothing', async () => {
    const path = join(newLog(), 'findings.jsonl');
    const { bench, notifier, log } = telling({ logFile: path });
    await take(bench, tampered());
    while (log.lines.length === 0) await delay(1);
    expect(log.lines[0]?.message).toContain('findings cannot be told');
    expect(bench.ledger.notices('log', 10)).toHaveLength(1);
    await notifier.close(0);
  });

  it('ends a line that a crash cut short, so that the next one can be read', async () => {
    const path = newLog();
    writeFileSync(path, '{"code":"content_mis');
    const { bench, notifier } = telling({ logFile: path });
    await take(bench, tampered());
    await written(notifier, bench);
    const [cut, whole] = readFileSync(path, 'utf8').split('\n');
    expect(cut).toBe('{"code":"content_mis');
    expect(JSON.parse(whole ?? '')).toMatchObject({ code: 'content_mismatch' });
  });
});

it('nobody to be told: nothing is kept to tell', () => {
  const ledger = openSqliteLedger(':memory:');
  expect(createNotifier({ ledger, log: new KeptLog(), metrics: UNCOUNTED, findings: {} })).toBeUndefined();
  ledger.close();
});

it('notices of a sink that is down are bounded: the oldest go', () => {
  const connection = new Connection(':memory:');
  migrate(connection);
  const notices = new NoticesTable(connection, 3);
  const dropped = ['a', 'b', 'c', 'd', 'e'].map((key) => notices.add({ sink: 'webhook', key, body: '{}' }));
  notices.add({ sink: 'log', key: 'other', body: '{}' });
  expect(dropped).toEqual([0, 0, 0, 1, 1]);
  expect(notices.first('webhook', 10).map(({ key }) => key)).toEqual(['c', 'd', 'e']);
  connection.close();
});
