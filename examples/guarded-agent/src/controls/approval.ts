import type { Control } from '../control.js';

/** A human decides about what matters, by what the agent really is about to do. */
export const approval: Control = {
  title: 'A human approves, or does not',
  policy: `
default: allow
rules:
  - id: payments
    tools: pay
    decision: require_approval
    approval: { expires: 1m }
`,
  async agent({ call }) {
    await call('pay', { amount: 900 });
    await call('pay', { amount: 90000 });
  },
  humans: ['approved', 'denied'],
  hears: ['ok', 'refused: payments'],
  records: { 'custody.approval.decision': ['approved', 'denied'], 'custody.action.status': ['ok', 'denied'] },
};

/** Nobody looks in time: the action is denied. */
export const expiry: Control = {
  title: 'An approval that nobody gives in time',
  policy: `
default: allow
rules:
  - id: payments
    tools: pay
    decision: require_approval
    approval: { expires: 1s }
`,
  agent: async ({ call }) => void (await call('pay', { amount: 900 })),
  hears: ['refused: payments'],
  records: { 'custody.approval.decision': ['expired'] },
};
