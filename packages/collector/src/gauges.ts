import { COMPONENTS, type RegisterEntry } from '@agent-custody/chain';
import { Gauge } from 'prom-client';
import type { ExemplarRegistry } from './exposition.js';
import type { VerdictCount } from './ledger/ledger.js';
import { METRIC } from './metric-names.js';
import type { WaitingNotices } from './notify/metrics.js';
import { printable } from './printable.js';
import type { NamedFinding } from './watch/open-findings.js';
import type { AgentSilence } from './watch/silence.js';

/** What gauges are read from when somebody scrapes. */
export interface GaugeSources {
  verdictCounts(): readonly VerdictCount[];
  openFindings(): readonly NamedFinding[];
  silences(): readonly AgentSilence[];
  /** Entries of the register that are in force now. */
  approvedStates(): readonly RegisterEntry[];
  outboxSize(): { readonly spans: number; readonly aside: number };
  /** How long the oldest span has waited, ms. */
  outboxAgeMs(): number;
  ledgerBytes(): number;
  approvalsPending(): number;
  /** How long the oldest request for approval has waited, ms; 0 when none does. */
  approvalsOldestMs(): number;
  /** How long one may wait, ms. */
  approvalWaitMs(): number;
  noticesWaiting(): readonly WaitingNotices[];
  /** Where people reach the console; undefined where the collector cannot know. */
  consoleUrl(): string | undefined;
  /** When evidence was last known to be judged and durable, Unix ms. */
  evidenceFreshMs(): number;
}

const INTEGRITY = ['intact', 'broken', 'unknown'] as const;
const COMPLETENESS = ['complete', 'incomplete', 'open'] as const;
const AUTHORITY = ['approved', 'deviated', 'unknown'] as const;

/**
 * The gauges that are read at each scrape.
 *
 * @returns what tells them where from; until then they show 0, or nothing
 */
export function createGauges(registers: readonly [ExemplarRegistry]): (sources: GaugeSources) => void {
  let sources: GaugeSources | undefined;

  const one = (name: string, help: string, read: (from: GaugeSources) => number): void => {
    new Gauge({
      name,
      help,
      registers: [...registers],
      collect() {
        this.set(sources === undefined ? 0 : read(sources));
      },
    });
  };
  one(METRIC.outboxSpans, 'Spans that wait to be forwarded.', (from) => from.outboxSize().spans);
  one(METRIC.outboxAside, 'Spans that Tempo will not take, kept out of the way of the rest.', (from) => from.outboxSize().aside);
  one(METRIC.outboxAge, 'How long the oldest span has waited to be forwarded, 0 when none does.', (from) => from.outboxAgeMs() / 1000);
  one(METRIC.ledgerBytes, 'Bytes that the ledger takes on disk.', (from) => from.ledgerBytes());
  one(METRIC.approvalsPending, 'Requests for approval that nobody has decided yet.', (from) => from.approvalsPending());
  one(METRIC.approvalsOldestAge, 'How long the oldest of them has waited, 0 when none does.', (from) => from.approvalsOldestMs() / 1000);
  one(
    METRIC.approvalWaitLimit,
    'How long a request for approval may wait before it is worth an alert.',
    (from) => from.approvalWaitMs() / 1000,
  );
  one(
    METRIC.evidenceFresh,
    'Last time at which evidence was being judged and could be made durable, Unix seconds.',
    (from) => from.evidenceFreshMs() / 1000,
  );
  new Gauge({
    name: METRIC.sessions,
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
    name: METRIC.openFinding,
    help: 'When a finding that still counts was first reported, Unix seconds; of the last day, and per code the newest 20 sessions.',
    labelNames: ['session', 'agent', 'code', 'severity', 'seq', 'trace_id', 'span_id'],
    registers: [...registers],
    collect() {
      this.reset();
      for (const { finding, agent, reportedAtMs } of sources?.openFindings() ?? []) {
        const { session, code, severity, seq, traceId, spanId } = finding;
        this.set({ session, agent, code, severity, seq: String(seq), trace_id: traceId, span_id: spanId }, reportedAtMs / 1000);
      }
    },
  });
  new Gauge({
    name: METRIC.noticesWaiting,
    help: 'Notices of findings and of approvals that are still to be told, by where they go.',
    labelNames: ['sink'],
    registers: [...registers],
    collect() {
      this.reset();
      for (const { sink, notices } of sources?.noticesWaiting() ?? []) this.set({ sink }, notices);
    },
  });
  new Gauge({
    name: METRIC.console,
    help: 'Where people reach the console, 1.',
    labelNames: ['url'],
    registers: [...registers],
    collect() {
      this.reset();
      const url = sources?.consoleUrl();
      if (url !== undefined) this.set({ url: printable(url) }, 1);
    },
  });
  new Gauge({
    name: METRIC.approvedState,
    help: 'Approved states in force, 1 each: the digest of every component that an entry of the register names.',
    labelNames: ['agent', 'by', 'ticket', 'from', 'until', ...COMPONENTS],
    registers: [...registers],
    collect() {
      this.reset();
      for (const { agent, by, ticket, from, until, components } of sources?.approvedStates() ?? []) {
        const named = Object.fromEntries(COMPONENTS.map((name) => [name, components[name] ?? '']));
        this.set({ agent: printable(agent), by: printable(by), ticket: printable(ticket), from, until: until ?? '', ...named }, 1);
      }
    },
  });
  silences(METRIC.agentLastHeard, 'When an agent that ought to run was last heard of, Unix seconds.', ({ lastHeardMs }) => lastHeardMs);
  silences(
    METRIC.agentSilence,
    'How long such an agent has not been heard of while the collector was listening.',
    ({ silentMs }) => silentMs,
  );
  silences(
    METRIC.agentSilenceLimit,
    'How long such an agent may be silent: as set, or as learned from its history.',
    ({ limitMs }) => limitMs,
  );

  /** A gauge with a series for each agent that ought to run. @param read ms */
  function silences(name: string, help: string, read: (silence: AgentSilence) => number | undefined): void {
    new Gauge({
      name,
      help,
      labelNames: ['agent'],
      registers: [...registers],
      collect() {
        this.reset();
        for (const silence of sources?.silences() ?? []) {
          const value = read(silence);
          if (value !== undefined) this.set({ agent: printable(silence.agent) }, value / 1000);
        }
      },
    });
  }
  return (from) => {
    sources = from;
  };
}
