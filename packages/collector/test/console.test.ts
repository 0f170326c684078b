import { randomBytes } from 'node:crypto';
import { commitment } from '@agent-custody/chain';
import { describe, expect, test } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import type { Collector, CollectorOptions } from '../src/service.js';
import { newToken } from '../src/settings/tokens.js';
import { Browser, field, type Waiting, waiting } from './console-support.js';
import { get, start } from './service-support.js';

// The console as it is sent, without a browser: who is let in, what a form must hold, and what a page may load.

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const bob = newToken();
const reader = newToken();
const SIGNED: Partial<CollectorOptions> = {
  approvals: { approverTokens: [{ sha256: bob.sha256, name: 'bob@example.com' }], callbackSecrets: [] },
  readerTokenSha256: reader.sha256,
};

async function formOf(browser: Browser, { id }: Waiting): Promise<Record<string, string>> {
  const { text } = await browser.open(`/console/approvals/${id}`);
  return { csrf: field(text, 'csrf'), arguments_digest: field(text, 'arguments_digest') };
}

describe('on this machine alone, without a sign-in', () => {
  test('a decision is made by the form of a page, without JavaScript', async () => {
    const collector = await start();
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    const form = await formOf(browser, asked);
    const decided = await browser.post(`/console/approvals/${asked.id}/decision`, { ...form, decision: 'approved', comment: 'checked' });
    expect(decided).toMatchObject({ status: 303, location: `/console/approvals/${asked.id}` });
    expect((await get(collector, `/api/v1/approvals/${asked.id}`)).body).toMatchObject({
      state: 'approved',
      decisions: [{ approver: 'local' }],
    });
    expect((await browser.open(decided.location)).text).toContain('checked');
  });

  test('a decision on a page from before a restart is not taken, and the page is found again', async () => {
    const collector = await start();
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    const form = await formOf(browser, asked);
    // As if the collector, which keeps sign-ins in memory, had been started anew.
    browser.cookies.set('custody', 'forgotten');
    const refused = await browser.post(`/console/approvals/${asked.id}/decision`, { ...form, decision: 'approved' });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('open the page again');
    expect(await browser.open(`/console/login?to=/console/approvals/${asked.id}`)).toMatchObject({
      status: 303,
      location: `/console/approvals/${asked.id}`,
    });
    const decided = await browser.post(`/console/approvals/${asked.id}/decision`, {
      ...(await formOf(browser, asked)),
      decision: 'approved',
    });
    expect(decided.status).toBe(303);
  });

  test('several lines are shown as lines', async () => {
    const collector = await start();
    const asked = await waiting(collector, { reason: 'First I looked.\nThen I asked.' });
    const browser = new Browser(collector);
    const form = await formOf(browser, asked);
    await browser.post(`/console/approvals/${asked.id}/decision`, { ...form, decision: 'denied', comment: 'not today\r\nnot tomorrow' });
    const { text } = await browser.open(`/console/approvals/${asked.id}`);
    expect(text).toContain('First I looked.\nThen I asked.');
    expect(text).toContain('not today\nnot tomorrow');
  });

  test.each([
    ['a key twice', '{"to":"DE00","to":"MALLORY"}'],
    ['a number that no number type holds', '{"amount":1e999}'],
    ['more digits than are read', '{"amount":90071992547409930001}'],
  ])('arguments with %s are shown as they were sent: read and written anew they would say something else', async (_what, shown) => {
    const collector = await start();
    const salt = hex(32);
    const digest = commitment('arguments', shown, salt, nodeHashing);
    const { id } = await waiting(collector, { arguments: shown, salt, arguments_digest: digest });
    const { text } = await new Browser(collector).open(`/console/approvals/${id}`);
    expect(text).toContain(`<pre class="verbatim">${shown.replaceAll('"', '&quot;')}</pre>`);
  });

  test('another name of this machine is not answered: a page elsewhere may have had its name pointed here', async () => {
    const collector = await start();
    const answer = await rawGet(collector, '/console/approvals', 'evil.example');
    expect(answer).toBe(403);
  });

  test('sessions say when their last link came', async () => {
    const collector = await start();
    const before = Date.now();
    const { session } = await waiting(collector);
    const browser = new Browser(collector);
    for (const path of ['/console/sessions', `/console/sessions/${session}`]) {
      const { text } = await browser.open(path);
      const shown = Date.parse(/<time datetime="([^"]+)">\d{4}-/.exec(text)?.[1] ?? '');
      expect(shown, path).toBeGreaterThanOrEqual(before);
      expect(shown, path).toBeLessThanOrEqual(Date.now());
    }
  });

  test('what an agent writes is shown and never run', async () => {
    const collector = await start();
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    for (const path of [`/console/approvals/${asked.id}`, `/console/sessions/${asked.session}`]) {
      const { text } = await browser.open(path);
      expect(text).toContain('&lt;script>');
      expect(text).not.toContain('<script>document');
      expect(text).not.toContain('<img');
      for (const control of ['\u001b', '\u202e']) expect(text).not.toContain(control);
    }
  });
});

describe('a form is refused', () => {
  test.each<[string, (form: Record<string, string>) => Record<string, string>, Record<string, string>]>([
    ['without its token', ({ csrf: _csrf, ...rest }) => rest, {}],
    ['with the token of another sign-in', (form) => ({ ...form, csrf: 'x'.repeat(43) }), {}],
    ['that a browser says comes from another site', (form) => form, { 'sec-fetch-site': 'cross-site' }],
  ])('%s', async (_how, change, headers) => {
    const collector = await start();
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    const form = change(await formOf(browser, asked));
    const refused = await browser.post(`/console/approvals/${asked.id}/decision`, { ...form, decision: 'approved' }, headers);
    expect(refused.status).toBe(403);
    expect((await get(collector, `/api/v1/approvals/${asked.id}`)).body).toMatchObject({ state: 'pending' });
  });

  test('about other arguments than the page showed, and says so', async () => {
    const collector = await start();
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    const form = { ...(await formOf(browser, asked)), arguments_digest: 'ab'.repeat(32), decision: 'approved' };
    const refused = await browser.post(`/console/approvals/${asked.id}/decision`, form);
    expect(refused.status).toBe(409);
    expect(refused.text).toContain('other arguments');
  });
});

describe('where approvers have tokens', () => {
  test('nothing is shown before a sign-in, and a wrong token opens nothing', async () => {
    const collector = await start(SIGNED);
    const browser = new Browser(collector);
    for (const path of ['/console', '/console/approvals', '/console/sessions', '/console/events']) {
      expect(await browser.open(path)).toMatchObject({ status: 303, location: '/console/login' });
    }
    expect((await browser.signIn(newToken().token)).status).toBe(401);
    expect((await browser.open('/console/approvals')).status).toBe(303);
  });

  test('an approver decides in their own name, and signs out', async () => {
    const collector = await start(SIGNED);
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    expect(await browser.signIn(bob.token)).toMatchObject({ status: 303, location: '/console/approvals' });
    const form = await formOf(browser, asked);
    await browser.post(`/console/approvals/${asked.id}/decision`, { ...form, decision: 'denied', approver: 'carol@example.com' });
    const page = await browser.open(`/console/approvals/${asked.id}`);
    expect(page.text).toMatch(/denied<\/strong> by bob@example.com \(console\)/);
    const out = await browser.post('/console/logout', { csrf: field(page.text, 'csrf') });
    expect(out.location).toBe('/console/login');
    expect((await browser.open('/console/approvals')).status).toBe(303);
  });

  test('a reader sees and does not decide', async () => {
    const collector = await start(SIGNED);
    const asked = await waiting(collector);
    const browser = new Browser(collector);
    await browser.signIn(reader.token);
    const page = await browser.open(`/console/approvals/${asked.id}`);
    expect(page.text).toContain('You may read and not decide');
    const form = { csrf: field(page.text, 'csrf'), arguments_digest: asked.digest, decision: 'approved' };
    expect((await browser.post(`/console/approvals/${asked.id}/decision`, form)).status).toBe(403);
  });

  test('whoever signed in too long ago is led back to what they were deciding about', async () => {
    const browser = new Browser(await start(SIGNED));
    const page = `/console/approvals/${'ab'.repeat(16)}`;
    const { location } = await browser.post(`${page}/decision`, { decision: 'approved' });
    expect(location).toBe(`/console/login?to=${encodeURIComponent(page)}`);
  });

  test.each(['/console/assets/style.css/more', '/console/approvals/more/more', '/console/login/oidc/more', '/console/sessions/x/bundle/x'])(
    '%s is no page',
    async (path) => {
      const browser = new Browser(await start(SIGNED));
      await browser.signIn(bob.token);
      expect((await browser.open(path)).status).toBe(404);
    },
  );

  test('the console is reached by its public name, through a proxy, and what asks for no sign-in is not', async () => {
    const approvals = {
      approverTokens: [{ sha256: bob.sha256, name: 'bob' }],
      callbackSecrets: [],
      publicUrl: 'https://custody.example.com',
    };
    const collector = await start({ approvals });
    expect(await rawGet(collector, '/console/login', 'custody.example.com')).toBe(200);
    expect(await rawGet(collector, '/console/login', 'evil.example')).toBe(403);
    expect(await rawGet(collector, '/api/v1/sessions', 'custody.example.com')).toBe(403);
  });

  test('the console’s way in is no way around the reader’s token', async () => {
    const collector = await start(SIGNED);
    for (const path of [
      '/console/../api/v1/sessions',
      '/console/%2e%2e/api/v1/sessions',
      '/console//../metrics',
      '/console/..%2fmetrics',
    ]) {
      expect(await rawGet(collector, path), path).toBe(401);
    }
  });
});

describe('each page', () => {
  test.each(['/console/approvals', '/console/sessions', '/console/login', '/console/nothing', `/console/approvals/${'ab'.repeat(16)}`])(
    '%s may load and post to nothing but this collector',
    async (path) => {
      const { headers } = await new Browser(await start()).open(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|http|data:|\*/);
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      });
    },
  );

  test('has a cookie that no script reads, and that travels by https alone where there is https', async () => {
    const plain = await new Browser(await start()).open('/console/approvals');
    expect(plain.headers.get('set-cookie')).toMatch(/^custody=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const approvals = {
      ...SIGNED.approvals,
      approverTokens: [{ sha256: bob.sha256, name: 'bob' }],
      callbackSecrets: [],
      publicUrl: 'https://c.example',
    };
    const secure = await new Browser(await start({ approvals })).signIn(bob.token);
    expect(secure.headers.get('set-cookie')).toMatch(/^__Host-custody=.*; Secure$/);
  });
});

/** A request whose path and host are sent as they are. */
async function rawGet(collector: Collector, path: string, host = '127.0.0.1'): Promise<number> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: collector.port, path, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}
