import { chmodSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { FINDING_CODES } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { createLog } from '../src/log.js';
import type { Collector } from '../src/service.js';
import { newToken } from '../src/settings/index.js';
import { COMPONENTS, edited, recordSession, send } from './recorded-session.js';
import { get, metrics, newFolder, start } from './service-support.js';

describe('GET /api/v1/sessions', () => {
  it('lists sessions, newest first, as `verify --json` prints them', async () => {
    const collector = await start();
    const [first, second] = [recordSession(), recordSession({ runDenied: true, actions: 1 })];
    await send(collector.url, first);
    await send(collector.url, second);
    const { status, body } = await get(collector, '/api/v1/sessions');
    expect(status).toBe(200);
    expect(body).toEqual({
      sessions: [
        {
          session: second[0]?.session,
          agent: 'billing-bot',
          integrity: 'intact',
          completeness: 'complete',
          authority: 'deviated',
          links: 4,
          findings: [
            {
              code: 'executed_after_deny',
              severity: 'critical',
              seq: 3,
              detail: expect.any(String),
              healed: false,
              trace_id: second[2]?.traceId,
              span_id: second[2]?.spanId,
            },
          ],
        },
        {
          session: first[0]?.session,
          agent: 'billing-bot',
          integrity: 'intact',
          completeness: 'complete',
          authority: 'unknown',
          links: 6,
          findings: [],
        },
      ],
      next: null,
    });
  });

  it('pages: following `next` shows each session once', async () => {
    const collector = await start();
    const sent: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      const links = recordSession({ actions: 0 });
      await send(collector.url, links);
      sent.unshift(links[0]?.session);
    }
    const seen: string[] = [];
    let cursor = '';
    for (let page = 0; page < 3; page++) {
      const { body } = await get(collector, `/api/v1/sessions?limit=2${cursor}`);
      const { sessions, next } = body as { sessions: { session: string }[]; next: string | null };
      seen.push(...sessions.map(({ session }) => session));
      cursor = next === null ? '' : `&cursor=${encodeURIComponent(next)}`;
      expect(next === null).toBe(page === 2);
    }
    expect(seen).toEqual(sent);
  });

  it.each(['limit=0', 'limit=1001', 'limit=-1', 'limit=x', 'limit=', 'cursor=', 'cursor=nonsense'])('answers 400 to %s', async (query) => {
    const collector = await start();
    for (const page of ['sessions', 'findings']) {
      const { status, body } = await get(collector, `/api/v1/${page}?${query}`);
      expect(status).toBe(400);
      expect(body).toEqual({ error: { code: 'bad_request', message: expect.any(String) } });
    }
  });
});

describe('GET /api/v1/sessions/ID', () => {
  it('shows the session and its chain, in order, with what the hash covers', async () => {
    const collector = await start();
    const links = recordSession({ actions: 1 });
    await send(collector.url, [...links].reverse());
    const { body } = await get(collector, `/api/v1/sessions/${links[0]?.session}`);
    expect(body).toMatchObject({ session: links[0]?.session, integrity: 'intact', completeness: 'complete', links: 4 });
    const { chain } = body as { chain: Record<string, unknown>[] };
    expect(chain.map(({ seq, kind, hash, prev, time, trace_id, span_id }) => ({ seq, kind, hash, prev, time, trace_id, span_id }))).toEqual(
      links.map(({ seq, kind, hash, prev, time, traceId, spanId }) => ({
        seq,
        kind,
        hash,
        prev,
        time,
        trace_id: traceId,
        span_id: spanId,
      })),
    );
    expect(chain[0]).toMatchObject({ status: 'linked', content: {}, attributes: { 'custody.fingerprint.tools': COMPONENTS.tools } });
  });

  it('answers 404 for a session of which nothing came, and 400 for what is no id', async () => {
    const collector = await start();
    expect(await get(collector, `/api/v1/sessions/${'0'.repeat(32)}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found' } },
    });
    expect(await get(collector, '/api/v1/sessions/..%2f..%2fetc')).toMatchObject({ status: 400, body: { error: { code: 'bad_request' } } });
  });
});

describe('GET /api/v1/findings', () => {
  it('lists findings of all sessions with when they were reported', async () => {
    const collector = await start();
    const links = recordSession();
    await send(
      collector.url,
      links.map((link) => (link.seq === 2 ? edited(link) : link)),
    );
    const { body } = await get(collector, '/api/v1/findings');
    expect(body).toEqual({
      findings: [
        {
          session: links[0]?.session,
          code: 'content_mismatch',
          severity: 'critical',
          seq: 2,
          detail: expect.any(String),
          healed: false,
          trace_id: links[1]?.traceId,
          span_id: links[1]?.spanId,
          reported_at: expect.stringMatching(/^\d{4}-.*Z$/),
        },
      ],
      next: null,
    });
  });
});

describe('every page', () => {
  it.each(['/healthz', '/readyz', '/metrics', '/api/v1/sessions', '/api/v1/findings', '/nothing'])(
    '%s may not be sniffed, kept, framed or run',
    async (path) => {
      const { headers } = await get(await start(), path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    },
  );

  it('answers 405 to what is no reading, and says what it takes', async () => {
    const { status, headers, body } = await get(await start(), '/api/v1/sessions', { method: 'DELETE' });
    expect({ status, allow: headers.get('allow'), body }).toMatchObject({
      status: 405,
      allow: 'GET, HEAD',
      body: { error: { code: 'method_not_allowed' } },
    });
  });

  it('answers 404 as JSON where there is none', async () => {
    expect(await get(await start(), '/api/v2')).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  });

  it('says so when everybody on the machine may read the ledger', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const warnings = async (): Promise<string[]> => {
      const lines: string[] = [];
      const collector = await start({ ledger, log: createLog('warn', { write: (line) => lines.push(line) }) });
      await collector.close();
      return lines;
    };
    expect(await warnings()).toEqual([]);
    chmodSync(ledger, 0o644);
    expect((await warnings()).join()).toMatch(/may read the ledger.*chmod 600/);
  });

  it('answers HEAD without a body', async () => {
    const response = await fetch(`${(await start()).url}/api/v1/sessions`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it("asks for the reader's token where there is one, but /healthz and /readyz", async () => {
    const { token, sha256 } = newToken();
    const collector = await start({ readerTokenSha256: sha256 });
    const statusOf = async (path: string, headers: Record<string, string> = {}) => (await get(collector, path, { headers })).status;
    for (const path of ['/metrics', '/api/v1/sessions', '/api/v1/findings']) {
      expect(await statusOf(path)).toBe(401);
      expect(await statusOf(path, { authorization: `Bearer ${newToken().token}` })).toBe(401);
      expect(await statusOf(path, { authorization: `Bearer ${token}` })).toBe(200);
      const refused = await get(collector, path);
      expect([refused.headers.get('x-content-type-options'), refused.headers.get('cache-control')]).toEqual(['nosniff', 'no-store']);
      expect(refused.body).toMatchObject({ error: { code: 'unauthorized', message: expect.stringContaining('reader') as string } });
    }
    expect(await statusOf('/healthz')).toBe(200);
    expect(await statusOf('/readyz')).toBe(200);
  });

  it('is not shown to a web page whose name was made to lead here (DNS rebinding)', async () => {
    const collector = await start();
    const answered = await new Promise<number | undefined>((resolve) => {
      const request = httpGet(collector, '/api/v1/sessions', { host: `evil.example:${collector.port}` }, (response) =>
        resolve(response.statusCode),
      );
      request.end();
    });
    expect(answered).toBe(403);
  });
});

describe('/metrics', () => {
  it('counts every finding code from 0, links by kind and status, and sessions by verdict', async () => {
    const collector = await start();
    const before = await metrics(collector);
    for (const code of FINDING_CODES)
      expect(
        Object.entries(before)
          .filter(([name]) => name.startsWith(`custody_findings_total{code="${code}"`))
          .map(([, value]) => value),
      ).toEqual([0]);

    const links = recordSession({ actions: 1 });
    await send(
      collector.url,
      links.map((link) => (link.seq === 2 ? edited(link) : link)),
    );
    await send(collector.url, links.slice(0, 1));
    const after = await metrics(collector);
    expect(after).toMatchObject({
      custody_spans_received_total: 5,
      'custody_links_total{kind="session.start",status="linked"}': 1,
      'custody_findings_total{code="content_mismatch",severity="critical"}': 1,
      'custody_sessions{completeness="complete",integrity="broken",authority="unknown"}': 1,
      custody_duplicates_total: 1,
      custody_outbox_spans: 0,
      custody_forwarded_spans_total: 0,
      custody_forward_failures_total: 0,
      custody_receive_seconds_count: 2,
    });
    expect(after['custody_ledger_bytes']).toBeGreaterThan(0);
  });

  it('is in the format that Prometheus 3 asks for, with the metrics of the process', async () => {
    const { headers, body } = await get(await start(), '/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toContain('process_cpu_seconds_total');
  });
});

describe('what is shown is judged as of now', () => {
  it('a broken link is there for who asks right after it was answered, and is counted', async () => {
    const collector = await start();
    const links = recordSession();
    await send(
      collector.url,
      links.map((link) => (link.seq === 2 ? edited(link) : link)),
    );
    const { body } = await get(collector, `/api/v1/sessions/${links[0]?.session}`);
    expect(body).toMatchObject({ integrity: 'broken', findings: [{ code: 'content_mismatch', seq: 2 }] });
    expect(await metrics(collector)).toMatchObject({
      'custody_findings_total{code="content_mismatch",severity="critical"}': 1,
      'custody_sessions{completeness="complete",integrity="broken",authority="unknown"}': 1,
    });
  });

  it.each(['/api/v1/sessions', '/api/v1/findings', '/metrics'])('%s knows of a grace period that ended between two ticks', async (path) => {
    const collector = await start({ gapGraceMs: 5 });
    await send(
      collector.url,
      recordSession().filter(({ seq }) => seq !== 3),
    );
    const over = performance.now() + 10;
    while (performance.now() < over);
    const { body } = await get(collector, path);
    expect(typeof body === 'string' ? body : JSON.stringify(body)).toMatch(/"code":"gap"|code="gap",severity="high"} 1/);
  });
});

function httpGet(collector: Collector, path: string, headers: Record<string, string>, answered: (response: IncomingMessage) => void) {
  return httpRequest({ host: collector.host, port: collector.port, path, headers }, (response) => {
    response.resume();
    answered(response);
  });
}
