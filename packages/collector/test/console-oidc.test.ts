import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { OidcSettings } from '../src/console/oidc.js';
import { createLog } from '../src/log.js';
import type { Collector } from '../src/service.js';
import { waiting } from './console-support.js';
import { startIssuer } from './issuer.mjs';
import { get, silent, start } from './service-support.js';

// Approvers sign in at a real OpenID provider, in a real browser.

const CHROMIUM = '/usr/bin/chromium';
let browser: Browser;
beforeAll(async () => {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}: apt-get install -y --no-install-recommends chromium`);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
});
afterAll(() => browser?.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function setUp(changes: Partial<OidcSettings> = {}, log = silent): Promise<Collector> {
  const port = await freePort();
  const { issuer, close } = await startIssuer(`http://127.0.0.1:${port}/console/callback`);
  closing.push(close);
  const oidc: OidcSettings = { issuer, clientId: 'custody', clientSecret: 'custody-secret', nameClaim: 'email', allow: [], ...changes };
  return start({ listen: { host: '127.0.0.1', port }, approvals: { approverTokens: [], callbackSecrets: [], oidc }, log });
}

async function signIn(collector: Collector, name: string, path = '/console/approvals'): Promise<Page> {
  const context = await browser.newContext();
  closing.push(() => context.close());
  const page = await context.newPage();
  await page.goto(collector.url + path);
  await page.getByRole('link', { name: /Sign in with/ }).click();
  await page.locator('input[name=login]').fill(name);
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: /continue/i }).click();
  await page.waitForURL(/\/console\/(approvals|callback)/);
  return page;
}

test('whoever signs in there decides here in that name', async () => {
  const collector = await setUp();
  const { id } = await waiting(collector);
  const page = await signIn(collector, 'bob');
  await page.getByRole('link', { name: 'pay' }).click();
  await page.getByRole('button', { name: 'Approve pay' }).click();
  await page.getByText('by bob@example.com').waitFor();
  expect((await get(collector, `/api/v1/approvals/${id}`)).body).toMatchObject({
    state: 'approved',
    decisions: [{ approver: 'bob@example.com' }],
  });
});

test('the principal of an agent signs in and may not decide about it', async () => {
  const collector = await setUp();
  const { id, digest } = await waiting(collector);
  const page = await signIn(collector, 'alice');
  await page.goto(`${collector.url}/console/approvals/${id}`);
  await page.getByText('may not decide about what runs on their own behalf').waitFor();
  expect(await page.getByRole('button', { name: 'Approve pay' }).count()).toBe(0);
  // What a form that the page does not show would post.
  const status = await page.evaluate(
    async ([request, digest]) => {
      const csrf = document.querySelector<HTMLInputElement>('input[name=csrf]')?.value ?? '';
      const body = new URLSearchParams({ csrf, decision: 'approved', arguments_digest: digest ?? '' });
      return (await fetch(`/console/approvals/${request}/decision`, { method: 'POST', body })).status;
    },
    [id, digest],
  );
  expect(status).toBe(409);
  expect((await get(collector, `/api/v1/approvals/${id}`)).body).toMatchObject({ state: 'pending' });
});

test('whoever came for one page is led there after the sign-in', async () => {
  const collector = await setUp();
  const { id } = await waiting(collector);
  const page = await signIn(collector, 'bob', `/console/approvals/${id}`);
  expect(page.url()).toBe(`${collector.url}/console/approvals/${id}`);
});

test.each([
  ['whom the settings do not name', 'bob', { allow: ['*@audit.example.com'] }, /may not use this console/],
  ['whose address is not verified', 'unverified', {}, /has not verified/],
  ['of whom the issuer does not say that the address is verified', 'unsaid', {}, /does not say so/],
  ['by a name that repaints what is read', 'hidden', {}, /cannot be shown/],
  ['who only looks like one who may come in', 'Kelvin', { allow: ['kelvin@example.com'] }, /may not use this console/],
  ['of whom the issuer does not say who they are', 'bob', { nameClaim: 'preferred_username' }, /does not say who you are/],
])('somebody %s does not come in', async (_who, name, changes, message) => {
  const collector = await setUp(changes);
  const page = await signIn(collector, name);
  expect(await page.locator('.problem').textContent()).toMatch(message);
  await page.goto(`${collector.url}/console/approvals`);
  expect(page.url()).toBe(`${collector.url}/console/login`);
});

test('a callback that nobody began, or that another browser began, opens nothing', async () => {
  const collector = await setUp();
  expect((await get(collector, '/console/callback?code=x&state=y')).status).toBe(403);
  const begun = await get(collector, '/console/login/oidc', { redirect: 'manual' });
  const { searchParams } = new URL(begun.headers.get('location') ?? '');
  expect(searchParams.get('code_challenge_method')).toBe('S256');
  const callback = `/console/callback?code=x&state=${searchParams.get('state')}`;
  expect((await get(collector, callback)).status).toBe(403);
  const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? '';
  expect((await get(collector, callback, { headers: { cookie } })).status).toBe(403);
});

test('a secret that the issuer does not know is in the log, and not on the page', async () => {
  const lines: string[] = [];
  const collector = await setUp({ clientSecret: 'wrong' }, createLog('info', { write: (line) => lines.push(line) }));
  const page = await signIn(collector, 'bob');
  expect(await page.locator('.problem').textContent()).toBe('the sign-in service did not confirm the sign-in: try again');
  const refused = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'sign-in refused');
  expect(refused).toMatchObject([{ level: 'warn', cause: expect.stringContaining('OAUTH_WWW_AUTHENTICATE_CHALLENGE') as string }]);
});

test('an issuer that is away is said, and asked again the next time', async () => {
  const port = await freePort();
  const lines: string[] = [];
  const collector = await start({
    log: createLog('info', { write: (line) => lines.push(line) }),
    approvals: {
      approverTokens: [],
      callbackSecrets: [],
      oidc: { issuer: `http://127.0.0.1:${port}`, clientId: 'custody', nameClaim: 'email', allow: [] },
    },
  });
  const answer = await get(collector, '/console/login/oidc', { redirect: 'manual' });
  expect(answer.status).toBe(503);
  expect(String(answer.body)).toContain('cannot be reached');
  expect(lines.join('')).toMatch(/"cause":"[^"]+".*"msg":"sign-in refused"/);
});
