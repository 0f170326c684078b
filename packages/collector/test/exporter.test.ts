import { ATTR, type Finding, type WrittenLink } from '@agent-custody/chain';
import { type Attributes, type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { ChainVerifyingExporter, type ChainVerifyingExporterOptions } from '../src/exporter.js';
import { startCollector } from '../src/service.js';
import { edited, recordSession } from './recorded-session.js';

const exporters: ChainVerifyingExporter[] = [];
afterEach(async () => {
  for (const exporter of exporters.splice(0)) await exporter.shutdown();
  diag.disable();
});

interface Setup {
  readonly verifying: ChainVerifyingExporter;
  readonly inner: InMemorySpanExporter;
  readonly findings: Finding[];
  /** Emits links as spans of a real tracer provider. */
  emit(links: readonly WrittenLink[]): void;
}

function setUp(options: Partial<ChainVerifyingExporterOptions> = {}): Setup {
  const inner = new InMemorySpanExporter();
  const findings: Finding[] = [];
  const verifying = new ChainVerifyingExporter({ exporter: inner, onFinding: (finding) => findings.push(finding), ...options });
  exporters.push(verifying);
  let next: WrittenLink | undefined;
  const idGenerator = { generateTraceId: () => next?.traceId ?? '', generateSpanId: () => next?.spanId ?? '' };
  const tracer = new BasicTracerProvider({ idGenerator, spanProcessors: [new SimpleSpanProcessor(verifying)] }).getTracer('agent');
  const emit = (links: readonly WrittenLink[]) => {
    for (const link of links) {
      next = link;
      const span = tracer.startSpan(link.kind, { root: true });
      span.setAttributes(link.attributes as Attributes);
      span.end();
    }
  };
  return { verifying, inner, findings, emit };
}

const id = (links: readonly WrittenLink[]) => links[0]?.session ?? '';
const said = (findings: readonly Finding[]) => findings.map(({ code, seq }) => `${code} ${seq}`);

describe('ChainVerifyingExporter', () => {
  it('hands every span on as it is, and finds nothing in an honest session', () => {
    const { verifying, inner, findings, emit } = setUp();
    const links = recordSession();
    emit(links);
    expect(inner.getFinishedSpans().map((span) => span.attributes)).toEqual(links.map((link) => link.attributes));
    expect(findings).toEqual([]);
    expect(verifying.report(id(links))).toMatchObject({ integrity: 'intact', completeness: 'complete', links: 6 });
  });

  it('tells of a broken chain at once: by callback, and as a span behind the one that it is about', () => {
    const { verifying, inner, findings, emit } = setUp();
    const links = recordSession();
    emit(links.map((link) => (link.seq === 2 ? edited(link) : link)));
    expect(said(findings)).toEqual(['content_mismatch 2']);
    expect(verifying.report(id(links))?.integrity).toBe('broken');
    const span = inner.getFinishedSpans().find(({ name }) => name === 'finding content_mismatch');
    expect(span?.attributes).toMatchObject({
      [ATTR.findingCode]: 'content_mismatch',
      [ATTR.findingSeq]: 2,
      [ATTR.findingSessionId]: id(links),
    });
    expect(span?.spanContext().traceId).toBe(links[1]?.traceId);
    expect(span?.parentSpanContext?.spanId).toBe(links[1]?.spanId);
    expect(span?.resource.attributes).toMatchObject({ 'service.name': 'agent-custody-collector', 'telemetry.sdk.language': 'nodejs' });
  });

  it('judges at rest when it is shut down, and hands the findings on before the exporter goes', async () => {
    const names: string[] = [];
    let open = true;
    const inner: SpanExporter = {
      export(spans, done) {
        if (open) names.push(...spans.map(({ name }) => name));
        done({ code: ExportResultCode.SUCCESS });
      },
      shutdown: () => {
        open = false;
        return Promise.resolve();
      },
    };
    const { verifying, findings, emit } = setUp({ exporter: inner });
    emit(recordSession({ end: false }).filter(({ seq }) => seq !== 3));
    await verifying.shutdown();
    await verifying.shutdown();
    expect(said(findings).sort()).toEqual(['gap 3', 'unclosed 5', 'unfinished_action 2']);
    expect(names.filter((name) => name.startsWith('finding')).sort()).toEqual([
      'finding gap',
      'finding unclosed',
      'finding unfinished_action',
    ]);
  });

  it('judges states by a register', () => {
    const entry = {
      agent: 'billing-bot',
      components: { tools: '0'.repeat(64) },
      by: 'bob',
      ticket: 'CHG-1',
      from: '2020-01-01T00:00:00Z',
      until: null,
      withdrawn: null,
    };
    const { findings, emit } = setUp({ register: { version: 1, entries: [entry] } });
    emit(recordSession());
    expect(said(findings)).toEqual(['unapproved_fingerprint 1']);
  });

  it('passes other spans through untouched', () => {
    const { inner, findings, emit } = setUp();
    const [link] = recordSession();
    emit([{ ...(link as WrittenLink), attributes: { 'http.route': '/pay', 'custody.principal': 'alice' } }]);
    expect(inner.getFinishedSpans().map(({ attributes }) => attributes)).toEqual([{ 'http.route': '/pay', 'custody.principal': 'alice' }]);
    expect(findings).toEqual([]);
  });

  it('sees what the SDK did to a link on its way', () => {
    const { findings, emit } = setUp();
    const links = recordSession();
    emit(links.map((link) => (link.seq === 3 ? { ...link, attributes: { ...link.attributes, [ATTR.seq]: 3.5 } } : link)));
    expect(said(findings)).toContain('malformed 0');
  });

  it('forgets settled sessions when room is needed, without a false alarm for what still comes of them', () => {
    const { verifying, findings, emit } = setUp({ linksInMemory: 20 });
    const old = recordSession();
    emit(old);
    for (let i = 0; i < 20; i++) emit(recordSession());
    expect(verifying.report(id(old))).toBeUndefined();
    emit(old.slice(3));
    expect(findings).toEqual([]);
  });

  it('says overflow, once for each session, when open sessions leave no room', () => {
    const { inner, findings, emit } = setUp({ linksInMemory: 20 });
    emit(recordSession({ actions: 30 }));
    expect(said(findings)).toEqual(['overflow 21']);
    expect(inner.getFinishedSpans().filter(({ name }) => !name.startsWith('finding'))).toHaveLength(62);
  });

  it('throws nothing: a callback that throws is logged, and spans go on', () => {
    const errors: string[] = [];
    const silent = () => undefined;
    const logger: DiagLogger = { error: (message) => errors.push(message), warn: silent, info: silent, debug: silent, verbose: silent };
    diag.setLogger(logger, DiagLogLevel.ERROR);
    const { inner, emit } = setUp({
      onFinding: () => {
        throw new Error('pager is down');
      },
    });
    emit(recordSession().map((link) => (link.seq === 2 ? edited(link) : link)));
    expect(errors).toEqual(['agent-custody: onFinding threw']);
    expect(inner.getFinishedSpans()).toHaveLength(7);
  });

  it('throws nothing at spans that are none, and hands them on', () => {
    diag.setLogger({ error() {}, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.NONE);
    const handed: ReadableSpan[] = [];
    const inner: SpanExporter = {
      export(spans, done) {
        handed.push(...spans);
        done({ code: ExportResultCode.SUCCESS });
      },
      shutdown: () => Promise.resolve(),
    };
    const { verifying } = setUp({ exporter: inner });
    const nonsense = {} as ReadableSpan;
    let code: ExportResultCode | undefined;
    verifying.export([nonsense], (result) => {
      code = result.code;
    });
    expect([handed, code]).toEqual([[nonsense], ExportResultCode.SUCCESS]);
  });

  it('flushes the exporter behind it', async () => {
    let flushed = 0;
    const inner = { export: () => undefined, shutdown: () => Promise.resolve(), forceFlush: () => Promise.resolve(void flushed++) };
    await setUp({ exporter: inner }).verifying.forceFlush();
    expect(flushed).toBe(1);
    await expect(
      setUp({ exporter: { export: () => undefined, shutdown: () => Promise.resolve() } }).verifying.forceFlush(),
    ).resolves.toBeUndefined();
  });

  it.each([
    ['JSON', JsonExporter],
    ['protobuf', ProtobufExporter],
  ])('stands in front of an OTLP exporter (%s): a collector behind it takes every span and finding', async (_encoding, Exporter) => {
    const collector = await startCollector({ listen: { host: '127.0.0.1', port: 0 }, ledger: ':memory:', log: pino({ level: 'silent' }) });
    try {
      const { verifying, emit } = setUp({ exporter: new Exporter({ url: `${collector.url}/v1/traces` }) });
      const links = recordSession({ actions: 1 });
      emit(links.map((link) => (link.seq === 2 ? edited(link) : link)));
      await verifying.forceFlush();
      await verifying.shutdown();
      expect(collector.report(id(links))).toMatchObject({ integrity: 'broken', completeness: 'complete', links: 4 });
      const page = await (await fetch(`${collector.url}/metrics`)).text();
      expect(page).toContain('\ncustody_spans_received_total 5\n');
    } finally {
      await collector.close();
    }
  });
});
