import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ATTR } from '@agent-custody/chain';
import { afterEach, describe, expect, test } from 'vitest';
import { askForApproval } from '../src/enforce/approvals.js';
import type { Answer, ProposedAction } from '../src/guard.js';

// What the agent's side makes of a collector that answers well, badly, late, or not at all.

const DIGEST = 'ab'.repeat(32);
const ID = 'cd'.repeat(16);
const action: ProposedAction = {
  id: 'a1',
  at: 0,
  session: ID,
  families: [ID],
  agent: 'billing-bot',
  principal: '',
  tool: { name: 'pay' },
  arguments: {},
  encoding: 'json',
  argumentsDigest: DIGEST,
  reason: undefined,
  acknowledged: false,
  canWait: true,
};
const requirement = { approvers: null, count: 1, expiresMs: 60_000, selfApproval: false };

type Body = Record<string, unknown>;
/** By `METHOD …/verb`: what the collector answers, one after the other, the last one for good. */
type Script = Readonly<Record<string, readonly (readonly [status: number, body: unknown])[]>>;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Heard {
  readonly route: string;
  readonly body: Body;
}
async function collector(script: Script): Promise<{ readonly url: string; readonly heard: Heard[] }> {
  const heard: Heard[] = [];
  const count = new Map<string, number>();
  server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace(/^\/api\/v1\/approvals(\/[0-9a-f]{32})?/, '').replace(/\?.*/, '');
    const route = `${request.method}${path}`;
    heard.push({ route, body: await bodyOf(request) });
    const at = count.get(route) ?? 0;
    count.set(route, at + 1);
    const answers = script[route] ?? [];
    const [status, body] = answers[Math.min(at, answers.length - 1)] ?? [404, {}];
    if (status === 0) response.destroy();
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}
async function bodyOf(request: IncomingMessage): Promise<Body> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return pieces.length === 0 ? {} : (JSON.parse(Buffer.concat(pieces).toString()) as Body);
}

const reply = (state: string, changes: object = {}): [number, unknown] => [
  200,
  { state, arguments_digest: DIGEST, decisions: [], ...changes },
];
const APPROVED = reply('approved', { decisions: [{ decision: 'approved', approver: 'bob' }] });
const BOB = [{ decision: 'approved', approver: 'bob' }];

function ask(url: string, more: { attributes?: object; expiresMs?: number; signal?: AbortSignal } = {}): Promise<Answer> {
  const { attributes, expiresMs = 60_000, signal } = more;
  const intent = { seq: 2, attributes: { [ATTR.argumentsDigest]: DIGEST, ...attributes } };
  const question = { rule: 'large', reason: 'payments', requirement: { ...requirement, expiresMs } };
  return askForApproval({ url, headers: {} }, action, intent as never, question, signal);
}

describe('an approval', () => {
  test('is used before the action runs, once, with one nonce however often it is sent', async () => {
    const { url, heard } = await collector({
      POST: [reply('pending')],
      GET: [APPROVED],
      'POST/claim': [[503, {}], [0, {}], APPROVED],
    });
    expect(await ask(url)).toEqual({ go: true, approvals: BOB });
    const claims = heard.filter(({ route }) => route === 'POST/claim').map(({ body }) => body['claim']);
    expect(claims).toHaveLength(3);
    expect(new Set(claims).size).toBe(1);
  });

  test.each<[string, [number, unknown], RegExp]>([
    ['was used before', [409, {}], /used before/],
    ['turns out to be none', reply('expired'), /not valid any more/],
  ])('that %s lets nothing run, and who gave it is on record', async (_what, claim, reason) => {
    const { url } = await collector({ POST: [APPROVED], 'POST/claim': [claim] });
    expect(await ask(url)).toEqual({ go: false, reason: expect.stringMatching(reason) as string, approvals: BOB });
  });

  test('is asked for anew from a collector that has lost what it was asked', async () => {
    const { url, heard } = await collector({ POST: [reply('pending'), APPROVED], GET: [[404, {}]], 'POST/claim': [APPROVED] });
    expect(await ask(url)).toMatchObject({ go: true });
    const asked = heard.filter(({ route }) => route === 'POST').map(({ body }) => body['id']);
    expect(asked).toEqual([asked[0], asked[0]]);
  });
});

describe('no approval is', () => {
  test.each<[string, [number, unknown]]>([
    ['a state that nobody knows', reply('granted')],
    ['one that nobody gave', reply('approved')],
    ['one that somebody denied', reply('approved', { decisions: [{ decision: 'denied', approver: 'bob' }] })],
    ['one about other arguments', reply('approved', { arguments_digest: '00'.repeat(32) })],
    ['one without its digest', [200, { state: 'approved', decisions: [] }]],
    ['an answer that is something else', [200, []]],
    ['a refusal to be asked', [400, {}]],
    ['an answer to somebody else’s request', [404, {}]],
  ])('%s', async (_what, answer) => {
    const { url, heard } = await collector({ POST: [answer], 'POST/claim': [APPROVED] });
    expect(await ask(url)).toMatchObject({ go: false });
    expect(heard.map(({ route }) => route)).toEqual(['POST']);
  });

  test('one that nobody gives in time, wherever the collector is', async () => {
    const { url } = await collector({ POST: [[0, {}]] });
    expect(await ask(url, { expiresMs: 50 })).toEqual({
      go: false,
      reason: 'nobody approved it in time',
      approvals: [{ decision: 'expired' }],
    });
  });

  test('one for an action that its caller has given up', async () => {
    const gone = new AbortController();
    const { url, heard } = await collector({ POST: [reply('pending')], GET: [reply('pending')], 'POST/withdraw': [reply('expired')] });
    const answer = ask(url, { signal: gone.signal });
    await once(server as Server, 'request');
    const withdrawn = new Promise<void>((resolve) => {
      server?.on('request', ({ url: path }, response) => path?.endsWith('/withdraw') && response.once('finish', resolve));
    });
    gone.abort();
    await withdrawn;
    expect(heard.map(({ route }) => route)).toContain('POST/withdraw');
    expect(await answer).toMatchObject({ go: false, reason: expect.stringMatching(/cancelled/) as string });
  });
});

test('a collector that does not let it wait is not asked without a pause', async () => {
  const { url, heard } = await collector({ POST: [reply('pending')], GET: [reply('pending')] });
  await ask(url, { expiresMs: 600 });
  expect(heard.filter(({ route }) => route === 'GET').length).toBeLessThan(5);
});

test('what is too long to be shown is decided about by its digest, and who is nobody is not named', async () => {
  const { url, heard } = await collector({ POST: [reply('denied')] });
  const attributes = { [ATTR.toolArguments]: 'x'.repeat(70_000), [ATTR.saltArguments]: DIGEST, [ATTR.reason]: 'y'.repeat(20_000) };
  expect(await ask(url, { attributes })).toMatchObject({ go: false, reason: 'a human denied it' });
  expect(Object.keys(heard[0]?.body ?? {})).not.toContain('arguments');
  for (const absent of ['salt', 'reason', 'principal']) expect(heard[0]?.body).not.toHaveProperty(absent);
});
