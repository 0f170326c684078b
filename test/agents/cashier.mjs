// An agent whose payments a policy watches. Each line on standard input is an amount to pay; it says what became of it.
import { createInterface } from 'node:readline';
import { audited, session } from '@agent-custody/instrumentation';

const pay = audited('pay', async ({ amount }) => `paid ${amount}`, { reason: ({ amount }) => `the invoice over ${amount} is due` });

await session({ agent: { id: 'cashier', name: 'Cashier' }, principal: 'alice@example.com', owner: 'finance' }, async () => {
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'end') break;
    const said = await pay({ amount: Number(line) }).catch((error) => `refused: ${error.message}`);
    process.stdout.write(`${said}\n`);
  }
});
process.stdout.write('done\n');
process.stdin.destroy();
