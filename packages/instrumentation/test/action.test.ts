import { ATTR, canonicalize, commitment, fingerprintDigest } from '@agent-custody/chain';
import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure } from '../src/global.js';
import { nodeHashing } from '../src/hashing.js';
import { session } from '../src/session.js';
import { deferred, findings, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  await recording.stop();
});

const agent = { id: 'billing-bot' };
const act = <T>(run: () => T, more: Partial<Parameters<typeof runAction<T>>[0]> = {}): T =>
  runAction({ tool: { name: 'pay' }, arguments: { invoice: 7 }, ...more }, run);
const statuses = () => recording.kind('action.outcome').map((outcome) => outcome.attributes[ATTR.actionStatus]);
const errorTypes = () => recording.kind('action.outcome').map((outcome) => outcome.attributes[ATTR.errorType]);
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('an action', () => {
  test('has its intent exported before the tool runs', () => {
    act(() => {
      expect(recording.links().map((link) => link.kind)).toEqual(['session.start', 'action.intent']);
    });
    expectHonest();
  });

  test('names the tool, the call and the rule', () => {
    act(() => 1, { tool: { name: 'pay', type: 'function', callId: 'call-1' } });
    const [intent] = recording.kind('action.intent');
    const [outcome] = recording.kind('action.outcome');
    const tool = { [ATTR.operationName]: 'execute_tool', [ATTR.toolName]: 'pay', [ATTR.toolType]: 'function', [ATTR.toolCallId]: 'call-1' };
    expect(intent?.attributes).toMatchObject({
      ...tool,
      [ATTR.policyDecision]: 'allow',
      [ATTR.policyRule]: 'none',
      [ATTR.argumentsEncoding]: 'json',
    });
    expect(outcome?.attributes).toMatchObject(tool);
    expectHonest();
  });

  test('commits to the arguments as they were before the tool changed them', () => {
    const input = { invoice: 7 };
    act(
      () => {
        input.invoice = 8;
      },
      { arguments: input },
    );
    const [intent] = recording.kind('action.intent');
    expect(intent?.content[ATTR.toolArguments]).toBe('{"invoice":7}');
    const salt = intent?.content[ATTR.saltArguments] ?? '';
    expect(intent?.attributes[ATTR.argumentsDigest]).toBe(commitment('arguments', canonicalize({ invoice: 7 }), salt, nodeHashing));
    expectHonest();
  });

  test('with arguments that are no JSON says so and runs', () => {
    const cycle: Record<string, unknown> = { n: 1n };
    cycle['self'] = cycle;
    expect(act(() => 'ran', { arguments: cycle })).toBe('ran');
    expect(recording.kind('action.intent')[0]?.attributes[ATTR.argumentsEncoding]).toBe('lossy');
    expectHonest();
  });

  test('takes the reason and the fingerprint of the model call that asked for it', () => {
    session({ agent }, (own) => {
      const first = own.modelCall({ systemPrompt: 'one', tools: [] });
      first.asked([{ callId: 'a', toolName: 'pay' }], { text: 'it is due', source: 'thinking' });
      first.done();
      own.modelCall({ systemPrompt: 'two', tools: [] }).done();
      act(() => 1, { tool: { name: 'pay', callId: 'a' } });
      act(() => 1, { tool: { name: 'pay', callId: 'b' } });
    });
    const [asked, other] = recording.kind('action.intent');
    expect(asked?.attributes[ATTR.systemPrompt]).toBe(fingerprintDigest('system_prompt', 'one', nodeHashing));
    expect(asked?.attributes[ATTR.reasonSource]).toBe('thinking');
    expect(asked?.content[ATTR.reason]).toBe('it is due');
    expect(other?.attributes[ATTR.systemPrompt]).toBe(fingerprintDigest('system_prompt', 'two', nodeHashing));
    expect(other?.attributes[ATTR.reasonSource]).toBe('none');
    expect(other?.content[ATTR.saltReason]).toBeUndefined();
    expectHonest();
  });

  test('that nobody gave a reason for commits to null', () => {
    act(() => 1, { reason: { text: '', source: 'text' } });
    expect(recording.kind('action.intent')[0]?.attributes[ATTR.reasonSource]).toBe('none');
    expectHonest();
  });

  test('begun inside another one names it', async () => {
    await act(async () => {
      await Promise.resolve();
      act(() => 1, { tool: { name: 'inner' } });
    });
    const [outer, inner] = recording.kind('action.intent');
    expect(outer?.attributes[ATTR.actionParentId]).toBeUndefined();
    expect(inner?.attributes[ATTR.actionParentId]).toBe(outer?.attributes[ATTR.actionId]);
    expectHonest();
  });

  test('seen by two patches is one, and a retry of it another', () => {
    const patched = () => act(() => act(() => 'ran', { dedupe: 'call-1' }), { dedupe: 'call-1' });
    expect(patched()).toBe('ran');
    expect(recording.kind('action.intent')).toHaveLength(1);
    patched();
    expect(recording.kind('action.intent')).toHaveLength(2);
    expectHonest();
  });

  test('keeps one unforked chain over 64 parallel calls', async () => {
    const gates = Array.from({ length: 64 }, () => deferred<number>());
    const all = session({ agent }, () => Promise.all(gates.map((gate) => act(() => gate.promise))));
    for (const [index, gate] of [...gates.entries()].reverse()) gate.resolve(index);
    expect(await all).toEqual(gates.map((_, index) => index));
    expect(recording.links()).toHaveLength(130);
    expectHonest();
  });
});

describe('the result of an action', () => {
  test('is digested and not disclosed unless asked for', () => {
    act(() => ({ paid: true }));
    configure({ capture: { arguments: false, reason: false, result: true, maxBytes: 16_384 } });
    act(() => ({ paid: true }));
    act(() => undefined);
    const [hidden, shown, none] = recording.kind('action.outcome');
    expect(hidden?.attributes[ATTR.resultDigest]).toMatch(/^[0-9a-f]{64}$/);
    expect(hidden?.content).toEqual({});
    expect(shown?.content[ATTR.toolResult]).toBe('{"paid":true}');
    expect(none?.attributes[ATTR.resultDigest]).toBeUndefined();
    expectHonest();
  });

  test('is the very same object, synchronous or promised', async () => {
    const result = { paid: true };
    expect(act(() => result)).toBe(result);
    const promised = act(() => Promise.resolve(result));
    expect(promised).toBeInstanceOf(Promise);
    expect(await promised).toBe(result);
    expectHonest();
  });

  test('has a status of its own where errors are results', async () => {
    const statusOf = (result: { isError: boolean }) => (result.isError ? ('error' as const) : ('ok' as const));
    await runAction({ tool: { name: 'mcp' }, arguments: {}, statusOf }, async () => ({ isError: true }));
    expect(statuses()).toEqual(['error']);
    expect(errorTypes()).toEqual(['tool_error']);
    expectHonest();
  });

  test('has no status that there is none of, whatever an application without types answers', () => {
    runAction({ tool: { name: 'pay' }, arguments: {}, statusOf: () => 'failed' as 'error' }, () => 1);
    runAction({ tool: { name: 'pay' }, arguments: {}, statusOf: () => 'denied' }, () => 1);
    expect(statuses()).toEqual(['ok', 'ok']);
    expectHonest();
  });

  test('that cannot be read breaks nothing', () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    expect(act(() => hostile)).toBe(hostile);
    expect(statuses()).toEqual(['ok']);
    expectHonest();
  });
});

describe('an action that fails', () => {
  const abort = new DOMException('stopped', 'AbortError');
  const timeout = new DOMException('too slow', 'TimeoutError');
  const aborted = (reason: unknown) => AbortSignal.abort(reason);

  test.each([
    ['error', 'TypeError', new TypeError('broken'), undefined],
    ['error', 'ENOENT', Object.assign(new Error('no file'), { code: 'ENOENT' }), undefined],
    ['error', 'Error', new Error('plain'), undefined],
    ['error', 'string', 'thrown text', undefined],
    ['error', 'undefined', undefined, undefined],
    ['error', '_OTHER', {}, undefined],
    ['timeout', 'TimeoutError', timeout, undefined],
    ['cancelled', 'AbortError', abort, undefined],
    ['cancelled', 'AbortError', abort, aborted(undefined)],
    ['timeout', 'AbortError', abort, aborted(timeout)],
    ['cancelled', 'string', 'stop now', aborted('stop now')],
    ['error', 'AbortError', abort, new AbortController().signal],
  ])('is recorded as %s with error.type %s, and the caller gets the very same error', async (status, type, error, signal) => {
    const thrown = await act(
      async () => {
        throw error;
      },
      { signal },
    ).catch((caught: unknown) => caught);
    expect(thrown).toBe(error);
    let caught: unknown;
    try {
      act(
        () => {
          throw error;
        },
        { signal },
      );
    } catch (same) {
      caught = same;
    }
    expect(caught).toBe(error);
    expect(statuses()).toEqual([status, status]);
    expect(errorTypes()).toEqual([type, type]);
    expectHonest();
  });

  test('leaves no message in what is recorded', async () => {
    await expect(act(() => Promise.reject(new Error('password is hunter2')))).rejects.toThrow('hunter2');
    expect(JSON.stringify(recording.spans().map((span) => [span.attributes, span.status, span.events]))).not.toContain('hunter2');
  });

  test('is handled or unhandled exactly when the caller leaves it so', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const gate = deferred<void>();
    const handled = act(() => gate.promise).catch(() => 'handled');
    gate.reject(new Error('late'));
    expect(await handled).toBe('handled');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expectHonest();
  });
});

test('a call runs when recording it fails', () => {
  configure({
    redact: () => {
      throw new Error('bad redactor');
    },
  });
  expect(act(() => 'ran')).toBe('ran');
  expect(recording.kind('action.intent')[0]?.content).toEqual({});
  trace.disable();
  trace.setGlobalTracerProvider({
    getTracer: () => {
      throw new Error('no tracer');
    },
  });
  expect(act(() => 'ran')).toBe('ran');
});
