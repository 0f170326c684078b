import { METRIC } from '@agent-custody/collector';
import { DASHBOARD, JOB } from '../uids.js';
import type { Alert, AlertGroup } from './alert.js';
import { canHeal, FINDING_ALERTS, type FindingAlert } from './codes.js';
import { traceLink } from './trace-link.js';

const LABEL = (name: string): string => `{{ $labels.${name} }}`;

/**
 * Fires while a finding is named (METRIC.openFinding: of the last day). A scrape that fails, or a collector that is restarted or
 * killed, must not take the alert back: it looks back over a time in which the collector may be down.
 */
function findingAlert({ name, severity, codes, summary, says }: FindingAlert): Alert {
  return {
    name,
    severity,
    expr: `last_over_time(${METRIC.openFinding}{code=~"${codes.join('|')}"}[${canHeal(codes) ? '2m' : '1h'}])`,
    summary,
    description: `Session ${LABEL('session')} of agent ${LABEL('agent')} ${says} Found ${LABEL('code')} at link ${LABEL('seq')}, span ${LABEL('span_id')} of trace ${LABEL('trace_id')}, at {{ $value | humanizeTimestamp }}.`,
    dashboard: `/d/${DASHBOARD.session}?var-session=${LABEL('session')}&var-trace=${LABEL('trace_id')}&var-agent={{ $labels.agent | urlquery }}&from=now-24h&to=now`,
    trace: traceLink(LABEL('trace_id'), LABEL('span_id')),
  };
}

/** What nobody does by mistake: to be late, or second, is no misuse. */
const MISUSE = ['used', 'self_approval', 'not_an_approver', 'same_approver', 'other_arguments', 'digest_mismatch', 'replay'];

const COLLECTOR_PAGE = `/d/${DASHBOARD.collector}`;
const OVERVIEW_PAGE = `/d/${DASHBOARD.overview}`;

/**
 * Fires while notices wait and none of them is told, for longer than a receiver takes to be restarted; and for an hour after one was
 * given up. A backlog that shrinks is no alarm.
 */
function notToldAlert(parts: {
  readonly name: string;
  readonly sinks: readonly string[];
  readonly summary: string;
  readonly what: string;
}): Alert {
  const sinks = `sink=~"${parts.sinks.join('|')}"`;
  const stuck = `${METRIC.noticesWaiting}{${sinks}} > 0 unless increase(${METRIC.noticesTold}{${sinks}}[10m]) > 0`;
  const lost = `sum by (job, instance, sink) (increase(${METRIC.noticeFailures}{${sinks}, reason=~"passed_over|overflow"}[1h])) > 0`;
  return {
    name: parts.name,
    severity: 'warning',
    expr: `(${stuck}) or ${lost}`,
    holds: '5m',
    summary: parts.summary,
    description: `{{ $value | humanize }} notices (${parts.what}) of ${LABEL('instance')} for the sink ${LABEL('sink')} were given up, or wait and none is told. The ledger has what they tell.`,
    dashboard: COLLECTOR_PAGE,
  };
}

const COLLECTOR_ALERTS: readonly Alert[] = [
  {
    name: 'CustodyCollectorDown',
    severity: 'critical',
    expr: `up{job="${JOB}"} == 0 or absent(up{job="${JOB}"})`,
    holds: '1m',
    summary: 'A collector of evidence cannot be reached.',
    description: `Prometheus has not reached the collector ${LABEL('instance')} for a minute. Agents keep their evidence in their spools until it is back; nothing is being judged meanwhile.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodyEvidenceStale',
    severity: 'critical',
    expr: `time() - ${METRIC.evidenceFresh} > 60`,
    summary: 'Evidence is not being judged or made durable.',
    description: `The collector ${LABEL('instance')} runs, but for {{ $value | humanizeDuration }} it could neither judge nor record anything. Senders are answered busy.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodyForwardingStalled',
    severity: 'warning',
    expr: `${METRIC.outboxAge} > 300`,
    holds: '1m',
    summary: 'Spans do not reach Tempo.',
    description: `The oldest span in the outbox of ${LABEL('instance')} has waited for {{ $value | humanizeDuration }}. The evidence is in the ledger; dashboards and traces are behind.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodySpansSetAside',
    severity: 'warning',
    expr: `${METRIC.outboxAside} > 0`,
    holds: '5m',
    summary: 'Tempo refuses spans for good.',
    description: `{{ $value }} spans of ${LABEL('instance')} are refused by Tempo and kept in the ledger, set aside. They are missing in traces.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodyEvidenceRefused',
    severity: 'warning',
    expr: `sum by (job, instance, status) (increase(${METRIC.requests}{status=~"400|401|403|413|415"}[15m])) > 0`,
    summary: 'Evidence was refused by a collector.',
    description: `${LABEL('instance')} answered {{ $value | humanize }} requests of the last 15 minutes with ${LABEL('status')}. What a sender is refused it does not send again.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodyReceiverOverloaded',
    severity: 'warning',
    expr: `sum by (job, instance) (increase(${METRIC.requests}{status=~"429|503"}[5m])) > 0`,
    holds: '10m',
    summary: 'A collector keeps turning senders away.',
    description: `For ten minutes ${LABEL('instance')} has been answering requests with 429 or 503. Senders try again; their spools grow.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodySpansRejected',
    severity: 'warning',
    expr: `increase(${METRIC.spansRejected}[15m]) > 0`,
    summary: 'Spans were sent for an agent that the sender may not speak for.',
    description: `${LABEL('instance')} rejected {{ $value | humanize }} spans of the last 15 minutes out of requests that it took: the token is for other agents, or the spans have too many attributes or no ids.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodyRegisterNotInForce',
    severity: 'warning',
    expr: `${METRIC.registerReloadOk} == 0`,
    holds: '1m',
    summary: 'The register of approved states cannot be used as it is.',
    description: `${LABEL('instance')} judges by the last register that could be read; the file has changed since and is not valid.`,
    dashboard: `/d/${DASHBOARD.changeControl}`,
  },
  {
    name: 'CustodyFindingsUnnamed',
    severity: 'warning',
    expr: `sum by (job, instance, code) (increase(${METRIC.findings}{severity=~"critical|high"}[1h])) > 20`,
    summary: 'There are more findings than alerts can name.',
    description: `${LABEL('instance')} found ${LABEL('code')} {{ $value | humanize }} times within an hour; alerts name the newest 20 sessions of a code. A flood may be there to hide one.`,
    dashboard: OVERVIEW_PAGE,
  },
  {
    name: 'CustodyReadBackFailing',
    severity: 'warning',
    expr: `sum by (job, instance) (increase(${METRIC.reconcileFailures}[1h])) > 0 unless sum by (job, instance) (increase(${METRIC.reconciledSessions}[1h])) > 0`,
    holds: '15m',
    summary: 'Sessions cannot be read back from Tempo.',
    description: `For an hour ${LABEL('instance')} could read no session back from Tempo ({{ $value | humanize }} attempts): whether Tempo holds what was forwarded is not known.`,
    dashboard: COLLECTOR_PAGE,
  },
  {
    name: 'CustodyApprovalWaiting',
    severity: 'warning',
    expr: `${METRIC.approvalsOldestAge} > ${METRIC.approvalWaitLimit}`,
    summary: 'An action has been waiting too long for a decision of a person.',
    description: `A request for approval has waited at ${LABEL('instance')} for {{ $value | humanizeDuration }}, which is longer than it may. Unanswered it expires, as denied.`,
    dashboard: OVERVIEW_PAGE,
  },
  {
    name: 'CustodyApprovalForged',
    severity: 'critical',
    expr: `sum by (job, instance) (increase(${METRIC.approvalsRefused}{reason="forged"}[15m])) > 0`,
    summary: 'Somebody tried to forge a decision about an action.',
    description: `${LABEL('instance')} refused {{ $value | humanize }} decisions within 15 minutes whose signature is not that of the service that answers for approvers. None of them let an action run.`,
    dashboard: OVERVIEW_PAGE,
  },
  {
    name: 'CustodyApprovalMisused',
    severity: 'warning',
    expr: `sum by (job, instance, reason) (increase(${METRIC.approvalsRefused}{reason=~"${MISUSE.join('|')}"}[15m])) > 0`,
    summary: 'An approval was refused to whoever tried to give or use it.',
    description: `${LABEL('instance')} refused {{ $value | humanize }} requests, decisions or uses of approvals within 15 minutes: ${LABEL('reason')}.`,
    dashboard: OVERVIEW_PAGE,
  },
  notToldAlert({
    name: 'CustodyFindingsNotTold',
    sinks: ['webhook', 'log'],
    summary: 'Findings do not reach whoever is to be told of them.',
    what: 'findings',
  }),
  notToldAlert({
    name: 'CustodyApprovalsNotTold',
    sinks: ['approvals'],
    summary: 'Nobody hears of actions that wait for an approval.',
    what: 'news of approvals',
  }),
  {
    name: 'CustodyAgentSilent',
    severity: 'warning',
    expr: `${METRIC.agentSilence} > ${METRIC.agentSilenceLimit}`,
    holds: '1m',
    summary: 'An agent that ought to run is not heard of.',
    description: `Agent ${LABEL('agent')} has been silent for {{ $value | humanizeDuration }}, which is longer than its usual time.`,
    dashboard: COLLECTOR_PAGE,
  },
];

/** Every alert there is. */
export const ALERT_GROUPS: readonly AlertGroup[] = [
  { name: 'agent-custody-findings', alerts: FINDING_ALERTS.map(findingAlert) },
  { name: 'agent-custody-collector', alerts: COLLECTOR_ALERTS },
];
