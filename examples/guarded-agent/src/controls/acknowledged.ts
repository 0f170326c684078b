import type { Control } from '../control.js';

/** Nothing is paid that the collector does not already have on record. */
export const acknowledged: Control = {
  title: 'Recorded first: durability acknowledged',
  policy: `
default: allow
durability: { acknowledged: [pay] }
`,
  async agent({ call }) {
    await call('pay', { amount: 20 });
    await call('read_database');
  },
  hears: ['ok', 'ok'],
};

/** The same with a collector that cannot be reached: no record, no action. */
export const unreachable: Control = {
  title: 'Recorded first: without a collector nothing is paid',
  policy: acknowledged.policy,
  agent: (hands) => acknowledged.agent(hands),
  env: { CUSTODY_ENDPOINT: 'http://127.0.0.1:9', CUSTODY_ACKNOWLEDGE_TIMEOUT: '1' },
  hears: ['refused: default', 'ok'],
};
