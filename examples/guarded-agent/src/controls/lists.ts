import type { Control } from '../control.js';

/** The simplest policy there is: what is on neither list is denied. */
export const lists: Control = {
  title: 'Allow and block lists',
  policy: `
allowed_tools: [read_database, summarize_text]
blocked_tools: [send_email, execute_shell]
`,
  async agent({ call }) {
    await call('read_database', { table: 'invoices' });
    await call('send_email', { to: 'eve@example.com' });
    await call('delete_database');
  },
  hears: ['ok', 'refused: blocked_tools/send_email', 'refused: default'],
  records: { 'custody.policy.decision': ['allow', 'deny', 'deny'], 'custody.action.status': ['ok', 'denied', 'denied'] },
};
