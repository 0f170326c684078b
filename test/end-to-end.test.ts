import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredSpan } from '../packages/collector/test/stored-spans.js';
import { TempoStandIn } from '../packages/collector/test/tempo-stand-in.js';
import { freePort, type Running, startClerk, startCollector } from './processes.js';

// The whole way, in real processes: an agent under register, the command `agent-custody collect`, and a stand-in for Tempo behind it.

interface Finding {
  readonly code: string;
  readonly seq: number;
  readonly session?: string;
}
interface Report {
  readonly session: string;
  readonly agent: string;
  readonly integrity: string;
  readonly completeness: string;
  readonly links: number;
  readonly findings: readonly Finding[];
}
interface Chain extends Report {
  readonly chain: readonly {
    readonly seq: number;
    readonly hash: string;
    readonly attributes: Record<string, string | number | string[]>;
    readonly trace_id: string;
    readonly span_id: string;
  }[];
}

let folder: string;
let tempo: TempoStandIn;
let tempoUrl: string;
const started: Running[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'custody-e2e-'));
  tempo = new TempoStandIn();
  tempoUrl = await tempo.listen();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((process) => process.kill('SIGKILL')));
  await tempo.close();
  rmSync(folder, { recursive: true, force: true });
});

async function collector(...args: readonly string[]): Promise<{ readonly process: Running; readonly url: string }> {
  const running = await startCollector(['--ledger', join(folder, 'ledger.db'), '--tempo', tempoUrl, '--listen', '127.0.0.1:0', ...args]);
  started.push(running.process);
  return running;
}

function clerk(act: string, endpoint: string): Running {
  const running = startClerk(act, { CUSTODY_ENDPOINT: endpoint, CUSTODY_SPOOL: join(folder, 'spool'), OTEL_TRACES_EXPORTER: 'none' });
  started.push(running);
  return running;
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return (await response.json()) as T;
}

const custody = (span: StoredSpan, key: string): unknown => span.attributes[`custody.${key}`];
const links = (): StoredSpan[] => tempo.stored.filter((span) => custody(span, 'link.kind') !== undefined);
const ended = (): boolean => links().some((span) => custody(span, 'link.kind') === 'session.end');
const findingIn = (code: string) => (): boolean => tempo.stored.some((span) => custody(span, 'finding.code') === code);

describe('an agent, a collector and Tempo', () => {
  test('an honest run: every call an intent and an outcome, linked, in Tempo and in the API', async () => {
    const { url } = await collector();
    const agent = clerk('complete', url);
    await agent.closed;
    expect(agent.status, agent.lines.join('\n')).toBe(0);
    await tempo.until(ended);
    await tempo.until(() => tempo.stored.some((span) => custody(span, 'verdict.completeness') === 'complete'));
    expect(links().map((span) => span.name)).toEqual([
      'session.start Clerk',
      'intent read_database',
      'execute_tool read_database',
      'intent pay',
      'execute_tool pay',
      'invoke_agent Clerk',
    ]);
    expect(new Set(links().map((span) => custody(span, 'link.status')))).toEqual(new Set(['linked']));
    const { sessions } = await get<{ sessions: Report[] }>(`${url}/api/v1/sessions`);
    expect(sessions).toMatchObject([{ agent: 'clerk', integrity: 'intact', completeness: 'complete', links: 6, findings: [] }]);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/custody_links_total\{kind="action\.intent",status="linked"\} 2/);
  });

  test('64 parallel calls are one chain', async () => {
    const { url } = await collector();
    const agent = clerk('many', url);
    await agent.closed;
    await tempo.until(ended);
    const { sessions } = await get<{ sessions: Report[] }>(`${url}/api/v1/sessions`);
    expect(sessions).toMatchObject([{ integrity: 'intact', completeness: 'complete', links: 130, findings: [] }]);
  });

  test('an edited copy is seen within seconds, at the very span, by whoever looks', async () => {
    const { url } = await collector();
    await clerk('complete', url).closed;
    await tempo.until(ended);
    const { sessions } = await get<{ sessions: Report[] }>(`${url}/api/v1/sessions`);
    const { chain } = await get<Chain>(`${url}/api/v1/sessions/${sessions[0]?.session}`);
    const target = chain[3] as Chain['chain'][number];
    const attributes = { ...target.attributes, 'custody.link.hash': target.hash, 'gen_ai.tool.name': 'look_harmless' };
    const response = await post(url, target, attributes);
    expect(response.status).toBe(200);
    await tempo.until(findingIn('content_mismatch'));
    const finding = tempo.stored.find((span) => custody(span, 'finding.code') === 'content_mismatch');
    expect(finding).toMatchObject({
      name: 'finding content_mismatch',
      service: 'agent-custody-collector',
      traceId: target.trace_id,
      statusCode: 2,
    });
    const after = await get<Chain>(`${url}/api/v1/sessions/${sessions[0]?.session}`);
    expect(after).toMatchObject({ integrity: 'broken', findings: [{ code: 'content_mismatch', seq: 4 }] });
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/custody_findings_total\{code="content_mismatch",severity="critical"\} 1/);
  });

  test('killed in the middle of a tool: the next start delivers the intent, and the session is unclosed with an unfinished action', async () => {
    const port = await freePort();
    const doomed = clerk('hang', `http://127.0.0.1:${port}`);
    await doomed.line(/^paying$/);
    await doomed.kill('SIGKILL');
    const { url } = await collector('--session-idle', '2', '--listen', `127.0.0.1:${port}`);
    const next = clerk('stay', url);
    await tempo.until(findingIn('unfinished_action'));
    next.tell('enough');
    await next.closed;
    const { sessions } = await get<{ sessions: Report[] }>(`${url}/api/v1/sessions`);
    const killed = sessions.find(({ findings }) => findings.length > 0);
    expect(killed).toMatchObject({ agent: 'clerk', integrity: 'intact', completeness: 'incomplete', links: 2 });
    expect(killed?.findings.map(({ code, seq }) => [code, seq])).toEqual([
      ['unclosed', 2],
      ['unfinished_action', 2],
    ]);
  });

  test('a collector killed while an agent runs: the agent goes on, nothing is lost, nothing is found', async () => {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const first = await collector('--listen', `127.0.0.1:${port}`);
    const agent = clerk('hang', endpoint);
    await agent.line(/^paying$/);
    await tempo.until(() => links().some((span) => custody(span, 'link.kind') === 'action.intent'));
    await first.process.kill('SIGKILL');
    agent.tell('go on');
    await agent.line(/^done$/);
    const { url } = await collector('--listen', `127.0.0.1:${port}`);
    await agent.closed;
    await clerk('complete', endpoint).closed;
    await tempo.until(() => links().filter((span) => custody(span, 'link.kind') === 'session.end').length === 2);
    const { sessions } = await get<{ sessions: Report[] }>(`${url}/api/v1/sessions`);
    expect(sessions.map(({ integrity, completeness, findings }) => ({ integrity, completeness, findings }))).toEqual(
      Array(2).fill({ integrity: 'intact', completeness: 'complete', findings: [] }),
    );
  });
});

function post(
  url: string,
  link: Chain['chain'][number],
  attributes: Readonly<Record<string, string | number | string[]>>,
): Promise<Response> {
  const anyValue = (value: string | number | string[]): object =>
    typeof value === 'string'
      ? { stringValue: value }
      : typeof value === 'number'
        ? { intValue: value }
        : { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } };
  const spans = [
    {
      traceId: link.trace_id,
      spanId: link.span_id,
      name: 'edited',
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) })),
    },
  ];
  return fetch(`${url}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
  });
}
