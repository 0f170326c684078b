import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort, type Running, startAgent, startCollector } from './processes.js';

// An agent under a policy, the collector that it asks, and the human who answers: in real processes.

const POLICY = `
name: payments
default: allow
rules:
  - id: too-much
    tools: [pay]
    when: [{ argument: /amount, above: 10000 }]
    decision: deny
    reason: payments over 10000 are not this agent's
  - id: large
    tools: [pay]
    when: [{ argument: /amount, above: 500 }]
    decision: require_approval
    approval: { expires: 60s }
`;

interface Request {
  readonly id: string;
  readonly arguments_digest: string;
  readonly session: string;
}
interface Report {
  readonly session: string;
  readonly agent: string;
  readonly integrity: string;
  readonly completeness: string;
  readonly authority: string;
  readonly findings: readonly unknown[];
  readonly chain: readonly { readonly kind: string; readonly attributes: Readonly<Record<string, unknown>> }[];
}

let folder: string;
const started: Running[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'custody-guard-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((process) => process.kill('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

async function collector(port: number, more: readonly string[] = []): Promise<{ readonly process: Running; readonly url: string }> {
  const running = await startCollector(['--ledger', join(folder, 'ledger.db'), '--listen', `127.0.0.1:${port}`, ...more]);
  started.push(running.process);
  return running;
}

function cashier(url: string, env: Readonly<Record<string, string>> = {}, rules = POLICY): Running {
  const policy = join(folder, 'policy.yaml');
  writeFileSync(policy, rules);
  const running = startAgent('cashier', {
    CUSTODY_ENDPOINT: url,
    CUSTODY_SPOOL: join(folder, 'spool'),
    CUSTODY_POLICY: policy,
    OTEL_TRACES_EXPORTER: 'none',
    ...env,
  });
  started.push(running);
  return running;
}

const get = async <T>(url: string): Promise<T> => (await fetch(url)).json() as Promise<T>;
async function pending(url: string, cookie = ''): Promise<Request> {
  for (;;) {
    const page = await (await fetch(`${url}/console/approvals`, { headers: { cookie } })).text();
    const id = /\/console\/approvals\/([0-9a-f]{32})"/.exec(page)?.[1];
    if (id !== undefined) return { ...(await get<Request>(`${url}/api/v1/approvals/${id}`)), id };
  }
}
const decide = (url: string, { id, arguments_digest: digest }: Request, decision: string, token?: string): Promise<Response> =>
  fetch(`${url}/api/v1/approvals/${id}/decision`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ decision, arguments_digest: digest }),
  });
/** An approver: the setting that knows the token, and a browser's cookie once signed in with it. */
function approver(name: string) {
  const token = randomBytes(32).toString('hex');
  const setting = `${createHash('sha256').update(token).digest('hex')}:${name}`;
  const signIn = async (url: string): Promise<string> => {
    const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const page = await fetch(`${url}/console/login`);
    const form = /name="form" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
    const body = new URLSearchParams({ token, form });
    return cookieOf(await fetch(`${url}/console/login`, { method: 'POST', body, headers: { cookie: cookieOf(page) }, redirect: 'manual' }));
  };
  return { token, setting, signIn };
}
async function report(url: string, agent: Running): Promise<Report> {
  agent.tell('end');
  await agent.closed;
  const { sessions } = await get<{ sessions: Report[] }>(`${url}/api/v1/sessions`);
  const found = sessions.find((session) => session.agent === 'cashier');
  return get<Report>(`${url}/api/v1/sessions/${found?.session}`);
}
const HONEST = { integrity: 'intact', completeness: 'complete', findings: [] };

describe('an agent under a policy', () => {
  test('pays what it may, is refused what it may not, and waits for a human in between', async () => {
    const { url } = await collector(0);
    const agent = cashier(url);
    await agent.line(/^ready/);
    agent.tell('20');
    await agent.line(/^paid 20$/);
    agent.tell('20000');
    await agent.line(/^refused: .*payments:too-much.*not this agent's/);
    agent.tell('900');
    const request = await pending(url);
    expect((await decide(url, request, 'approved')).status).toBe(200);
    await agent.line(/^paid 900$/);
    const ended = await report(url, agent);
    expect(ended).toMatchObject(HONEST);
    expect(ended.chain.filter(({ kind }) => kind === 'approval').map(({ attributes }) => attributes)).toMatchObject([
      {
        'custody.approval.decision': 'approved',
        'custody.approval.approver': 'local',
        'custody.action.arguments.digest': request.arguments_digest,
      },
    ]);
    expect(
      ended.chain.filter(({ kind }) => kind === 'action.intent').map(({ attributes }) => attributes['custody.policy.decision']),
    ).toEqual(['allow', 'deny', 'require_approval']);
    expect(ended.chain[0]?.attributes['custody.fingerprint.policy']).toMatch(/^[0-9a-f]{64}$/);
  });

  test('does not pay what a human denies', async () => {
    const { url } = await collector(0);
    const agent = cashier(url);
    await agent.line(/^ready/);
    agent.tell('900');
    await decide(url, await pending(url), 'denied');
    await agent.line(/^refused: .*a human denied it/);
    expect(await report(url, agent)).toMatchObject(HONEST);
  });

  test('gets its answer although the collector was killed and started again while it waited', async () => {
    const port = await freePort();
    const first = await collector(port);
    const agent = cashier(first.url);
    await agent.line(/^ready/);
    agent.tell('900');
    const request = await pending(first.url);
    await first.process.kill('SIGKILL');
    const second = await collector(port);
    expect((await decide(second.url, request, 'approved')).status).toBe(200);
    await agent.line(/^paid 900$/);
    expect(await report(second.url, agent)).toMatchObject(HONEST);
  });

  test('pays what two people approve, neither of whom is the principal, across a crash between them', async () => {
    const [alice, bob, carol] = [approver('alice@example.com'), approver('bob@example.com'), approver('carol@example.com')];
    const tokens = [alice, bob, carol].flatMap(({ setting }) => ['--approver-token', setting]);
    const port = await freePort();
    const first = await collector(port, tokens);
    const agent = cashier(first.url, {}, POLICY.replace('expires: 60s', 'expires: 60s, count: 2'));
    await agent.line(/^ready/);
    agent.tell('900');
    const request = await pending(first.url, await bob.signIn(first.url));
    expect((await decide(first.url, request, 'approved')).status).toBe(401);
    expect((await decide(first.url, request, 'approved', alice.token)).status).toBe(403);
    expect((await decide(first.url, request, 'approved', bob.token)).status).toBe(200);
    expect((await decide(first.url, request, 'approved', bob.token)).status).toBe(409);
    await first.process.kill('SIGKILL');
    const second = await collector(port, tokens);
    expect((await decide(second.url, request, 'approved', carol.token)).status).toBe(200);
    await agent.line(/^paid 900$/);
    const ended = await report(second.url, agent);
    expect(ended).toMatchObject(HONEST);
    const said = ended.chain.filter(({ kind }) => kind === 'approval').map(({ attributes }) => attributes['custody.approval.approver']);
    expect(said).toEqual(['bob@example.com', 'carol@example.com']);
  });

  test('does not pay when nobody decides in time', async () => {
    const { url } = await collector(0);
    const agent = cashier(url);
    writeFileSync(join(folder, 'policy.yaml'), POLICY.replace('60s', '1s'));
    await agent.line(/^ready/);
    agent.tell('900');
    await agent.line(/^refused: .*nobody approved it in time/);
    const ended = await report(url, agent);
    expect(ended).toMatchObject(HONEST);
    expect(ended.chain.find(({ kind }) => kind === 'approval')?.attributes).toMatchObject({ 'custody.approval.decision': 'expired' });
  });
});

describe('durability: acknowledged', () => {
  test('pays while the collector answers, and not while it does not', async () => {
    const port = await freePort();
    const first = await collector(port);
    const agent = cashier(first.url, { CUSTODY_DURABILITY: 'acknowledged', CUSTODY_ACKNOWLEDGE_TIMEOUT: '2' });
    await agent.line(/^ready/);
    agent.tell('20');
    await agent.line(/^paid 20$/);
    await first.process.kill('SIGKILL');
    agent.tell('30');
    await agent.line(/^refused: .*has not taken its intent in time/);
    const second = await collector(port);
    agent.tell('40');
    await agent.line(/^paid 40$/);
    expect(await report(second.url, agent)).toMatchObject(HONEST);
  });
});
