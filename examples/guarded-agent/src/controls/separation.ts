import type { Control } from '../control.js';

/** Who makes an invoice does not pay it, and nobody pays before having looked. */
export const separation: Control = {
  title: 'Separation of duties',
  policy: `
default: allow
separation:
  - id: four-eyes
    never_both: [[create_invoice], [pay]]
  - id: look-first
    tools: pay
    after: read_invoice
`,
  async agent({ call, session }) {
    await session(async () => {
      await call('pay', { invoice: 7 });
      await call('read_invoice', { invoice: 7 });
      await call('pay', { invoice: 7 });
    });
    await session(async () => {
      await call('create_invoice', { amount: 90 });
      await call('read_invoice', { invoice: 8 });
      await call('pay', { invoice: 8 });
    });
  },
  hears: ['refused: look-first', 'ok', 'ok', 'ok', 'ok', 'refused: four-eyes'],
};
