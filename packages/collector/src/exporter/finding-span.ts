import type { Finding } from '@agent-custody/chain';
import { type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { findingSpan, SERVICE_NAME } from '../engine/spans.js';
import { nodeHashing } from '../hashing.js';

type Resource = ReadableSpan['resource'];

/**
 * The span of a finding, the same that the collector sends: in the trace of what it is about, below it, status error.
 *
 * @param about a span of the process: what else its resource says holds for the finding too
 * @param atMs Unix ms
 */
export function readableFinding(finding: Finding, about: Resource, atMs: number): ReadableSpan {
  const record = findingSpan(finding, undefined, atMs, nodeHashing);
  const time: HrTime = [Math.trunc(atMs / 1000), Math.trunc(atMs % 1000) * 1_000_000];
  const { traceId, spanId, parentSpanId, name, attributes, statusMessage } = record;
  return {
    name,
    kind: SpanKind.INTERNAL,
    spanContext: () => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED }),
    ...(parentSpanId !== '' && { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: TraceFlags.SAMPLED } }),
    startTime: time,
    endTime: time,
    duration: [0, 0],
    ended: true,
    status: statusMessage === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: statusMessage },
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [key, Array.isArray(value) ? [...value] : (value as string | number)]),
    ),
    links: [],
    events: [],
    resource: ownResource(about),
    instrumentationScope: { name: '@agent-custody/collector' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

const own = new WeakMap<Resource, Resource>();

/** The resource of the process under the collector's service name; one object each, since exporters group by it. */
function ownResource(about: Resource): Resource {
  const known = own.get(about);
  if (known) return known;
  const name: Resource = {
    attributes: { 'service.name': SERVICE_NAME },
    merge: () => name,
    getRawAttributes: () => [['service.name', SERVICE_NAME]],
  };
  const merged = about.merge(name);
  own.set(about, merged);
  return merged;
}
