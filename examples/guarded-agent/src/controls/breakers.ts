import type { Control } from '../control.js';

/** A tool that keeps failing is left alone for a while. */
export const failing: Control = {
  title: 'Circuit breaker: errors in a row',
  policy: `
default: allow
breakers:
  - { id: failing, consecutive_errors: 2, per: tool, open_for: 5m }
`,
  async agent({ call, fail }) {
    await fail('fetch', { url: 'https://a.example/' });
    await fail('fetch', { url: 'https://b.example/' });
    await call('fetch', { url: 'https://c.example/' });
    await call('read_database');
  },
  hears: ['error', 'error', 'refused: failing', 'ok'],
};

/** An agent that starts agents does not start any number of them. */
export const fanOut: Control = {
  title: 'Circuit breaker: agents that start agents',
  policy: `
default: allow
breakers:
  - { id: fan-out, spawns: 2, within: 10m, open_for: 10m }
`,
  async agent({ delegate, call }) {
    await delegate('ask_helper', { task: 1 });
    await delegate('ask_helper', { task: 2 });
    await delegate('ask_helper', { task: 3 });
    await call('read_database');
  },
  hears: ['ok', 'ok', 'refused: fan-out', 'refused: fan-out'],
};

/** An agent that goes in circles, or guesses at arguments, is stopped. */
export const circles: Control = {
  title: 'Circuit breakers: loops and guessing',
  policy: `
default: allow
breakers:
  - { id: going-in-circles, identical_calls: 2, within: 10m }
  - { id: guessing, changed_retries: 1 }
`,
  async agent({ call, fail, session }) {
    await session(async () => {
      for (let i = 0; i < 3; i++) await call('search', { query: 'same' });
    });
    await session(async () => {
      await fail('login', { pin: 1 });
      await fail('login', { pin: 2 });
      await call('login', { pin: 3 });
    });
  },
  hears: ['ok', 'ok', 'refused: going-in-circles', 'error', 'error', 'refused: guessing'],
};
