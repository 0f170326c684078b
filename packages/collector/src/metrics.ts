import { FINDING_RULES, LINK_KINDS, LINK_STATUSES } from '@agent-custody/chain';
import { Counter, collectDefaultMetrics, Gauge, Histogram } from 'prom-client';
import type { ApprovalMetrics } from './approvals/approvals.js';
import { APPROVAL_ERRORS } from './approvals/error.js';
import type { EngineMetrics } from './engine/types.js';
import { createExemplarRegistry, createPage, type ExemplarLabel, exemplarOf, type MetricsPage } from './exposition.js';
import type { ForwardMetrics } from './forward/types.js';
import { createGauges, type GaugeSources } from './gauges.js';
import { METRIC } from './metric-names.js';
import { NOTICE_FAILURES, type NoticeMetrics } from './notify/metrics.js';
import type { RequestRecord } from './receive/types.js';
import { READ_BACK_FAILURES, READ_BACK_RESULTS, type ReadBackMetrics } from './tempo/reconcile/types.js';

/** All that the collector counts, and the page that shows it. */
export interface Metrics extends EngineMetrics, ForwardMetrics, ApprovalMetrics, ReadBackMetrics, NoticeMetrics {
  request(record: RequestRecord): void;
  registerReload(ok: boolean): void;
  /** From now on gauges read from these. */
  observe(sources: GaugeSources): void;
  /** The exposition. */
  page(): MetricsPage;
  close(): void;
}

/** What the receiver answers. */
const ANSWERS = ['200', '400', '401', '403', '404', '405', '413', '415', '429', '500', '503'] as const;

/**
 * The collector's metrics in a registry of their own, so that several collectors can live in one process. Every series whose
 * labels are known beforehand starts at 0: `increase()` misses the first of a counter that appears with its first event.
 */
export function createMetrics(): Metrics {
  const registers = [createExemplarRegistry()] as const;
  const [registry] = registers;
  collectDefaultMetrics({ register: registry });
  // Gauges that call themselves totals: Prometheus' linter takes them for counters. The same figures come by type beside them.
  for (const kind of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${kind}_total`);

  const received = new Counter({
    name: METRIC.spansReceived,
    help: 'Spans of accepted requests, links or not.',
    registers: [...registers],
  });
  const rejected = new Counter({
    name: METRIC.spansRejected,
    help: 'Spans not taken from accepted requests: the token is not for their agent, or they have too many attributes.',
    registers: [...registers],
  });
  const links = new Counter({
    name: METRIC.links,
    help: 'Links kept, by kind and status when they came.',
    labelNames: ['kind', 'status'],
    registers: [...registers],
  });
  // prom-client's types take the labels of exemplars for some of the metric's.
  const findings = new Counter<'code' | 'severity' | ExemplarLabel>({
    name: METRIC.findings,
    help: 'Findings, once each.',
    labelNames: ['code', 'severity'],
    enableExemplars: true,
    registers: [...registers],
  });
  const duplicates = new Counter({
    name: METRIC.duplicates,
    help: 'Links that had come before; not kept, not forwarded.',
    registers: [...registers],
  });
  const forwarded = new Counter({
    name: METRIC.forwardedSpans,
    help: 'Spans that Tempo has acknowledged.',
    registers: [...registers],
  });
  const failures = new Counter({
    name: METRIC.forwardFailures,
    help: 'Requests to Tempo that did not succeed.',
    registers: [...registers],
  });
  const readBacks = new Counter({
    name: METRIC.reconciledSessions,
    help: 'Sessions read back from Tempo, by what was found.',
    labelNames: ['result'],
    registers: [...registers],
  });
  const readBackFailures = new Counter({
    name: METRIC.reconcileFailures,
    help: 'Times that a session could not be read back from Tempo.',
    labelNames: ['reason'],
    registers: [...registers],
  });
  const sentAgain = new Counter({
    name: METRIC.reconcileSentAgain,
    help: 'Spans that Tempo had lost and that were forwarded a second time.',
    registers: [...registers],
  });
  const requests = new Counter({
    name: METRIC.requests,
    help: 'Requests to the OTLP receiver, by HTTP status.',
    labelNames: ['status'],
    registers: [...registers],
  });
  const seconds = new Histogram({
    name: METRIC.receiveSeconds,
    help: 'From the first byte of an OTLP request to its answer: received, verified and durable.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [...registers],
  });
  const approvals = new Counter({
    name: METRIC.approvals,
    help: 'Requests for approval that came, and decisions about them.',
    labelNames: ['event'],
    registers: [...registers],
  });
  const approvalsRefused = new Counter({
    name: METRIC.approvalsRefused,
    help: 'Requests, decisions and uses that were refused: forged, late, repeated, by the wrong person, about other arguments.',
    labelNames: ['reason'],
    registers: [...registers],
  });
  const told = new Counter({
    name: METRIC.noticesTold,
    help: 'Notices of findings and of approvals that were told, by where they go.',
    labelNames: ['sink'],
    registers: [...registers],
  });
  const notTold = new Counter({
    name: METRIC.noticeFailures,
    help: 'Attempts to tell notices that failed, and notices that were given up (passed_over, overflow).',
    labelNames: ['sink', 'reason'],
    registers: [...registers],
  });
  const reloads = new Counter({
    name: METRIC.registerReloads,
    help: 'Times the register of approved states changed, by whether it could be put into force.',
    labelNames: ['result'],
    registers: [...registers],
  });
  const registerReloadOk = new Gauge({
    name: METRIC.registerReloadOk,
    help: '1 when the register of approved states in the file is the one in force, 0 when the file cannot be used.',
    registers: [...registers],
  });
  registerReloadOk.set(1);
  const observe = createGauges(registers);
  const page = createPage(registry);

  for (const [code, { severity }] of Object.entries(FINDING_RULES)) findings.inc({ labels: { code, severity }, value: 0 });
  for (const kind of [...LINK_KINDS, 'unknown']) for (const status of LINK_STATUSES) links.inc({ kind, status }, 0);
  for (const result of READ_BACK_RESULTS) readBacks.inc({ result }, 0);
  for (const reason of READ_BACK_FAILURES) readBackFailures.inc({ reason }, 0);
  for (const event of ['requested', 'approved', 'denied']) approvals.inc({ event }, 0);
  for (const reason of APPROVAL_ERRORS) approvalsRefused.inc({ reason }, 0);
  for (const result of ['ok', 'failed']) reloads.inc({ result }, 0);
  for (const status of ANSWERS) requests.inc({ status }, 0);

  return {
    spansReceived: (count) => received.inc(count),
    link: (kind, status) => links.inc({ kind, status }),
    finding(finding) {
      const { code, severity } = finding;
      const exemplarLabels = exemplarOf(finding);
      findings.inc({ labels: { code, severity }, ...(exemplarLabels && { exemplarLabels }) });
    },
    duplicate: () => duplicates.inc(),
    forwarded: (spans) => forwarded.inc(spans),
    failed: () => failures.inc(),
    readBack: (result) => readBacks.inc({ result }),
    readBackFailed: (reason) => readBackFailures.inc({ reason }),
    sentAgain: (spans) => sentAgain.inc(spans),
    request(record) {
      requests.inc({ status: String(record.status) });
      rejected.inc(record.rejectedSpans);
      seconds.observe(record.seconds);
    },
    approvalRequested: () => approvals.inc({ event: 'requested' }),
    approvalDecided: (decision) => approvals.inc({ event: decision }),
    approvalRefused: (reason) => approvalsRefused.inc({ reason }),
    noticeSink(sink) {
      told.inc({ sink }, 0);
      for (const reason of NOTICE_FAILURES) notTold.inc({ sink, reason }, 0);
    },
    noticesTold: (sink, notices) => told.inc({ sink }, notices),
    noticeFailed: (sink, reason, times) => notTold.inc({ sink, reason }, times),
    registerReload(ok) {
      reloads.inc({ result: ok ? 'ok' : 'failed' });
      registerReloadOk.set(ok ? 1 : 0);
    },
    observe,
    page: () => page,
    close: () => registry.clear(),
  };
}
