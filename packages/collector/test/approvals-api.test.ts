import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test } from 'vitest';
import type { ApprovalSettings } from '../src/approvals/open.js';
import type { Collector, CollectorOptions } from '../src/service.js';
import { newToken } from '../src/settings/tokens.js';
import { waiting } from './console-support.js';
import { type Answer, get, metrics, newFolder, start } from './service-support.js';

// The approvals API of a running collector: agents ask and wait, people decide by token or through a signed webhook.

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const secret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const DIGEST = hex(32);

interface Asked {
  readonly id: string;
  readonly state: string;
}
const settings = (changes: Partial<ApprovalSettings> = {}): ApprovalSettings => ({ approverTokens: [], callbackSecrets: [], ...changes });
const body = (changes: object = {}) => ({
  id: hex(16),
  session: hex(16),
  seq: 2,
  action: 'a1',
  agent: 'billing-bot',
  principal: 'alice@example.com',
  tool: 'pay',
  arguments_digest: DIGEST,
  rule: 'large-payments',
  reason: 'the invoice is due',
  requirement: { expires_ms: 600_000 },
  ...changes,
});
const post = (collector: Collector, path: string, value: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  get(collector, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof value === 'string' ? value : JSON.stringify(value),
  });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const ask = async (collector: Collector, changes: object = {}, headers: Record<string, string> = {}): Promise<Asked> => {
  const { status, body: answer } = await post(collector, '/api/v1/approvals', body(changes), headers);
  expect(status).toBe(201);
  return answer as Asked;
};
const decision = (collector: Collector, id: string, value: object, headers: Record<string, string> = {}): Promise<Answer> =>
  post(collector, `/api/v1/approvals/${id}/decision`, { arguments_digest: DIGEST, ...value }, headers);
const codeOf = ({ status, body: answer }: Answer): string => `${status} ${(answer as { error?: { code: string } }).error?.code}`;

describe('an agent', () => {
  test('asks, waits by long poll, hears the answer at once, and uses it once', async () => {
    const collector = await start();
    const { id } = await ask(collector);
    const answer = get(collector, `/api/v1/approvals/${id}?wait=30`);
    expect(await decision(collector, id, { decision: 'approved' })).toMatchObject({ status: 200, body: { state: 'approved' } });
    expect(await answer).toMatchObject({
      status: 200,
      body: { state: 'approved', arguments_digest: DIGEST, decisions: [{ approver: 'local' }] },
    });
    const claim = (nonce: string) => post(collector, `/api/v1/approvals/${id}/claim`, { claim: nonce });
    const nonce = hex(16);
    expect((await claim(nonce)).status).toBe(200);
    expect((await claim(nonce)).status).toBe(200);
    expect(codeOf(await claim(hex(16)))).toBe('409 used');
  });

  test('hears of a decision that was made while the collector was being restarted', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const first = await start({ ledger });
    const { id } = await ask(first);
    const waiting = get(first, `/api/v1/approvals/${id}?wait=60`);
    // Connections are taken in order: when this one is answered, the one that waits is there.
    await get(first, '/healthz');
    await first.close();
    expect(await waiting).toMatchObject({ status: 200, body: { state: 'pending' } });
    const second = await start({ ledger });
    await decision(second, id, { decision: 'denied' });
    expect((await get(second, `/api/v1/approvals/${id}?wait=30`)).body).toMatchObject({ state: 'denied' });
  });

  test('asks and waits for itself alone, with its own token', async () => {
    const own = newToken();
    const other = newToken();
    const collector = await start({
      ingestTokens: [
        { sha256: own.sha256, agents: ['billing-bot'] },
        { sha256: other.sha256, agents: ['other-bot'] },
      ],
    });
    expect(codeOf(await post(collector, '/api/v1/approvals', body()))).toBe('401 unauthorized');
    expect(codeOf(await post(collector, '/api/v1/approvals', body(), bearer(other.token)))).toBe('403 forbidden');
    const { id } = await ask(collector, {}, bearer(own.token));
    expect(codeOf(await get(collector, `/api/v1/approvals/${id}`, { headers: bearer(other.token) }))).toBe('403 forbidden');
    expect((await get(collector, `/api/v1/approvals/${id}`, { headers: bearer(own.token) })).status).toBe(200);
  });

  test('that gives up takes its request back, and nobody decides about it any more', async () => {
    const collector = await start();
    const { id } = await ask(collector);
    const waits = get(collector, `/api/v1/approvals/${id}?wait=60`);
    expect(await post(collector, `/api/v1/approvals/${id}/withdraw`, {})).toMatchObject({ status: 200, body: { state: 'expired' } });
    expect((await waits).body).toMatchObject({ state: 'expired' });
    expect(codeOf(await decision(collector, id, { decision: 'approved' }))).toBe('410 late');
    const used = await ask(collector);
    await decision(collector, used.id, { decision: 'approved' });
    await post(collector, `/api/v1/approvals/${used.id}/claim`, { claim: hex(16) });
    expect((await post(collector, `/api/v1/approvals/${used.id}/withdraw`, {})).body).toMatchObject({ state: 'approved' });
  });

  test('asks about no session that is another agent’s by its links', async () => {
    const collector = await start();
    const { session } = await waiting(collector);
    expect(codeOf(await post(collector, '/api/v1/approvals', body({ session, seq: 9, agent: 'other-bot' })))).toBe('409 conflict');
    expect((await post(collector, '/api/v1/approvals', body({ session, seq: 9 }))).status).toBe(201);
  });

  test.each([
    ['an id that is none', { id: 'x' }, /id: expected 32/],
    ['an expiry of no time', { requirement: { expires_ms: 0 } }, /requirement.expires_ms/],
    ['arguments without their salt', { arguments: '{}' }, /go together/],
    ['a key that nobody knows', { urgent: true }, /urgent/],
  ])('is told what is wrong with %s', async (_what, changes, message) => {
    const answer = await post(await start(), '/api/v1/approvals', body(changes));
    expect(codeOf(answer)).toBe('400 bad_request');
    expect(answer.body).toMatchObject({ error: { message: expect.stringMatching(message) as string } });
  });

  test('is told of what is not there, and of what it may not do', async () => {
    const collector = await start();
    expect(codeOf(await get(collector, `/api/v1/approvals/${hex(16)}`))).toBe('404 unknown');
    const wrongMethod = await get(collector, `/api/v1/approvals/${hex(16)}`, { method: 'DELETE' });
    expect(codeOf(wrongMethod)).toBe('405 method_not_allowed');
    expect(wrongMethod.headers.get('allow')).toBe('GET');
    expect(codeOf(await post(collector, '/api/v1/approvals', 'x'.repeat(600_000)))).toBe('413 too_large');
    expect(codeOf(await post(collector, '/api/v1/approvals', '{}', { 'content-type': 'text/plain' }))).toBe('415 unsupported_media_type');
  });
});

describe('an approver', () => {
  const bob = newToken();
  const withBob: Partial<CollectorOptions> = { approvals: settings({ approverTokens: [{ sha256: bob.sha256, name: 'bob@example.com' }] }) };

  test('decides by a token of their own, in their own name', async () => {
    const collector = await start(withBob);
    const { id } = await ask(collector);
    const stranger = await decision(collector, id, { decision: 'approved' });
    expect(codeOf(stranger)).toBe('401 unauthorized');
    expect(stranger.headers.get('www-authenticate')).toBe('Bearer realm="agent-custody"');
    expect(codeOf(await decision(collector, id, { decision: 'approved' }, bearer(newToken().token)))).toBe('401 unauthorized');
    const long = { decision: 'approved', comment: 'x'.repeat(100_000) };
    expect(codeOf(await decision(collector, id, long, bearer(bob.token)))).toBe('413 too_large');
    expect(codeOf(await decision(collector, id, { decision: 'approved', approver: 'carol' }, bearer(bob.token)))).toBe('400 bad_request');
    const decided = await decision(collector, id, { decision: 'approved', comment: 'checked' }, bearer(bob.token));
    expect(decided.body).toMatchObject({ state: 'approved', decisions: [{ approver: 'bob@example.com' }] });
  });

  test('is refused what the rules refuse, and each refusal is counted', async () => {
    const collector = await start(withBob);
    const self = await ask(collector, { principal: 'Bob@example.com' });
    expect(codeOf(await decision(collector, self.id, { decision: 'approved' }, bearer(bob.token)))).toBe('403 self_approval');
    const { id } = await ask(collector);
    const other = { decision: 'approved', arguments_digest: hex(32) };
    expect(codeOf(await decision(collector, id, other, bearer(bob.token)))).toBe('409 other_arguments');
    await decision(collector, id, { decision: 'denied' }, bearer(bob.token));
    expect(codeOf(await decision(collector, id, { decision: 'approved' }, bearer(bob.token)))).toBe('409 decided');
    expect(await metrics(collector)).toMatchObject({
      'custody_approvals_refused_total{reason="self_approval"}': 1,
      'custody_approvals_refused_total{reason="other_arguments"}': 1,
      'custody_approvals_refused_total{reason="decided"}': 1,
      'custody_approvals_total{event="requested"}': 2,
      'custody_approvals_total{event="denied"}': 1,
    });
  });
});

describe('whoever reaches the collector decides nothing', () => {
  test('where people are said to reach it by another address: a proxy makes strangers local', async () => {
    const collector = await start({ approvals: settings({ publicUrl: 'https://custody.example.com' }) });
    const { id } = await ask(collector);
    expect(codeOf(await decision(collector, id, { decision: 'approved' }))).toBe('401 unauthorized');
    expect(String((await get(collector, '/console/login')).body)).toContain('Nobody can sign in here yet');
  });

  test('where a service decides for people it has identified', async () => {
    const collector = await start({ approvals: settings({ callbackSecrets: [secret()] }) });
    const { id } = await ask(collector);
    expect(codeOf(await decision(collector, id, { decision: 'approved' }))).toBe('401 unauthorized');
  });

  test('by the token of an agent, which is refused as an approver’s at the start', async () => {
    const { sha256 } = newToken();
    const approvals = settings({ approverTokens: [{ sha256, name: 'bob' }] });
    await expect(start({ approvals, ingestTokens: [{ sha256, agents: '*' }] })).rejects.toThrow(/bob is also an ingest token/);
    await expect(start({ approvals, readerTokenSha256: sha256 })).rejects.toThrow(/bob is also the reader/);
  });
});

describe('a signed message', () => {
  const key = secret();
  const signed = (text: string, options: { id?: string; at?: Date; by?: string } = {}) => {
    const { id = `msg_${hex(8)}`, at = new Date(), by = key } = options;
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(by).sign(id, at, text),
    };
  };
  const text = (changes: object = {}): string =>
    JSON.stringify({ decision: 'approved', approver: 'bob@example.com', arguments_digest: DIGEST, ...changes });
  const opened = () =>
    start({ approvals: settings({ callbackSecrets: [secret(), key], approverTokens: [{ sha256: newToken().sha256, name: 'x' }] }) });
  const path = (id: string): string => `/api/v1/approvals/${id}/decision`;

  test('decides for the person it names', async () => {
    const collector = await opened();
    const { id } = await ask(collector);
    expect(await post(collector, path(id), text(), signed(text()))).toMatchObject({
      status: 200,
      body: { state: 'approved', decisions: [{ approver: 'bob@example.com' }] },
    });
  });

  test('is heard once', async () => {
    const collector = await opened();
    const { id } = await ask(collector, { requirement: { expires_ms: 600_000, count: 2 } });
    const headers = signed(text());
    expect((await post(collector, path(id), text(), headers)).status).toBe(200);
    expect(codeOf(await post(collector, path(id), text(), headers))).toBe('409 replay');
    const other = await ask(collector);
    expect(codeOf(await post(collector, path(other.id), text(), headers))).toBe('409 replay');
  });

  test.each([
    ['with another secret', () => signed(text(), { by: secret() })],
    ['about another text', () => signed(text({ approver: 'mallory@example.com' }))],
    ['an hour ago', () => signed(text(), { at: new Date(Date.now() - 3_600_000) })],
    ['without a time', () => ({ 'webhook-signature': signed(text())['webhook-signature'] })],
  ])('that was signed %s is forged', async (_how, headers) => {
    const collector = await opened();
    const { id } = await ask(collector);
    expect(codeOf(await post(collector, path(id), text(), headers()))).toBe('401 forged');
    expect((await get(collector, `/api/v1/approvals/${id}`)).body).toMatchObject({ state: 'pending' });
    expect(await metrics(collector)).toMatchObject({ 'custody_approvals_refused_total{reason="forged"}': 1 });
  });

  test('that is no JSON is told so', async () => {
    const collector = await opened();
    const { id } = await ask(collector);
    expect(codeOf(await post(collector, path(id), 'approved', signed('approved')))).toBe('400 bad_request');
  });

  test('that names nobody decides nothing', async () => {
    const collector = await opened();
    const { id } = await ask(collector);
    const anonymous = JSON.stringify({ decision: 'approved', arguments_digest: DIGEST });
    expect(codeOf(await post(collector, path(id), anonymous, signed(anonymous)))).toBe('400 bad_request');
  });
});

describe('the webhook', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());
  const received: { headers: IncomingMessage['headers']; text: string }[] = [];
  async function receiver(): Promise<string> {
    received.length = 0;
    server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        received.push({ headers: request.headers, text: Buffer.concat(pieces).toString() });
        response.end();
        server?.emit('told');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  }
  const told = async (count: number) => {
    while (received.length < count) await once(server as Server, 'told');
    return received;
  };
  const key = secret();

  test('is told of each request and of what became of it, signed', async () => {
    const url = await receiver();
    const webhook = { url, secrets: [key], format: 'generic' as const };
    const bob = newToken();
    const approverTokens = [{ sha256: bob.sha256, name: 'bob' }];
    const collector = await start({ approvals: settings({ webhook, approverTokens, publicUrl: 'https://custody.example.com' }) });
    const { id } = await ask(collector);
    await told(1);
    await decision(collector, id, { decision: 'denied' }, bearer(bob.token));
    const messages = (await told(2)).map(({ headers, text }) => new Webhook(key).verify(text, headers as Record<string, string>));
    expect(messages).toMatchObject([
      {
        type: 'approval.requested',
        data: {
          id,
          tool: 'pay',
          rule: 'large-payments',
          page: `https://custody.example.com/console/approvals/${id}`,
          decide: `https://custody.example.com/api/v1/approvals/${id}/decision`,
        },
      },
      { type: 'approval.denied', data: { id, decisions: [{ decision: 'denied', approver: 'bob' }] } },
    ]);
  });

  test('can be one for a chat, where what an agent writes is text and never markup', async () => {
    const webhook = { url: await receiver(), secrets: [key], format: 'slack' as const };
    const collector = await start({ approvals: settings({ webhook }) });
    await ask(collector, { tool: 'pay <!channel>\u202E', reason: `<https://evil.example|click> *now* ${'x'.repeat(5_000)}` });
    const message = JSON.parse((await told(1))[0]?.text ?? '') as { text: string; blocks: { fields?: { text: string }[] }[] };
    expect(message.text).toBe('Approval needed: billing-bot wants to call pay &lt;!channel&gt;\\u202e');
    // Slack refuses a whole message for one field of more than 2 000 characters.
    for (const { text } of message.blocks.flatMap(({ fields = [] }) => fields)) expect(text.length).toBeLessThanOrEqual(2_000);
    expect(JSON.stringify(message.blocks)).not.toContain('mrkdwn');
    expect(message.blocks.at(-1)).toMatchObject({
      elements: [{ url: expect.stringContaining(`${collector.url}/console/approvals/`) as string }],
    });
  });
});
