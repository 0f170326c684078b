import { ATTR } from '@agent-custody/chain';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { AlwaysOffSampler, ParentBasedSampler, type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace-node';
import { afterEach, describe, expect, test } from 'vitest';
import { runAction } from '../src/action.js';
import { shutDownSessions } from '../src/exit.js';
import { configure, declareLoss } from '../src/global.js';
import { session } from '../src/session.js';
import { spansOfProtobuf } from './support/protobuf.js';
import { findings, judge, kinds, linksOfRecords, memoryChannel, type Recording, record } from './support/recording.js';

let recording: Recording;
afterEach(() => recording.stop());

const agent = { id: 'bot' };
const act = <T>(tool: string, run: () => T): T => runAction({ tool: { name: tool }, arguments: {} }, run);
const codes = (links: Parameters<typeof judge>[0]) => judge(links).flatMap((report) => report.findings.map((finding) => finding.code));

/** Drops the spans of one tool. */
const without = (tool: string): Sampler => ({
  shouldSample: (_context, _trace, name) => ({
    decision: name.endsWith(` ${tool}`) ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
  }),
  toString: () => 'without',
});

describe('with spans alone', () => {
  test('what sampling drops is declared as soon as something is sampled again', () => {
    recording = record(without('quiet'));
    session({ agent }, () => {
      act('loud', () => 1);
      act('quiet', () => 1);
      act('loud', () => 1);
    });
    const [loss] = recording.kind('loss');
    expect(loss?.attributes).toMatchObject({ [ATTR.lossFirst]: 4, [ATTR.lossLast]: 5, [ATTR.lossReason]: 'sampled_out' });
    expect(recording.kind('loss')).toHaveLength(1);
    expect(codes(recording.links())).toEqual(['declared_loss']);
  });

  test('what is lost last is declared before the end', () => {
    recording = record(without('quiet'));
    session({ agent }, () => {
      act('loud', () => 1);
      act('quiet', () => 1);
    });
    expect(kinds(recording.links()).slice(-2)).toEqual(['loss', 'session.end']);
    expect(codes(recording.links())).toEqual(['declared_loss']);
  });

  test('a session of which nothing is sampled leaves nothing', () => {
    recording = record(new AlwaysOffSampler());
    expect(session({ agent }, () => act('quiet', () => 5))).toBe(5);
    expect(recording.spans()).toEqual([]);
  });

  test('suppressed spans are lost and declared too', () => {
    recording = record();
    session({ agent }, () => {
      act('loud', () => 1);
      context.with(suppressTracing(context.active()), () => act('suppressed', () => 1));
    });
    expect(codes(recording.links())).toEqual(['declared_loss']);
  });

  test('without any SDK the application runs as ever, and its later spans are no orphans', () => {
    recording = record();
    trace.disable();
    session({ agent }, () => act('pay', () => expect(trace.getActiveSpan()).toBeUndefined()));
    expect(recording.spans()).toEqual([]);
  });
});

describe('with an evidence channel', () => {
  const open = (sampler?: Sampler, spans = false) => {
    recording = record(sampler);
    const evidence = memoryChannel(declareLoss);
    configure({ evidence: evidence.channel, spans });
    return evidence;
  };

  test('links leave by it alone, the intent before the tool runs', () => {
    const { records } = open();
    session({ agent }, () => act('pay', () => expect(kinds(linksOfRecords(records))).toEqual(['session.start', 'action.intent'])));
    expect(recording.spans()).toEqual([]);
    expect(records.map((record) => record.seq)).toEqual([1, 2, 3, 4]);
    expect(findings(linksOfRecords(records))).toEqual([]);
  });

  test('the application’s spans nest under links that its exporter never sees', () => {
    const { records } = open();
    const tracer = trace.getTracer('app');
    tracer.startActiveSpan('request', (request) => {
      session({ agent }, () => act('pay', () => tracer.startActiveSpan('query', (query) => query.end())));
      request.end();
    });
    const sent = records.flatMap((record) => spansOfProtobuf(record.bytes));
    const of = (name: string) => sent.find((span) => span.name === name);
    const [query, request] = recording.spans();
    expect(query?.parentSpanContext?.spanId).toBe(of('execute_tool pay')?.spanId);
    expect(of('execute_tool pay')?.parentSpanId).toBe(of('invoke_agent bot')?.spanId);
    expect(of('invoke_agent bot')?.parentSpanId).toBe(request?.spanContext().spanId);
    expect(new Set([query?.spanContext().traceId, ...sent.map((span) => span.traceId)])).toEqual(new Set([request?.spanContext().traceId]));
  });

  test('what a tool does to the active span it does to the application’s own', () => {
    const { records } = open();
    trace.getTracer('app').startActiveSpan('request', (request) => {
      act('pay', () => {
        const active = trace.getActiveSpan();
        expect(active?.isRecording()).toBe(true);
        active
          ?.setAttribute('invoice.id', 1)
          .setAttributes({ [ATTR.agentId]: 'someone-else' })
          .addEvent('paid')
          .addLink({ context: request.spanContext() })
          .addLinks([])
          .setStatus({ code: SpanStatusCode.ERROR })
          .updateName('pay request');
        active?.recordException(new Error('seen'));
        active?.end();
      });
    });
    shutDownSessions();
    const [request] = recording.spans();
    expect(request).toMatchObject({
      name: 'pay request',
      status: { code: SpanStatusCode.ERROR },
      links: [{}],
      attributes: { 'invoice.id': 1 },
    });
    expect(request?.events.map((event) => event.name)).toEqual(['paid', 'exception']);
    expect(findings(linksOfRecords(records))).toEqual([]);
  });

  test.each([
    ['on', undefined, 1],
    ['off', new ParentBasedSampler({ root: new AlwaysOffSampler() }), 0],
  ])('sampling of the application’s spans stays the application’s (%s)', (_what, sampler, count) => {
    const { records } = open(sampler);
    session({ agent }, () => act('pay', () => trace.getTracer('app').startActiveSpan('query', (span) => span.end())));
    expect(recording.spans()).toHaveLength(count);
    expect(findings(linksOfRecords(records))).toEqual([]);
  });

  test('spans are made too when asked for, and both say the same', () => {
    const { records } = open(undefined, true);
    session({ agent }, () => act('pay', () => 1));
    expect(recording.links().map((link) => link.hash)).toEqual(linksOfRecords(records).map((link) => link.hash));
    expect(findings([...recording.links(), ...linksOfRecords(records)])).toEqual([]);
  });

  test('suppressed and sampled-out calls are in the evidence', () => {
    const { records } = open(new AlwaysOffSampler(), true);
    session({ agent }, () => context.with(suppressTracing(context.active()), () => act('quiet', () => 1)));
    expect(findings(linksOfRecords(records))).toEqual([]);
    expect(linksOfRecords(records)).toHaveLength(4);
  });

  test('what it could not keep is declared when it can again', () => {
    const { records, control } = open();
    session({ agent }, () => {
      act('first', () => 1);
      control.full = true;
      act('lost', () => 1);
      control.full = false;
      act('last', () => 1);
    });
    expect(codes(linksOfRecords(records))).toEqual(['declared_loss', 'declared_loss']);
  });

  test('what it lost last is declared before the end, once', () => {
    const { records, control } = open();
    session({ agent }, () => {
      act('first', () => 1);
      control.full = true;
      act('lost', () => 1);
      control.full = false;
    });
    expect(kinds(linksOfRecords(records)).slice(-2)).toEqual(['loss', 'session.end']);
    expect(codes(linksOfRecords(records))).toEqual(['declared_loss']);
  });

  test('one that throws breaks nothing', () => {
    const { channel, records } = open();
    configure({
      evidence: {
        ...channel,
        append: () => {
          throw new Error('broken channel');
        },
      },
    });
    expect(session({ agent }, () => act('pay', () => 7))).toBe(7);
    shutDownSessions();
    expect(records).toEqual([]);
  });

  test('a loss in a session that is no longer open is left to the collector', () => {
    const { records } = open();
    session({ agent }, () => act('pay', () => 1));
    declareLoss({ session: records[0]?.session ?? '', first: 1, last: 1, reason: 'refused' });
    expect(records).toHaveLength(4);
  });
});
