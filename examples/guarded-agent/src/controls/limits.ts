import type { Control } from '../control.js';

/** So many calls in so much time, whatever sessions they come from. */
export const rateLimit: Control = {
  title: 'Rate limits',
  policy: `
default: allow
limits:
  - { id: mail, tools: send_email, calls: 2, within: 1h, per: agent }
`,
  async agent({ call, session }) {
    await session(async () => void (await call('send_email', { to: 'a@example.com' })));
    await session(async () => {
      await call('send_email', { to: 'b@example.com' });
      await call('send_email', { to: 'c@example.com' });
      await call('read_database');
    });
  },
  hears: ['ok', 'ok', 'refused: mail', 'ok'],
};

/** What one session may spend in all, by an argument's sum. */
export const budget: Control = {
  title: 'Budgets of a session',
  policy: `
default: allow
budgets:
  - { id: spending, tools: pay, sum: { argument: /amount, at_most: 1000 } }
`,
  async agent({ call, session }) {
    await session(async () => {
      await call('pay', { amount: 600 });
      await call('pay', { amount: 600 });
      await call('pay', { amount: 400 });
    });
    await session(async () => void (await call('pay', { amount: 600 })));
  },
  hears: ['ok', 'refused: spending', 'ok', 'ok'],
};
