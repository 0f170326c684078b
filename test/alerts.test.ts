import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { variable } from '../grafana/src/traceql.js';
import { DASHBOARD, JOB } from '../grafana/src/uids.js';
import { Alerting, type Notified } from './alerts-stack.js';
import { dashboards, read } from './grafana-files.js';
import { type Running, startClerk, startCollector } from './processes.js';

// The whole way from a broken chain to whoever is on call: the command `agent-custody collect`, an agent under register, and Debian's
// Prometheus and Alertmanager on the files of grafana/ as they are shipped, with the addresses of this run.

interface ApiLink {
  readonly seq: number;
  readonly hash: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

let folder: string;
let collector: { readonly process: Running; readonly url: string };
let alerting: Alerting;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'custody-alerts-'));
  collector = await startCollector(['--ledger', join(folder, 'ledger.db'), '--listen', '127.0.0.1:0']);
  alerting = await Alerting.start(folder, new URL(collector.url).host);
});
afterAll(async () => {
  await alerting?.stop();
  await collector?.process.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const get = async <T>(path: string): Promise<T> => (await (await fetch(collector.url + path)).json()) as T;

/** Runs the clerk to its end. @returns the session that it was */
async function honestRun(): Promise<string> {
  const before = await sessions();
  const clerk = startClerk('complete', {
    CUSTODY_ENDPOINT: collector.url,
    CUSTODY_SPOOL: join(folder, 'spool'),
    OTEL_TRACES_EXPORTER: 'none',
  });
  await clerk.closed;
  expect(clerk.status, clerk.lines.join('\n')).toBe(0);
  const [session] = (await sessions()).filter((id) => !before.includes(id));
  if (session === undefined) throw new Error('the clerk left no session');
  return session;
}

/** Where a dashboard's link leads, with what its variables are filled with: the console's address comes from the collector. */
async function linkInConsole(dashboard: string, session: string): Promise<string> {
  const page = await (await fetch(`${collector.url}/metrics`)).text();
  const [, address = ''] = /^custody_console_info\{url="([^"]+)"\} 1$/m.exec(page) ?? [];
  const { url = '' } = dashboards.find(({ uid }) => uid === dashboard)?.links.find(({ type }) => type === 'link') ?? {};
  return url.replace(variable('console:raw'), address).replace(variable('session'), session);
}

/** The label that Grafana's data source for Prometheus takes for the id of a trace. */
function exemplarLabelOfGrafana(): string {
  const { datasources } = parse(read('provisioning/datasources/datasources.yaml')) as {
    datasources: { type: string; jsonData: { exemplarTraceIdDestinations?: { name: string; datasourceUid: string }[] } }[];
  };
  const [destination] = datasources.find(({ type }) => type === 'prometheus')?.jsonData.exemplarTraceIdDestinations ?? [];
  if (destination === undefined) throw new Error('the data source for Prometheus leads nowhere from exemplars');
  expect(datasources).toContainEqual(expect.objectContaining({ type: 'tempo', uid: destination.datasourceUid }));
  return destination.name;
}

const sessions = async (): Promise<readonly string[]> =>
  (await get<{ sessions: { session: string }[] }>('/api/v1/sessions')).sessions.map(({ session }) => session);

/** Sends a link again, with one word changed. */
async function forge(session: string): Promise<ApiLink> {
  const { chain } = await get<{ chain: ApiLink[] }>(`/api/v1/sessions/${session}`);
  const link = chain.find(({ attributes }) => attributes['gen_ai.tool.name'] === 'pay');
  if (link === undefined) throw new Error('no link to forge');
  const attributes = { ...link.attributes, 'custody.link.hash': link.hash, 'gen_ai.tool.name': 'look_harmless' };
  const span = {
    traceId: link.trace_id,
    spanId: link.span_id,
    name: 'forged',
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
    })),
  };
  const response = await fetch(`${collector.url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
  });
  expect(response.status).toBe(200);
  return link;
}

describe('whoever is on call', () => {
  test('is left alone by an honest run, and hears of a broken chain within a minute: which session, which span', async () => {
    const honest = await honestRun();
    const other = await honestRun();
    await alerting.hasJudged('sum(custody_sessions{completeness="complete",integrity="intact"}) == 2');
    expect(await alerting.firing()).toEqual([]);
    expect(alerting.notified).toEqual([]);

    const link = await forge(other);
    const isBroken = ({ labels }: Notified): boolean => labels['alertname'] === 'AgentChainBroken';
    const page = await alerting.notification(isBroken, 60_000);
    expect(page).toMatchObject({
      status: 'firing',
      labels: {
        severity: 'critical',
        session: other,
        agent: 'clerk',
        code: 'content_mismatch',
        seq: String(link.seq),
        trace_id: link.trace_id,
        span_id: link.span_id,
      },
      annotations: { dashboard_url: expect.stringContaining(`http://localhost:3000/d/custody-session?var-session=${other}`) },
    });
    expect(decodeURIComponent(page.annotations['trace_url'] ?? '')).toContain(`"spanId":"${link.span_id}"`);
    expect(page.labels).not.toHaveProperty('grafana_url');
    expect(alerting.notified.filter((alert) => !isBroken(alert))).toEqual([]);
    expect(JSON.stringify(alerting.notified)).not.toContain(honest);

    // The same scrape brought what leads from the graph of findings to the trace, under the name that the data source knows it by.
    const exemplars = await alerting.exemplars(`custody_findings_total{job="${JOB}"}`);
    expect(exemplars).toEqual([
      {
        series: expect.objectContaining({ __name__: 'custody_findings_total', code: 'content_mismatch' }),
        labels: { trace_id: link.trace_id, span_id: link.span_id },
      },
    ]);
    expect(exemplars[0]?.labels).toHaveProperty(exemplarLabelOfGrafana());
  }, 120_000);
});

describe('a link of a dashboard', () => {
  test.each([DASHBOARD.session, DASHBOARD.overview])('of %s leads into the console of the collector', async (dashboard) => {
    const session = await honestRun();
    const shown = await fetch(await linkInConsole(dashboard, session));
    expect(shown.status).toBe(200);
    if (dashboard === DASHBOARD.session) expect(await shown.text()).toContain(session);
  });
});
