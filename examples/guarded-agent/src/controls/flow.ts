import type { Control } from '../control.js';

/** Whoever has read a secret, or a text from outside, does not send it on unseen. */
export const flow: Control = {
  title: 'Flows of information',
  policy: `
default: allow
flows:
  - id: secrets-stay
    label: secret
    from: [read_secret]
    restricts: { tools: [send_email] }
    decision: deny
`,
  async agent({ call, session }) {
    await session(async () => {
      await call('send_email', { to: 'bob@example.com' });
      await call('read_secret', { name: 'api-key' });
      await call('send_email', { to: 'bob@example.com' });
    });
    await session(async () => void (await call('send_email', { to: 'bob@example.com' })));
  },
  hears: ['ok', 'ok', 'refused: secrets-stay', 'ok'],
};
