import {
  createVerifier,
  type LinkCopy,
  MemoryRecords,
  readSpan,
  reportOf,
  type SessionReport,
  type SpanView,
  step,
  type WireValue,
} from '@agent-custody/chain';
import { context, propagation, trace } from '@opentelemetry/api';
import { W3CBaggagePropagator } from '@opentelemetry/core';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import type { EvidenceChannel, EvidenceRecord } from '../../src/evidence/types.js';
import { nodeHashing } from '../../src/hashing.js';
import { spansOfProtobuf } from './protobuf.js';

const GLOBAL_KEY = Symbol.for('agent-custody.instrumentation.v1');

/** What an application with the OpenTelemetry SDK has: spans end up in memory. */
export interface Recording {
  readonly exporter: InMemorySpanExporter;
  /** In the order of export. */
  spans(): readonly ReadableSpan[];
  /** Every link exported, in the order of export; fails on a malformed one. */
  links(): readonly LinkCopy[];
  /** The links of one kind. */
  kind(kind: string): readonly LinkCopy[];
  stop(): Promise<void>;
}

/** Forgets what this process recorded so far: each test is a process of its own as far as the instrumentation can see. */
export function forget(): void {
  Reflect.deleteProperty(globalThis, GLOBAL_KEY);
}

export function record(sampler?: Sampler): Recording {
  forget();
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)], ...(sampler && { sampler }) });
  provider.register({ propagator: new W3CBaggagePropagator() });
  const spans = () => exporter.getFinishedSpans();
  const links = () => spans().flatMap((span) => linksOf(viewOf(span)));
  return {
    exporter,
    spans,
    links,
    kind: (kind) => links().filter((link) => link.kind === kind),
    stop: async () => {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
      forget();
    },
  };
}

/** An SDK span as a verifier gets to see it. */
function viewOf(span: ReadableSpan): SpanView {
  const { traceId, spanId } = span.spanContext();
  return { traceId, spanId, attributes: Object.entries(span.attributes).map(([key, value]) => [key, value as WireValue] as const) };
}

function linksOf(view: SpanView): LinkCopy[] {
  const reading = readSpan(view, nodeHashing);
  if (reading.type === 'malformed') throw new Error(`malformed link ${reading.session} ${reading.seq}: ${reading.detail}`);
  return reading.type === 'link' ? [reading.link] : [];
}

/** What a verifier at rest says about all sessions in these links. */
export function judge(links: readonly LinkCopy[]): readonly SessionReport[] {
  const verifier = createVerifier({ records: new MemoryRecords(), hashing: nodeHashing });
  for (const link of links) step(verifier, { type: 'link', link, at: 0 });
  step(verifier, { type: 'tick', at: Number.POSITIVE_INFINITY });
  const sessions = [...new Set(links.map((link) => link.session))];
  return sessions.map((session) => reportOf(verifier, session)).filter((report) => report !== undefined);
}

/** `session seq code` of every finding: nothing for an honest run. */
export function findings(links: readonly LinkCopy[]): readonly string[] {
  return judge(links).flatMap((report) => report.findings.map(({ seq, code, detail }) => `${report.session} ${seq} ${code}: ${detail}`));
}

/** One session's links in the order of their sequence numbers. */
export function chainOf(links: readonly LinkCopy[], session: string): readonly LinkCopy[] {
  return links.filter((link) => link.session === session).sort((a, b) => a.seq - b.seq);
}

/** `start intent outcome end` and so on: the kinds of one chain, in order. */
export function kinds(links: readonly LinkCopy[]): readonly string[] {
  return [...links].sort((a, b) => a.seq - b.seq).map((link) => link.kind);
}

/** An evidence channel that keeps records in memory, and refuses while `full`. */
export function memoryChannel(onLoss?: (loss: { session: string; first: number; last: number; reason: string }) => void) {
  const records: EvidenceRecord[] = [];
  const refused: EvidenceRecord[] = [];
  const control = { full: false };
  const channel: EvidenceChannel = {
    append(record) {
      if (control.full) {
        refused.push(record);
        return false;
      }
      records.push(record);
      for (const lost of refused.splice(0).filter((other) => other.session === record.session)) {
        onLoss?.({ session: lost.session, first: lost.seq, last: lost.seq, reason: 'spool_full' });
      }
      return true;
    },
    flush: async () => ({ delivered: true, pending: 0 }),
    close: async () => {},
    state: { spool: 'memory', pendingBytes: 0, lost: 0 },
  };
  return { channel, records, control };
}

/** The links of records on an evidence channel, decoded from their protobuf bytes, in the order of appending. */
export function linksOfRecords(records: readonly EvidenceRecord[]): readonly LinkCopy[] {
  return records.flatMap((record) => spansOfProtobuf(record.bytes).flatMap(linksOf));
}

/** A promise and the functions that settle it. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((ok, no) => {
    resolve = ok;
    reject = no;
  });
  return { promise, resolve, reject };
}
