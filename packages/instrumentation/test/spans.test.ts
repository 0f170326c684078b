import { context, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure, declareLoss } from '../src/global.js';
import { session } from '../src/session.js';
import { spansOfProtobuf } from './support/protobuf.js';
import { findings, judge, linksOfRecords, memoryChannel, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(async () => {
  await recording.stop();
});

const agent = { id: 'billing-bot' };
const act = <T>(run: () => T): T => runAction({ tool: { name: 'pay' }, arguments: { invoice: 7 } }, run);
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('spans', () => {
  const named = (name: string) => recording.spans().find((span) => span.name === name);

  test('nest as the table says, the application’s own under execute_tool', () => {
    const tracer = trace.getTracer('app');
    session({ agent }, () => {
      act(() => tracer.startActiveSpan('query', (span) => span.end()));
    });
    const invoke = named('invoke_agent billing-bot');
    const execute = named('execute_tool pay');
    expect(invoke?.parentSpanContext).toBeUndefined();
    expect(named('session.start billing-bot')?.parentSpanContext?.spanId).toBe(invoke?.spanContext().spanId);
    expect(execute?.parentSpanContext?.spanId).toBe(invoke?.spanContext().spanId);
    expect(named('intent pay')?.parentSpanContext?.spanId).toBe(execute?.spanContext().spanId);
    expect(named('query')?.parentSpanContext?.spanId).toBe(execute?.spanContext().spanId);
    expect(recording.spans().map((span) => span.name)).toEqual([
      'session.start billing-bot',
      'intent pay',
      'query',
      'execute_tool pay',
      'invoke_agent billing-bot',
    ]);
  });

  test('of changes, children and losses hang on the active span, a heartbeat on the session’s', () => {
    vi.useFakeTimers();
    const { channel, records, control } = memoryChannel(declareLoss);
    configure({ evidence: channel, heartbeatMs: 60_000 });
    session({ agent }, (own) => {
      own.modelCall({ systemPrompt: 'one', tools: [] }).done();
      vi.advanceTimersByTime(61_000);
      act(() => {
        own.modelCall({ systemPrompt: 'two', tools: [] }).done();
        session({ agent: { id: 'helper' } }, () => 1);
        control.full = true;
        act(() => 1);
        control.full = false;
        act(() => 1);
      });
    });
    vi.useRealTimers();
    const spans = records.flatMap((record) => spansOfProtobuf(record.bytes));
    const parentOf = (name: string) => {
      const parent = spans.find((span) => span.name === name)?.parentSpanId;
      return spans.find((span) => span.spanId === parent)?.name;
    };
    expect(parentOf('heartbeat billing-bot')).toBe('invoke_agent billing-bot');
    expect(parentOf('fingerprint.change billing-bot')).toBe('execute_tool pay');
    expect(parentOf('spawn helper')).toBe('execute_tool pay');
    expect(parentOf('loss billing-bot')).toBe('execute_tool pay');
    expect(parentOf('invoke_agent helper')).toBe('execute_tool pay');
    expect(judge(linksOfRecords(records)).map((report) => [report.integrity, report.authority])).toEqual([
      ['intact', 'unknown'],
      ['intact', 'unknown'],
    ]);
  });

  test('follow the active span of the application', () => {
    trace.getTracer('app').startActiveSpan('request', (request) => {
      act(() => 1);
      expect(named('execute_tool pay')?.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
      request.end();
    });
  });

  test('of the process’s session do not hang on whatever was active', () => {
    trace.getTracer('app').startActiveSpan('request', (request) => {
      act(() => 1);
      request.end();
    });
    shutDownSessions();
    expect(recording.spans().find((span) => span.name.startsWith('invoke_agent'))?.parentSpanContext).toBeUndefined();
    expectHonest();
  });

  test('show a failure to people', () => {
    expect(() =>
      act(() => {
        throw new TypeError('x');
      }),
    ).toThrow();
    expect(named('execute_tool pay')?.status.code).toBe(2);
  });

  test('nest without a context manager too', () => {
    context.disable();
    session({ agent }, () => act(() => 1));
    expect(named('execute_tool pay')?.parentSpanContext?.spanId).toBe(named('invoke_agent billing-bot')?.spanContext().spanId);
    expectHonest();
  });
});
