import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Collector } from '../src/service.js';
import { newToken } from '../src/settings/tokens.js';
import { send, waiting } from './console-support.js';
import { get, newFolder, start } from './service-support.js';
import { sessionOf } from './sessions.js';

// The console in a real browser: Debian's chromium.

const CHROMIUM = '/usr/bin/chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
beforeAll(async () => {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}: apt-get install -y --no-install-recommends chromium`);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
});
afterAll(() => browser?.close());

const opened: Page[] = [];
afterEach(async () => {
  for (const page of opened.splice(0)) await page.context().close();
});

async function open(collector: Collector, path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  opened.push(page);
  page.on('pageerror', (error) => expect.unreachable(`the page threw: ${error.message}`));
  await page.goto(collector.url + path);
  return page;
}

describe.each(['light', 'dark'] as const)('in %s mode', (colorScheme) => {
  test('no page has anything against WCAG 2.2 AA that axe can find', async () => {
    const collector = await start();
    const asked = await waiting(collector);
    const broken = sessionOf();
    await send(
      collector,
      broken.map((link) => (link.seq === 3 ? { ...link, attributes: { ...link.attributes, 'custody.note': 'edited' } } : link)),
    );
    const session = broken[0]?.session;
    for (const path of [
      '/console/approvals',
      `/console/approvals/${asked.id}`,
      '/console/sessions',
      `/console/sessions/${session}`,
      '/console/nothing',
    ]) {
      const page = await open(collector, path, { colorScheme });
      await page.evaluate(AXE);
      const violations = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
        };
        const { violations: found } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
        return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
      });
      expect(violations, path).toEqual([]);
    }
  });
});

test('a decision is made with the keyboard alone, without JavaScript', async () => {
  const collector = await start();
  const { id } = await waiting(collector);
  const page = await open(collector, `/console/approvals/${id}`, { javaScriptEnabled: false });
  await page.getByLabel('Comment').focus();
  await page.keyboard.type('seen the invoice');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('Not used yet.').waitFor();
  expect((await get(collector, `/api/v1/approvals/${id}`)).body).toMatchObject({ state: 'approved' });
});

test('what an agent writes into its arguments runs nowhere', async () => {
  const collector = await start();
  const { id } = await waiting(collector);
  const page = await open(collector, `/console/approvals/${id}`);
  expect(await page.title()).toBe('pay: may it run? · agent-custody');
  expect(await page.locator('img').count()).toBe(0);
  expect(await page.locator('pre').first().textContent()).toContain('<script>document.title=');
});

test('a request shows on an open page by itself, and goes when it is decided', async () => {
  const collector = await start();
  const page = await open(collector, '/console/approvals');
  await page.getByText('Nothing waits.').waitFor();
  // The page polls too; that it hears is the claim.
  await page.clock.install();
  const { id, digest } = await waiting(collector);
  await page.getByRole('link', { name: 'pay' }).waitFor();
  await fetch(`${collector.url}/api/v1/approvals/${id}/decision`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ decision: 'denied', arguments_digest: digest }),
  });
  await page.getByText('Nothing waits.').waitFor();
});

test('a comment that is being written stays when something else changes', async () => {
  const collector = await start();
  const { id } = await waiting(collector);
  const page = await open(collector, `/console/approvals/${id}`);
  await page.getByLabel('Comment').fill('half a thou');
  const answered = page.waitForResponse((response) => response.url().endsWith(id));
  await waiting(collector);
  await answered;
  expect(await page.getByLabel('Comment').inputValue()).toBe('half a thou');
});

test('a comment that was being written while the collector was started anew is taken with the decision', async () => {
  const folder = newFolder();
  const before = await start({ ledger: join(folder, 'ledger.db') });
  const { id } = await waiting(before);
  const page = await open(before, `/console/approvals/${id}`);
  await page.getByLabel('Comment').fill('seen before and after');
  const token = await page.locator('input[name=csrf]').inputValue();
  await before.close();
  const after = await start({ ledger: join(folder, 'ledger.db'), listen: { host: before.host, port: before.port } });
  await page.waitForFunction((old) => document.querySelector<HTMLInputElement>('input[name=csrf]')?.value !== old, token);
  await page.getByRole('button', { name: 'Approve pay' }).click();
  await page.getByText('seen before and after').waitFor();
  expect((await get(after, `/api/v1/approvals/${id}`)).body).toMatchObject({ state: 'approved' });
});

test('more pages can be open than a browser has connections: those that nobody looks at hold none', async () => {
  const collector = await start();
  const first = await open(collector, '/console/approvals');
  const pages = [first];
  for (let more = 0; more < 8; more++) {
    // Chromium without a window takes every page for a visible one.
    await pages.at(-1)?.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    const page = await first.context().newPage();
    await page.goto(`${collector.url}/console/approvals`, { timeout: 5_000 });
    pages.push(page);
  }
  await waiting(collector);
  await pages.at(-1)?.getByRole('link', { name: 'pay' }).waitFor();
});

describe('the button that verifies in the browser', () => {
  async function verdictOf(collector: Collector, session: string): Promise<string[]> {
    const page = await open(collector, `/console/sessions/${session}`);
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.locator('.result').first().waitFor();
    return page.locator('.result').allTextContents();
  }

  test('computes an honest session to be intact', async () => {
    const collector = await start();
    const links = sessionOf({ actions: 3 });
    await send(collector, links);
    expect(await verdictOf(collector, links[0]?.session ?? '')).toEqual([
      `Computed here from ${links.length} links: integrity intact.`,
      'No link is missing among those recorded.',
    ]);
  });

  test('finds by itself what was changed and what is missing', async () => {
    const collector = await start();
    const links = sessionOf({ actions: 3 });
    const edited = links.map((link) => (link.seq === 4 ? { ...link, attributes: { ...link.attributes, 'custody.note': 'x' } } : link));
    await send(
      collector,
      edited.filter(({ seq }) => seq !== 6),
    );
    expect(await verdictOf(collector, links[0]?.session ?? '')).toEqual([
      `Computed here from ${links.length - 1} links: integrity broken.`,
      'Something is missing.',
      expect.stringContaining('link 4: content_mismatch'),
      expect.stringContaining('link 6: gap'),
    ]);
  });

  test('says so when the collector’s word is not what its links show', async () => {
    const collector = await start();
    const links = sessionOf({ actions: 1 });
    await send(collector, links);
    const page = await open(collector, '/console/sessions');
    const bundle = `/console/sessions/${links[0]?.session}/bundle`;
    // Whoever stands between collector and browser takes a link out of what is sent.
    await page.route(`**${bundle}`, async (route) => {
      const answer = await route.fetch();
      const lines = (await answer.text()).split('\n').map((line) => line.replace('call_0', 'call_9'));
      await route.fulfill({ response: answer, body: lines.join('\n') });
    });
    await page.goto(`${collector.url}/console/sessions/${links[0]?.session}`);
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.getByText('The collector says intact').waitFor();
  });
});

test('the keyboard stays where it is when the page renews itself, and what is new is said', async () => {
  const collector = await start();
  const { id } = await waiting(collector);
  const page = await open(collector, '/console/approvals');
  await page.getByRole('link', { name: 'pay' }).focus();
  await waiting(collector);
  await page.getByRole('status').filter({ hasText: '2 waiting for a decision.' }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute('href'))).toBe(`/console/approvals/${id}`);
});

test('what another approver has decided shows, and takes nothing of a comment', async () => {
  const bob = newToken();
  const carol = newToken();
  const approverTokens = [
    { sha256: bob.sha256, name: 'bob' },
    { sha256: carol.sha256, name: 'carol' },
  ];
  const collector = await start({ approvals: { approverTokens, callbackSecrets: [] } });
  const { id, digest } = await waiting(collector, { requirement: { expires_ms: 600_000, count: 2 } });
  const page = await open(collector, `/console/approvals/${id}`);
  await page.getByLabel('Token').fill(bob.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Comment').fill('half a thou');
  await fetch(`${collector.url}/api/v1/approvals/${id}/decision`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${carol.token}` },
    body: JSON.stringify({ decision: 'approved', arguments_digest: digest }),
  });
  await page.getByText('1 of 2 have approved').waitFor();
  expect(await page.getByLabel('Comment').inputValue()).toBe('half a thou');
});

test('each page is drawn as wide as a phone, with nothing of it out of sight', async () => {
  const collector = await start();
  const { id, session } = await waiting(collector);
  for (const path of ['approvals', `approvals/${id}`, 'sessions', `sessions/${session}`]) {
    const page = await open(collector, `/console/${path}`, { viewport: { width: 360, height: 740 } });
    const wider = await page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll('.scroll, main')]
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
        .map(({ outerHTML }) => outerHTML.slice(0, 80)),
    );
    expect(wider, path).toEqual([]);
  }
});
