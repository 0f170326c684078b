import { METRIC } from '@agent-custody/collector';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { dashboard } from '../panels/dashboard.js';
import { type About, figure, lines } from '../panels/look.js';
import { spansTable, WORD } from '../panels/table.js';
import { latest, PROMETHEUS, rows, series } from '../panels/targets.js';
import { FINDINGS, is, where } from '../traceql.js';
import { DASHBOARD, JOB } from '../uids.js';
import { prometheus, tempo } from '../variables.js';

const rate = (name: string, by = ''): string => `sum${by} (rate(${name}[$__rate_interval]))`;
const third = (title: string, description: string, unit: string): About => ({ title, description, unit, width: 8, height: 8 });
const small = (title: string, description: string, unit: string): About => ({ title, description, unit, width: 4, height: 4 });
const graph = (about: About, ...queries: readonly (readonly [expr: string, legend: string])[]) =>
  queries.reduce(
    (panel, [expr, legend], index) => panel.withTarget(series(expr, legend, String.fromCharCode(65 + index))),
    lines(about).datasource(PROMETHEUS),
  );
const quantile = (q: number): string => `histogram_quantile(${q}, sum by (le) (rate(${METRIC.receiveSeconds}_bucket[$__rate_interval])))`;

/** Whether the second party does its work: takes evidence in, keeps it, passes it on. */
export function collector(): Dashboard {
  return dashboard({
    uid: DASHBOARD.collector,
    title: 'Agent custody: collector',
    description:
      'Whether the second party does its work: takes evidence in, judges it, makes it durable, passes it on; and which agents it ought to hear of and does not.',
    variables: [tempo(), prometheus()],
    sections: [
      {
        title: 'Now',
        panels: [
          figure(small('Collectors up', 'Collectors that answered the last scrape.', 'short'))
            .datasource(PROMETHEUS)
            .withTarget(latest(`sum(up{job="${JOB}"})`, 'up')),
          figure(
            small(
              'Evidence is fresh to',
              'How long ago evidence was last known to be judged and durable. Over a minute nothing is being put on record.',
              's',
            ),
            { bound: 60, color: 'red' },
          )
            .datasource(PROMETHEUS)
            .withTarget(latest(`max(time() - ${METRIC.evidenceFresh})`, 'age')),
          figure(small('Waiting for Tempo', 'Spans in the outbox: on record, and not yet in the view.', 'short'))
            .datasource(PROMETHEUS)
            .withTarget(latest(`sum(${METRIC.outboxSpans})`, 'spans')),
          figure(small('Delay to Tempo', 'How long the oldest of them has waited.', 's'), { bound: 300, color: 'red' })
            .datasource(PROMETHEUS)
            .withTarget(latest(`max(${METRIC.outboxAge})`, 'age')),
          figure(small('Set aside', 'Spans that Tempo will not take. They are in the ledger and missing in the view.', 'short'), {
            bound: 1,
            color: 'orange',
          })
            .datasource(PROMETHEUS)
            .withTarget(latest(`sum(${METRIC.outboxAside})`, 'spans')),
          figure(small('Ledger', 'Bytes that the evidence takes on disk.', 'bytes'))
            .datasource(PROMETHEUS)
            .withTarget(latest(`sum(${METRIC.ledgerBytes})`, 'bytes')),
        ],
      },
      {
        title: 'Coming in',
        panels: [
          graph(
            third('Spans received', 'Spans of accepted requests, links or not, and those that were rejected out of them.', 'ops'),
            [rate(METRIC.spansReceived), 'received'],
            [rate(METRIC.spansRejected), 'rejected'],
          ),
          graph(
            third(
              'Links by status',
              'Links kept, as they were when they came: linked to the one before, held until it comes, or broken.',
              'ops',
            ),
            [rate(METRIC.links, ' by (status)'), '{{status}}'],
          ),
          graph(third('Duplicates', 'Links that had come before. Many of them are a sender whose answers get lost.', 'ops'), [
            rate(METRIC.duplicates),
            'duplicates',
          ]),
          graph(
            third('Receive latency', 'From the first byte of a request to its answer: received, verified and on disk.', 's'),
            [quantile(0.5), 'median'],
            [quantile(0.95), '95 %'],
            [quantile(0.99), '99 %'],
          ),
          graph(
            third(
              'Requests by answer',
              'OTLP requests by HTTP status. 401 and 403 are tokens, 413 and 429 sizes, 503 a collector that is busy or cannot write.',
              'reqps',
            ),
            [rate(METRIC.requests, ' by (status)'), '{{status}}'],
          ),
          graph(third('Findings by severity', 'New findings, by how grave they are.', 'ops'), [
            rate(METRIC.findings, ' by (severity)'),
            '{{severity}}',
          ]),
        ],
      },
      {
        title: 'Going out, and staying',
        panels: [
          graph(third('Forwarded', 'Spans that Tempo has acknowledged.', 'ops'), [rate(METRIC.forwardedSpans), 'forwarded']),
          graph(third('Forwarding errors', 'Requests to Tempo that did not succeed; they are tried again.', 'ops'), [
            rate(METRIC.forwardFailures),
            'failed',
          ]),
          graph(
            third('Outbox', 'Spans that wait for Tempo, and those that it will not take.', 'short'),
            [`sum(${METRIC.outboxSpans})`, 'waiting'],
            [`sum(${METRIC.outboxAside})`, 'set aside'],
          ),
          graph(third('Delay to Tempo over time', 'How long the oldest span in the outbox has waited.', 's'), [
            `max(${METRIC.outboxAge})`,
            'oldest',
          ]),
          graph(third('Ledger size', 'Bytes that the evidence takes on disk.', 'bytes'), [`sum(${METRIC.ledgerBytes})`, 'ledger']),
          graph(third('Memory', 'Of the collector’s process: resident bytes. Sessions in memory are bounded, so it levels off.', 'bytes'), [
            `sum(process_resident_memory_bytes{job="${JOB}"})`,
            'resident',
          ]),
        ],
      },
      {
        title: 'Read back, approved, and told',
        panels: [
          graph(
            third('Read back from Tempo', 'Sessions read back from Tempo, by what was found, and times that one could not be read.', 'ops'),
            [rate(METRIC.reconciledSessions, ' by (result)'), '{{result}}'],
            [rate(METRIC.reconcileFailures, ' by (reason)'), 'failed: {{reason}}'],
          ),
          graph(third('Forwarded a second time', 'Spans that Tempo had lost and got once more.', 'ops'), [
            rate(METRIC.reconcileSentAgain),
            'sent again',
          ]),
          graph(
            third('Approvals', 'Requests for approval and decisions about them, what was refused, and how many wait now.', 'short'),
            [`sum by (event) (increase(${METRIC.approvals}[$__rate_interval]))`, '{{event}}'],
            [`sum by (reason) (increase(${METRIC.approvalsRefused}[$__rate_interval])) > 0`, 'refused: {{reason}}'],
            [`sum(${METRIC.approvalsPending})`, 'waiting'],
          ),
          graph(third('Told', 'Findings and news of approvals that webhooks and the findings log were told.', 'ops'), [
            rate(METRIC.noticesTold, ' by (sink)'),
            '{{sink}}',
          ]),
          graph(third('Not told', 'Attempts to tell them that failed, and notices that were given up (passed_over, overflow).', 'ops'), [
            `${rate(METRIC.noticeFailures, ' by (sink, reason)')} > 0`,
            '{{sink}}: {{reason}}',
          ]),
          graph(third('Still to be told', 'Notices that wait in the ledger until somebody takes them.', 'short'), [
            `sum by (sink) (${METRIC.noticesWaiting})`,
            '{{sink}}',
          ]),
        ],
      },
      {
        title: 'Agents that ought to run',
        panels: [
          silences(),
          spansTable({
            title: 'Malformed spans of no session',
            description:
              'Spans that claim to be links, are not, and do not say of which session: a hop that rewrites attributes, or somebody who makes noise.',
            unit: 'string',
            width: 12,
            height: 9,
            query: where(FINDINGS, is('findingSessionId', '')),
            columns: [
              ['findingCode', 'Finding', { width: 140 }],
              ['findingSeverity', 'Severity', WORD],
              ['findingDetail', 'What is wrong', { long: true }],
            ],
            empty: 'None in this time',
          }),
        ],
      },
    ],
  });
}

function silences(): TablePanel {
  return new TablePanel()
    .title('Silence of agents')
    .description(
      'Agents that the register approves now, or that a limit was set for: how long each has not been heard of while the collector was listening, and how long it may be. No limit: too little is on record to know its usual time.',
    )
    .unit('s')
    .span(12)
    .height(9)
    .noValue('The register approves no agent, and no limit is set')
    .datasource(PROMETHEUS)
    .withTarget(rows(`max by (agent) (${METRIC.agentSilence})`, 'A'))
    .withTarget(rows(`max by (agent) (${METRIC.agentSilenceLimit})`, 'B'))
    .withTransformation({ id: 'joinByField', options: { byField: 'agent', mode: 'outer' } })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { 'Time 1': true, 'Time 2': true, Time: true },
        indexByName: {},
        renameByName: { agent: 'Agent', 'Value #A': 'Silent for', 'Value #B': 'May be silent for' },
      },
    })
    .overrideByName('agent', [{ id: 'unit', value: 'string' }]);
}
