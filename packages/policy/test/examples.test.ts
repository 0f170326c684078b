import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compilePolicy, createState, decide, lintPolicy, parsePolicy, settle } from '../src/index.js';
import { action, NOON } from './support.js';

const folder = fileURLToPath(new URL('../examples', import.meta.url));
const example = (file: string) => parsePolicy(readFileSync(`${folder}/${file}`, 'utf8'), { file });

describe('the examples', () => {
  it.each(readdirSync(folder))('%s is a policy of which there is nothing to note', (file) => {
    expect(lintPolicy(example(file))).toEqual([]);
  });

  const together = compilePolicy([example('organisation.yaml'), example('billing.yaml')]);

  it.each([
    ['read_invoice', {}, 'allow', 'billing:allowed_tools/read_invoice'],
    ['pay_invoice', { amount: 20, currency: 'EUR' }, 'deny', 'billing:look-first'],
    ['http_get', { url: 'https://api.bank.example/v1', method: 'GET' }, 'allow', 'billing:bank-only'],
    ['http_get', { url: 'https://api.bank.example@evil.example/', method: 'GET' }, 'deny', 'billing:default'],
    ['read_file', { path: 'in/1.csv' }, 'allow', 'billing:own-files'],
    ['read_file', { path: '../../../etc/passwd' }, 'deny', 'billing:default'],
    ['read_file', { path: 'in/tls.key' }, 'deny', 'billing:default'],
    ['execute_shell', {}, 'deny', 'organisation:blocked_tools/execute_shell'],
    ['send_invoice', { to: ['a@b.example'] }, 'allow', 'billing:to-customers'],
    ['send_invoice', { to: ['a@b.example'], bcc: ['x@y.example'] }, 'deny', 'billing:default'],
  ])('organisation and billing: %s with %j is %s', (tool, args, decision, rule) => {
    const call = action(tool, { arguments: args, principal: 'alice@example.com' });
    expect(decide(together, createState(), call, NOON)).toMatchObject({ decision, rule });
  });

  it('together ask for a payment what both ask for, once the invoice was read', () => {
    const read = decide(together, createState(), action('read_invoice'), NOON);
    const state = settle(together, read.state, read.permit ?? { entries: [] }, 'ok', NOON);
    const large = { currency: 'EUR', amount: 900 };
    expect(decide(together, state, action('pay_invoice', { arguments: large }), NOON)).toMatchObject({
      decision: 'require_approval',
      rule: 'organisation:money',
      approval: { approvers: ['alice@finance.example.com', 'bob@finance.example.com'], count: 2, expiresMs: 1_800_000 },
      durability: 'acknowledged',
    });
  });
});
