import { ChainError } from '@agent-custody/chain';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { guarded, report } from '../src/errors.js';

const error = vi.fn();
beforeEach(() => {
  error.mockReset();
  const none = () => {};
  diag.setLogger(
    { error, warn: none, info: none, debug: none, verbose: none },
    { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true },
  );
});
afterEach(() => diag.disable());

test('an error of ours is told once, and never reaches the application', () => {
  const fail = () =>
    guarded('testing once', () => {
      throw new ChainError('not_json', 'not JSON at the top');
    });
  expect([fail(), fail()]).toEqual([undefined, undefined]);
  expect(error.mock.calls).toEqual([['agent-custody: testing once: not_json: not JSON at the top']]);
});

test('a foreign error’s message stays out of the log: it may quote an argument', () => {
  report('testing messages', new TypeError('password is hunter2'));
  report('testing thrown text', 'hunter2');
  expect(error.mock.calls).toEqual([['agent-custody: testing messages: TypeError'], ['agent-custody: testing thrown text: string']]);
});

test('a logger that throws breaks nothing', () => {
  error.mockImplementation(() => {
    throw new Error('logger');
  });
  expect(() => report('testing loggers', new Error('x'))).not.toThrow();
});
