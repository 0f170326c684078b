import type { Control } from '../control.js';

/** Nothing is deployed on any day of the week but those named; here none that has a morning. */
const TODAY = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date().getUTCDay()] as string;
const OTHERS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].filter((day) => day !== TODAY);

export const hours: Control = {
  title: 'Working hours',
  policy: `
default: allow
hours:
  - id: not-today
    tools: deploy
    zone: UTC
    days: [${OTHERS.join(', ')}]
    from: '00:00'
    to: '23:59'
`,
  async agent({ call }) {
    await call('deploy', { version: '1.2.3' });
    await call('read_database');
  },
  hears: ['refused: not-today', 'ok'],
};
