// An agent of a few lines, armed from outside. What it does is named by its argument; it says on standard output where it is.
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { audited, session } from '@agent-custody/instrumentation';

const say = (text) => process.stdout.write(`${text}\n`);
const look = audited('read_database', async ({ table }) => ({ table, rows: 3 }), { reason: 'I look before I pay.' });
const pay = audited('pay', async ({ wait }) => {
  say('paying');
  if (wait) await once(process.stdin, 'data');
  return 'paid';
});

const rest = audited('rest', () => pause(100));

const acts = {
  complete: async () => {
    await look({ table: 'invoices' });
    await pay({ wait: false });
  },
  many: () => Promise.all(Array.from({ length: 64 }, (_, i) => look({ table: `t${i}` }))),
  hang: () => pay({ wait: true }),
  /** Sessions without end, each of which takes a while, until somebody ends the process. */
  busy: async () => {
    for (say('busy'); ; await pause(5)) void session({ agent: { id: 'busy' } }, rest);
  },
  stay: () => once(process.stdin, 'data'),
};

const act = acts[process.argv[2]];
await session({ agent: { id: 'clerk', name: 'Clerk' }, principal: 'alice@example.com', owner: 'finance' }, () => act());
say('done');
process.stdin.destroy();
