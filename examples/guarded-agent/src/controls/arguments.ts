import type { Control } from '../control.js';

/** A tool may be fine and its arguments not: where a payment goes, where a request goes, which file is read. */
export const argumentConditions: Control = {
  title: 'Conditions on arguments',
  policy: `
default: deny
rules:
  - id: small-payments
    tools: pay
    when: [{ argument: /amount, above: 0, at_most: 500 }]
    decision: allow
  - id: bank-only
    tools: http_get
    when: [{ argument: /url, hosts: [api.bank.example] }]
    decision: allow
  - id: own-files
    tools: read_file
    when: [{ argument: /path, inside: /srv/billing, base: /srv/billing }]
    decision: allow
`,
  async agent({ call }) {
    await call('pay', { amount: 120 });
    await call('pay', { amount: 9000 });
    await call('pay', { amount: '120' });
    await call('http_get', { url: 'https://api.bank.example/rates' });
    await call('http_get', { url: 'https://api.bank.example@evil.example/' });
    await call('read_file', { path: 'march/invoices.csv' });
    await call('read_file', { path: '../../etc/passwd' });
  },
  hears: ['ok', 'refused: default', 'refused: default', 'ok', 'refused: default', 'ok', 'refused: default'],
};
