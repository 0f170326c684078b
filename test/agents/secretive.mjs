// An agent that is careless with secrets: in arguments, results, reasons, errors and names of everything.
import { audited, session } from '@agent-custody/instrumentation';

const { CREDENTIALS, ORDINARY } = process.env;
const credentials = JSON.parse(CREDENTIALS);

const call = audited('call_api', async (options) => ({ ...options, echoed: ORDINARY }), {
  reason: (_options, why) => why,
  arguments: (options) => options,
});
const fail = audited(
  'fail',
  async (options) => {
    throw new Error(`could not log in with ${options.with}`);
  },
  { reason: (_options, why) => why, arguments: (options) => options },
);

await session({ agent: { id: 'secretive' }, principal: 'alice@example.com' }, async () => {
  await call({ city: ORDINARY }, `I look at ${ORDINARY}.`);
  for (const [name, value] of Object.entries(credentials)) {
    await call({ [name]: value }, 'I log in.');
    await call({ headers: [{ name, value }] }, 'I log in.');
    await call({ note: JSON.stringify({ [name]: value }) }, `I use ${name}=${value} for that.`);
    await fail({ [name]: value, with: { [name]: value } }, 'I log in.').catch(() => undefined);
  }
});
console.log('done');
