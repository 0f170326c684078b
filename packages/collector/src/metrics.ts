import { FINDING_RULES, LINK_KINDS, LINK_STATUSES } from '@agent-custody/chain';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EngineMetrics } from './engine/types.js';
import type { ForwardMetrics } from './forward/types.js';
import type { VerdictCount } from './ledger/ledger.js';
import type { RequestRecord } from './receive/types.js';

/** What gauges are read from when somebody scrapes. */
interface MetricSources {
  verdictCounts(): readonly VerdictCount[];
  outboxSize(): { readonly spans: number; readonly aside: number };
  ledgerBytes(): number;
}

/** All that the collector counts, and the page that shows it. */
export interface Metrics extends EngineMetrics, ForwardMetrics {
  request(record: RequestRecord): void;
  registerReload(ok: boolean): void;
  /** From now on gauges read from these. */
  observe(sources: MetricSources): void;
  /** The exposition: Prometheus text format 0.0.4. */
  page(): Promise<string>;
  close(): void;
}

/** Prometheus 3 refuses a scrape without a content type that it knows. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const INTEGRITY = ['intact', 'broken', 'unknown'] as const;
const COMPLETENESS = ['complete', 'incomplete', 'open'] as const;
const AUTHORITY = ['approved', 'deviated', 'unknown'] as const;

/**
 * The collector's metrics in a registry of their own, so that several collectors can live in one process. Every series whose
 * labels are known beforehand starts at 0: `increase()` misses the first of a counter that appears with its first event.
 */
export function createMetrics(): Metrics {
  const registers = [new Registry()] as const;
  const [registry] = registers;
  collectDefaultMetrics({ register: registry });
  let sources: MetricSources | undefined;

  const received = new Counter({
    name: 'custody_spans_received_total',
    help: 'Spans of accepted requests, links or not.',
    registers: [...registers],
  });
  const rejected = new Counter({
    name: 'custody_spans_rejected_total',
    help: 'Spans not taken from accepted requests: the token is not for their agent, or they have too many attributes.',
    registers: [...registers],
  });
  const links = new Counter({
    name: 'custody_links_total',
    help: 'Links kept, by kind and status when they came.',
    labelNames: ['kind', 'status'],
    registers: [...registers],
  });
  const findings = new Counter({
    name: 'custody_findings_total',
    help: 'Findings, once each.',
    labelNames: ['code', 'severity'],
    registers: [...registers],
  });
  const duplicates = new Counter({
    name: 'custody_duplicates_total',
    help: 'Links that had come before; not kept, not forwarded.',
    registers: [...registers],
  });
  const forwarded = new Counter({
    name: 'custody_forwarded_spans_total',
    help: 'Spans that Tempo has acknowledged.',
    registers: [...registers],
  });
  const failures = new Counter({
    name: 'custody_forward_failures_total',
    help: 'Requests to Tempo that did not succeed.',
    registers: [...registers],
  });
  const requests = new Counter({
    name: 'custody_requests_total',
    help: 'Requests to the OTLP receiver, by HTTP status.',
    labelNames: ['status'],
    registers: [...registers],
  });
  const seconds = new Histogram({
    name: 'custody_receive_seconds',
    help: 'From the first byte of an OTLP request to its answer: received, verified and durable.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [...registers],
  });
  const reloads = new Counter({
    name: 'custody_register_reloads_total',
    help: 'Times the register of approved states changed, by whether it could be put into force.',
    labelNames: ['result'],
    registers: [...registers],
  });
  new Gauge({
    name: 'custody_sessions',
    help: 'Sessions on record, by verdict.',
    labelNames: ['completeness', 'integrity', 'authority'],
    registers: [...registers],
    collect() {
      for (const completeness of COMPLETENESS) {
        for (const integrity of INTEGRITY) for (const authority of AUTHORITY) this.set({ completeness, integrity, authority }, 0);
      }
      for (const { completeness, integrity, authority, sessions } of sources?.verdictCounts() ?? []) {
        this.set({ completeness, integrity, authority }, sessions);
      }
    },
  });
  new Gauge({
    name: 'custody_outbox_spans',
    help: 'Spans that wait to be forwarded.',
    registers: [...registers],
    collect() {
      this.set(sources?.outboxSize().spans ?? 0);
    },
  });
  new Gauge({
    name: 'custody_outbox_set_aside_spans',
    help: 'Spans that Tempo will not take, kept out of the way of the rest.',
    registers: [...registers],
    collect() {
      this.set(sources?.outboxSize().aside ?? 0);
    },
  });
  new Gauge({
    name: 'custody_ledger_bytes',
    help: 'Bytes that the ledger takes on disk.',
    registers: [...registers],
    collect() {
      this.set(sources?.ledgerBytes() ?? 0);
    },
  });

  for (const [code, { severity }] of Object.entries(FINDING_RULES)) findings.inc({ code, severity }, 0);
  for (const kind of [...LINK_KINDS, 'unknown']) for (const status of LINK_STATUSES) links.inc({ kind, status }, 0);
  for (const result of ['ok', 'failed']) reloads.inc({ result }, 0);

  return {
    spansReceived: (count) => received.inc(count),
    // Counted with the request that they came in, which knows of those with too many attributes too.
    rejected: () => undefined,
    link: (kind, status) => links.inc({ kind, status }),
    finding: (code, severity) => findings.inc({ code, severity }),
    duplicate: () => duplicates.inc(),
    forwarded: (spans) => forwarded.inc(spans),
    failed: () => failures.inc(),
    request(record) {
      requests.inc({ status: String(record.status) });
      rejected.inc(record.rejectedSpans);
      seconds.observe(record.seconds);
    },
    registerReload: (ok) => reloads.inc({ result: ok ? 'ok' : 'failed' }),
    observe(from) {
      sources = from;
    },
    page: () => registry.metrics(),
    close: () => registry.clear(),
  };
}
