import { createHash } from 'node:crypto';
import { FINDING_RULES, type Finding, type Severity } from '@agent-custody/chain';
import type { SessionRow } from '../ledger/ledger.js';
import { traceLink } from './trace-link.js';

/** A finding as it is told to other systems: a line of the findings log, and `data` of a webhook. */
export interface FindingNotice {
  /** The webhook's id: the same for every delivery of one report, so that receivers can drop repetitions. */
  readonly id: string;
  readonly code: Finding['code'];
  readonly severity: Severity;
  /** The part of the verdict that it counts against. */
  readonly against: string;
  /** 32 hex; '' for a malformed span that states no session. */
  readonly session: string;
  readonly seq: number;
  readonly agent: string;
  readonly principal: string;
  readonly detail: string;
  readonly trace_id: string;
  readonly span_id: string;
  /** When the collector put it on record, RFC 3339. */
  readonly time: string;
  /** What was missing came later: it no longer counts. */
  readonly healed: boolean;
  /** The trace in Grafana, where the collector knows of one. */
  readonly link?: string;
}

const RANKS: Readonly<Record<Severity, number>> = { info: 0, medium: 1, high: 2, critical: 3 };
export const SEVERITIES = ['info', 'medium', 'high', 'critical'] as const satisfies readonly Severity[];

/** @example isAtLeast('critical', 'high') // true */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return RANKS[severity] >= RANKS[least];
}

/**
 * What is told of a finding that is new, has healed, or is back.
 *
 * The id is made of the finding's identity, its state and the moment of this report: a gap that healed and opened again is news,
 * which a receiver that drops repetitions must not take for the first report of it.
 *
 * @param session the summary of the finding's session, where there is one
 * @param atMs Unix ms
 * @example noticeOf(finding, ledger.session(finding.session), Date.now(), 'https://grafana.example.com')
 */
export function noticeOf(finding: Finding, session: SessionRow | undefined, atMs: number, grafanaUrl: string | undefined): FindingNotice {
  const { code, severity, seq, detail, healed, spanId } = finding;
  const traceId = finding.traceId || (session?.traceId ?? '');
  const link = grafanaUrl === undefined ? undefined : traceLink(grafanaUrl, { traceId, spanId, atMs });
  return {
    id: idOf(finding, atMs),
    code,
    severity,
    against: FINDING_RULES[code].against,
    session: finding.session,
    seq,
    agent: session?.agent ?? '',
    principal: session?.principal ?? '',
    detail,
    trace_id: traceId,
    span_id: spanId,
    time: new Date(atMs).toISOString(),
    healed,
    ...(link !== undefined && { link }),
  };
}

function idOf({ session, code, seq, healed }: Finding, atMs: number): string {
  const identity = `agent-custody/notice\n${session}\n${code}\n${seq}\n${healed}\n${Math.trunc(atMs)}`;
  return `msg_${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`;
}

/** The body of a webhook, in the form that the Standard Webhooks specification recommends ("Payload structure"). */
export function webhookBody(notice: FindingNotice): string {
  return JSON.stringify({ type: notice.healed ? 'finding.healed' : 'finding.reported', timestamp: notice.time, data: notice });
}
