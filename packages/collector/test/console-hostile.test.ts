import { request } from 'node:http';
import { ChainWriter, commitment } from '@agent-custody/chain';
import { describe, expect, test } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { createLog } from '../src/log.js';
import type { CollectorOptions } from '../src/service.js';
import { newToken } from '../src/settings/tokens.js';
import { Browser, field, send, waiting } from './console-support.js';
import { get, start } from './service-support.js';
import { newId, sessionOf } from './sessions.js';

// The console against other sites, agents that want to overwhelm or mislead whoever looks, and a collector that has to stop.

const bob = newToken();
const carol = newToken();
const SIGNED: Partial<CollectorOptions> = {
  approvals: {
    approverTokens: [
      { sha256: bob.sha256, name: 'bob@example.com' },
      { sha256: carol.sha256, name: 'carol@example.com' },
    ],
    callbackSecrets: [],
  },
};

describe('signing in', () => {
  test.each<[string, (form: string) => { form: string; headers: Record<string, string> }]>([
    ['a form without our cookie’s word', () => ({ form: 'x'.repeat(43), headers: {} })],
    ['an empty word', () => ({ form: '', headers: {} })],
    ['a form that a browser says comes from elsewhere', (form) => ({ form, headers: { 'sec-fetch-site': 'cross-site' } })],
  ])('as somebody else cannot be done to a visitor by %s', async (_what, forge) => {
    const browser = new Browser(await start(SIGNED));
    const { form, headers } = forge(field((await browser.open('/console/login')).text, 'form'));
    expect((await browser.post('/console/login', { token: bob.token, form }, headers)).status).toBe(403);
    expect((await browser.open('/console/approvals')).status).toBe(303);
  });

  test('anew ends the sign-in before it', async () => {
    const browser = new Browser(await start(SIGNED));
    await browser.signIn(bob.token);
    const before = new Map(browser.cookies);
    await browser.signIn(carol.token);
    expect((await browser.open('/console/approvals')).text).toContain('carol@example.com');
    for (const [name, value] of before) browser.cookies.set(name, value);
    expect((await browser.open('/console/approvals')).status).toBe(303);
  });

  test('leads to the page that was asked for, and to none of anybody else’s', async () => {
    const collector = await start(SIGNED);
    const { id } = await waiting(collector);
    const browser = new Browser(collector);
    const { location } = await browser.open(`/console/approvals/${id}`);
    const { text } = await browser.open(location);
    expect(field(text, 'to')).toBe(`/console/approvals/${id}`);
    const form = { token: bob.token, form: field(text, 'form') };
    expect((await browser.post('/console/login', { ...form, to: field(text, 'to') })).location).toBe(`/console/approvals/${id}`);
    for (const to of ['//evil.example', 'https://evil.example', '/\\evil.example', '/console/approvals/../../x', '/console/logout']) {
      expect((await browser.open(`/console/login?to=${encodeURIComponent(to)}`)).text).not.toContain('evil');
      const again = field((await browser.open('/console/login')).text, 'form');
      expect((await browser.post('/console/login', { token: bob.token, form: again, to })).location).toBe('/console/approvals');
    }
  });
});

test('who signed in, who could not, and what was decided or refused is in the log, and no token is', async () => {
  const lines: string[] = [];
  const collector = await start({ ...SIGNED, log: createLog('info', { write: (line) => lines.push(line) }) });
  const { id, digest } = await waiting(collector);
  const wrong = newToken().token;
  const browser = new Browser(collector);
  await browser.signIn(wrong);
  await browser.signIn(bob.token);
  const decide = async (decision: string): Promise<void> => {
    const { text } = await browser.open(`/console/approvals/${id}`);
    const csrf = field(text, 'csrf') || field((await browser.open('/console/approvals')).text, 'csrf');
    await browser.post(`/console/approvals/${id}/decision`, { csrf, arguments_digest: digest, decision });
  };
  await decide('denied');
  await decide('approved');
  const stranger = { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${wrong}` }, body: '{}' };
  await get(collector, `/api/v1/approvals/${id}/decision`, stranger);
  const logged = lines.map((line) => JSON.parse(line) as { level: string; msg: string; name?: string; approver?: string; reason?: string });
  const about = (part: string) => logged.filter(({ msg }) => msg.includes(part));
  expect(about('sign-in refused')).toMatchObject([{ level: 'warn', remote: '127.0.0.1' }]);
  expect(about('signed in')).toMatchObject([{ name: 'bob@example.com', may: 'decide' }]);
  expect(about('request for approval decided')).toMatchObject([
    { approval: id, decision: 'denied', approver: 'bob@example.com', way: 'console' },
  ]);
  expect(about('approval refused')).toMatchObject([
    { level: 'warn', reason: 'decided' },
    { level: 'warn', reason: 'unauthorized', remote: '127.0.0.1' },
  ]);
  for (const secret of [wrong, bob.token, digest]) expect(lines.join('')).not.toContain(secret);
});

describe('a long session', () => {
  test('is shown in parts, the newest first, and each part is whole', async () => {
    const collector = await start();
    const links = sessionOf({ actions: 400 });
    const { session = '' } = links[0] ?? {};
    await send(collector, links);
    const browser = new Browser(collector);
    const seqs = (html: string) => [...html.matchAll(/class="seq">(\d+)</g)].map((match) => Number(match[1]));
    const hrefOf = (html: string, name: string): string => new RegExp(`href="([^"#]*)#chain">${name}<`).exec(html)?.[1] ?? '';
    const newest = (await browser.open(`/console/sessions/${session}`)).text;
    expect(seqs(newest).length).toBe(200);
    expect(seqs(newest).at(-1)).toBe(links.length);
    const earlier = (await browser.open(hrefOf(newest, 'Earlier'))).text;
    expect(seqs(earlier).at(-1)).toBe((seqs(newest)[0] ?? 0) - 1);
    const first = (await browser.open(hrefOf(earlier, 'First'))).text;
    expect(seqs(first)[0]).toBe(1);
    for (const html of [newest, earlier, first]) expect(html).not.toMatch(/missing|does not follow/);
    const beyond = (await browser.open(`/console/sessions/${session}?from=999999999`)).text;
    expect(seqs(beyond)).toEqual([links.length]);
  });

  test('has its findings beside the chain where their links are on another part', async () => {
    const collector = await start();
    const links = sessionOf({ actions: 400 });
    const edited = links.map((link) => (link.seq === 3 ? { ...link, attributes: { ...link.attributes, 'custody.note': 'x' } } : link));
    await send(collector, edited);
    const { session = '' } = links[0] ?? {};
    const { text } = await new Browser(collector).open(`/console/sessions/${session}`);
    expect(text).toMatch(/Findings about the session/);
    expect(text).toContain(`/console/sessions/${session}?from=3#chain`);
  });
});

describe('a request', () => {
  test('with arguments nested to the bottom is shown without making gigabytes of them', async () => {
    const collector = await start();
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const salt = `${newId(16)}${newId(16)}`;
    const digest = commitment('arguments', deep, salt, nodeHashing);
    const { id } = await waiting(collector, { arguments: deep, salt, arguments_digest: digest });
    const { status, text } = await new Browser(collector).open(`/console/approvals/${id}`);
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(200_000);
  });

  test.each<[string, object]>([
    ['another tool', { tool: 'read_database' }],
    ['another action', { action: 'a2' }],
    ['another principal', { principal: 'mallory@example.com' }],
    ['a link that is no intent', { seq: 1 }],
    ['nobody’s behalf', { principal: undefined }],
  ])('that is about %s than the record says so, and cannot be approved', async (_what, changes) => {
    const collector = await start();
    const { id, digest } = await waiting(collector, changes);
    const browser = new Browser(collector);
    const { text } = await browser.open(`/console/approvals/${id}`);
    expect(text).toContain('it cannot be approved: find out why');
    expect(text).not.toContain('value="approved"');
    const form = { csrf: field(text, 'csrf'), arguments_digest: digest };
    const refused = await browser.post(`/console/approvals/${id}/decision`, { ...form, decision: 'approved' });
    expect(refused).toMatchObject({ status: 409, text: expect.stringContaining('on record') as string });
    expect((await browser.post(`/console/approvals/${id}/decision`, { ...form, decision: 'denied' })).status).toBe(303);
  });

  test('for two people shows who has decided, and asks that one no more', async () => {
    const collector = await start(SIGNED);
    const { id, digest } = await waiting(collector, { requirement: { expires_ms: 600_000, count: 2 } });
    const decide = async (token: string): Promise<string> => {
      const browser = new Browser(collector);
      await browser.signIn(token);
      const { text } = await browser.open(`/console/approvals/${id}`);
      await browser.post(`/console/approvals/${id}/decision`, {
        csrf: field(text, 'csrf'),
        arguments_digest: digest,
        decision: 'approved',
      });
      return (await browser.open(`/console/approvals/${id}`)).text;
    };
    const first = await decide(bob.token);
    expect(first).toContain('1 of 2 have approved');
    expect(first).toContain('You cannot decide about this: this approver has decided');
    expect(await decide(carol.token)).toContain('Not used yet.');
    expect((await get(collector, `/api/v1/approvals/${id}`)).body).toMatchObject({ state: 'approved' });
  });

  test('names what cannot be seen', async () => {
    const collector = await start();
    const { id } = await waiting(collector, { agent: 'billing-bot', message: 'safe\u200b\u{e0041}\u00ad' });
    expect((await new Browser(collector).open(`/console/approvals/${id}`)).text).toContain('safe\\u200b\\u{e0041}\\xad');
  });
});

describe('pages that listen', () => {
  const listen = (url: string, method = 'GET', cookie = '') =>
    new Promise<{ readonly status: number; readonly ended: Promise<unknown> }>((resolve, reject) => {
      const sent = request(`${url}/console/events`, { method, headers: { cookie } }, (response) => {
        const ended = new Promise((over) => response.once('close', over));
        response.resume();
        resolve({ status: response.statusCode ?? 0, ended });
      });
      sent.on('error', reject).end();
    });

  test('are let go at once when the collector stops, and so are agents that wait', async () => {
    const collector = await start();
    const { id } = await waiting(collector);
    const { status, ended } = await listen(collector.url);
    const polled = get(collector, `/api/v1/approvals/${id}?wait=60`);
    await get(collector, '/healthz');
    expect(status).toBe(200);
    await collector.close();
    await ended;
    expect((await polled).body).toMatchObject({ state: 'pending' });
  });

  test('are not kept for a request that can take no events', async () => {
    const collector = await start();
    const browser = new Browser(collector);
    await browser.open('/console/approvals');
    const [[name, value] = []] = browser.cookies;
    const { status, ended } = await listen(collector.url, 'HEAD', `${name}=${value}`);
    expect(status).toBe(503);
    await ended;
  });
});

test('a session whose times are absurd is shown all the same', async () => {
  const collector = await start();
  const session = newId(16);
  const writer = new ChainWriter({ session, agent: { id: 'bot', name: 'Bot' }, hashing: nodeHashing });
  const component = nodeHashing.sha256('x');
  const place = { traceId: newId(16), spanId: newId(8), now: 2n ** 63n };
  await send(collector, [writer.start({ components: { system_prompt: component, tools: component, memory: component } }, place)]);
  const page = await new Browser(collector).open(`/console/sessions/${session}`);
  expect(page.status).toBe(200);
  expect(page.text).toContain('session.start');
});
