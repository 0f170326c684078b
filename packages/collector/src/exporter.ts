import { performance } from 'node:perf_hooks';
import { type Finding, type Limits, type Register, readSpan, type SessionReport } from '@agent-custody/chain';
import { context, diag } from '@opentelemetry/api';
import { type ExportResult, suppressTracing } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { readableFinding } from './exporter/finding-span.js';
import { SessionBook } from './exporter/session-book.js';
import { viewOfSpan } from './exporter/span-view.js';
import { nodeHashing } from './hashing.js';

/** Options of {@link ChainVerifyingExporter}. */
export interface ChainVerifyingExporterOptions {
  /** Where everything goes on to. */
  readonly exporter: SpanExporter;
  /** Of the verifier, ms and counts. */
  readonly limits?: Partial<Limits>;
  /** Approved states: without it authority is `unknown`. */
  readonly register?: Register;
  /** Told of each finding once, and again when it heals. What it throws is logged. */
  readonly onFinding?: (finding: Finding) => void;
  /** Links of all sessions kept for judging (default 20 000; about 8 KB each). */
  readonly linksInMemory?: number;
}

const TICK_MS = 1_000;
const LINKS_IN_MEMORY = 20_000;

/**
 * A SpanExporter that verifies the chains that pass, with the verifier of the collector, and hands every span on as it is. Findings
 * go to `onFinding`, to the OpenTelemetry diagnostics log, and as `finding {code}` spans to the same exporter. For those who want
 * no extra process; what it says is only as independent as the process that it runs in, and it keeps nothing across a restart:
 * the evidence is then whatever the spans' store keeps.
 *
 * It judges what passes through it. A parent or child session in another process is not seen here and is reported as
 * `orphan_child` or `missing_child`; a collector sees both. At {@link shutdown} all sessions are judged at rest.
 *
 * Nothing in it throws: an error in judging is logged, and spans are handed on.
 *
 * @example new BatchSpanProcessor(new ChainVerifyingExporter({ exporter: new OTLPTraceExporter(), onFinding: alert }))
 */
export class ChainVerifyingExporter implements SpanExporter {
  private readonly exporter: SpanExporter;
  private readonly onFinding: ((finding: Finding) => void) | undefined;
  private readonly book: SessionBook;
  private readonly timer: NodeJS.Timeout;
  private resource: ReadableSpan['resource'] | undefined;
  private stopped: Promise<void> | undefined;

  constructor(options: ChainVerifyingExporterOptions) {
    this.exporter = options.exporter;
    this.onFinding = options.onFinding;
    this.book = new SessionBook(options.linksInMemory ?? LINKS_IN_MEMORY, options);
    this.timer = setInterval(() => this.handOn(this.judge((at) => this.book.tick(at))), TICK_MS).unref();
  }

  export(spans: ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    this.resource ??= spans[0]?.resource;
    const found = this.judge((at) => [
      ...spans.flatMap((span) => [...this.book.take(readSpan(viewOfSpan(span), nodeHashing), at)]),
      ...this.book.tick(at),
    ]);
    this.exporter.export(found.length === 0 ? spans : [...spans, ...found], resultCallback);
  }

  /** The judgement of a session that passed, as of the last export or second; undefined when it was never seen, or is forgotten. */
  report(session: string): SessionReport | undefined {
    return this.book.report(session);
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  /** Judges every session at rest, since nothing more will pass, and shuts the exporter down behind the last findings. */
  shutdown(): Promise<void> {
    this.stopped ??= this.stop();
    return this.stopped;
  }

  private async stop(): Promise<void> {
    clearInterval(this.timer);
    this.handOn(this.judge(() => this.book.tick(Number.POSITIVE_INFINITY)));
    await this.exporter.shutdown();
  }

  /** Runs the verifier and tells of what it finds; answers the spans that say so. */
  private judge(run: (at: number) => readonly Finding[]): readonly ReadableSpan[] {
    try {
      return run(performance.now()).flatMap((finding) => this.tell(finding));
    } catch (error) {
      diag.error('agent-custody: the chains that pass could not be judged', error);
      return [];
    }
  }

  private tell(finding: Finding): readonly ReadableSpan[] {
    const { session, code, severity, seq, healed } = finding;
    diag.warn(`agent-custody: ${severity} finding ${code}${healed ? ' healed' : ''} at ${seq} of session ${session || '(none stated)'}`);
    try {
      this.onFinding?.(finding);
    } catch (error) {
      diag.error('agent-custody: onFinding threw', error);
    }
    return this.resource === undefined ? [] : [readableFinding(finding, this.resource, Date.now())];
  }

  /** Findings that time brought. Not traced: an instrumented HTTP client would make spans of sending spans. */
  private handOn(found: readonly ReadableSpan[]): void {
    if (found.length === 0) return;
    context.with(suppressTracing(context.active()), () => {
      this.exporter.export([...found], (result) => {
        if (result.error !== undefined) diag.error('agent-custody: findings could not be exported', result.error);
      });
    });
  }
}
