import { ATTR } from '@agent-custody/chain';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { session } from '../src/session.js';
import { findings, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

/** Everything that code inside a tool can do to the active span. */
function tamper(): void {
  const span = trace.getActiveSpan();
  expect(span?.isRecording()).toBe(true);
  span
    ?.setAttribute(ATTR.errorType, 'nothing to see')
    .setAttribute(ATTR.actionStatus, 'ok')
    .setAttribute(ATTR.toolArguments, '{}')
    .setAttributes({ [ATTR.agentId]: 'someone-else', 'custody.made.up': 1, 'invoice.id': 4711 })
    .addEvent('paid', { amount: 12 })
    .addLink({ context: span.spanContext() })
    .addLinks([{ context: span.spanContext() }])
    .setStatus({ code: SpanStatusCode.OK, message: 'fine' })
    .updateName('harmless')
    .recordException(new Error('seen'));
  span?.end();
}

test('a tool cannot spoil its evidence, and keeps what is its own', () => {
  session({ agent: { id: 'bot' } }, () => {
    tamper();
    runAction({ tool: { name: 'pay' }, arguments: { invoice: 1 } }, tamper);
  });
  expect(findings(recording.links())).toEqual([]);
  const execute = recording.spans().find((span) => span.name === 'execute_tool pay');
  const invoke = recording.spans().find((span) => span.name === 'invoke_agent bot');
  for (const span of [execute, invoke]) {
    expect(span?.attributes).toMatchObject({ 'invoice.id': 4711, [ATTR.agentId]: 'bot' });
    expect(span?.attributes).not.toHaveProperty('custody.made.up');
    expect(span?.attributes).not.toHaveProperty(ATTR.toolArguments);
    expect(span?.events.map((event) => event.name)).toEqual(['paid', 'exception']);
    expect(span?.links).toHaveLength(2);
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  }
});

test('spans begun in a tool have the context of the span that carries the outcome', () => {
  let active: string | undefined;
  runAction({ tool: { name: 'pay' }, arguments: {} }, () => {
    active = trace.getActiveSpan()?.spanContext().spanId;
  });
  expect(active).toBe(recording.kind('action.outcome')[0]?.spanId);
});
