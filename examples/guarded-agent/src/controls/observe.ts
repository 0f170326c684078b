import type { Control } from '../control.js';

/** The way to a policy: everything runs, and the chain says what would have been decided. */
export const observe: Control = {
  title: 'Observe before enforcing',
  policy: `
mode: observe
allowed_tools: [read_database]
blocked_tools: [send_email]
`,
  async agent({ call }) {
    await call('read_database');
    await call('send_email', { to: 'bob@example.com' });
  },
  hears: ['ok', 'ok'],
  records: { 'custody.policy.decision': ['allow', 'allow'], 'custody.policy.observed': ['deny'] },
};
