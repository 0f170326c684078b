import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTR } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TempoStandIn } from '../packages/collector/test/tempo-stand-in.js';
import { dashboards, panelsOf } from './grafana-files.js';
import { type Running, startAgent, startCollector } from './processes.js';
import { found } from './traceql-search.js';

// What Tempo holds of an agent under a policy, in real processes, and what the panels about decisions find in it.

const POLICY = `
name: payments
default: allow
rules:
  - { id: too-much, tools: [pay], when: [{ argument: /amount, above: 10000 }], decision: deny, reason: too much }
  - { id: large, tools: [pay], when: [{ argument: /amount, above: 500 }], decision: require_approval, approval: { expires: 60s } }
  - { id: small, tools: [pay], when: [{ argument: /amount, below: 5 }], decision: deny, reason: not worth it, mode: observe }
`;
const folder = mkdtempSync(join(tmpdir(), 'custody-decisions-'));
const tempo = new TempoStandIn();
const started: Running[] = [];
let session: string;

/** Decides about the request that comes next. @param known ids of those that came before */
async function decide(url: string, decision: 'approved' | 'denied', known: readonly string[] = []): Promise<string> {
  for (;;) {
    const page = await (await fetch(`${url}/console/approvals`)).text();
    const ids = [...page.matchAll(/\/console\/approvals\/([0-9a-f]{32})"/g)].map(([, id = '']) => id);
    const id = ids.find((candidate) => !known.includes(candidate));
    if (id === undefined) continue;
    const { arguments_digest } = (await (await fetch(`${url}/api/v1/approvals/${id}`)).json()) as { arguments_digest: string };
    const decided = await fetch(`${url}/api/v1/approvals/${id}/decision`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision, arguments_digest }),
    });
    expect(decided.status).toBe(200);
    return id;
  }
}

beforeAll(async () => {
  const policy = join(folder, 'policy.yaml');
  writeFileSync(policy, POLICY);
  const to = await tempo.listen();
  const { process, url } = await startCollector(['--ledger', join(folder, 'ledger.db'), '--listen', '127.0.0.1:0', '--tempo', to]);
  const agent = startAgent('cashier', {
    CUSTODY_ENDPOINT: url,
    CUSTODY_SPOOL: join(folder, 'spool'),
    CUSTODY_POLICY: policy,
    OTEL_TRACES_EXPORTER: 'none',
  });
  started.push(process, agent);
  await agent.line(/^ready/);
  for (const [amount, said] of [
    [20, /^paid 20$/],
    [20_000, /^refused: .*too-much/],
    [2, /^paid 2$/],
  ] as const) {
    agent.tell(String(amount));
    await agent.line(said);
  }
  agent.tell('900');
  const first = await decide(url, 'approved');
  await agent.line(/^paid 900$/);
  agent.tell('901');
  await decide(url, 'denied', [first]);
  await agent.line(/^refused: .*denied/);
  agent.tell('end');
  await agent.closed;
  await tempo.until(() => tempo.stored.some(({ attributes }) => attributes[ATTR.kind] === 'session.end'));
  session = String(tempo.stored.find(({ attributes }) => attributes[ATTR.kind] === 'session.end')?.attributes[ATTR.sessionId]);
}, 60_000);
afterAll(async () => {
  await Promise.all(started.map((process) => process.kill('SIGKILL')));
  await tempo.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a panel finds, as these attributes of each span. */
function shown(dashboard: string, title: string, ...attributes: readonly (keyof typeof ATTR)[]): readonly unknown[] {
  const page = dashboards.find(({ uid }) => uid === dashboard);
  const panel = page && panelsOf(page).find((candidate) => candidate.title === title);
  const query = panel?.targets?.[0]?.query;
  if (query === undefined) throw new TypeError(`no query in ${dashboard}: ${title}`);
  const filled = query.replaceAll(/\$\{(\w+)(?::\w+)?\}/g, (_, name: string) => (name === 'session' ? session : '.*'));
  return found(filled, tempo.stored).map((span) => attributes.map((attribute) => span.attributes[ATTR[attribute]]));
}

describe('the overview', () => {
  const OVERVIEW = 'custody-overview';

  test.each(['Denied by policy', 'Denied actions'])('%s: what a policy refused, by tool and rule', (title) => {
    expect(shown(OVERVIEW, title, 'toolName', 'policyRule')).toEqual([['pay', 'payments:too-much']]);
  });

  test('Approved by people: what was asked and approved, and not what was denied', () => {
    expect(shown(OVERVIEW, 'Approved by people', 'toolName', 'policyRule', 'policyDecision')).toEqual([
      ['pay', 'payments:large', 'require_approval'],
    ]);
  });

  test.each(['Would have been stopped', 'What a policy that observes would have stopped'])('%s: what ran and would not have', (title) => {
    expect(shown(OVERVIEW, title, 'toolName', 'policyRule', 'policyObserved')).toEqual([['pay', 'payments:small', 'deny']]);
  });

  test('Approvals: every answer and whose it was', () => {
    expect(shown(OVERVIEW, 'Approvals', 'approvalDecision', 'approvalApprover')).toEqual([
      ['approved', 'local'],
      ['denied', 'local'],
    ]);
  });
});

describe('the page of a session', () => {
  test('Who decided: its answers', () => {
    expect(shown('custody-session', 'Who decided', 'approvalDecision', 'approvalApprover')).toEqual([
      ['approved', 'local'],
      ['denied', 'local'],
    ]);
  });
});
