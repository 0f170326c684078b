import { ATTR } from '@agent-custody/chain';
import { METRIC } from '@agent-custody/collector';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { approvedStates } from '../panels/approved-states.js';
import { dashboard } from '../panels/dashboard.js';
import { toSession } from '../panels/links.js';
import { type About, bars, figure, lines } from '../panels/look.js';
import { HASH, spansTable, WORD } from '../panels/table.js';
import { latest, overTime, PROMETHEUS, series, TEMPO } from '../panels/targets.js';
import { APPROVALS, among, countedBy, FINDINGS, is, present, where } from '../traceql.js';
import { DASHBOARD } from '../uids.js';
import { agent, prometheus, tempo } from '../variables.js';

const table = (title: string, description: string, height = 9): About => ({ title, description, unit: 'string', width: 24, height });
const codes = (...names: readonly string[]): string => `(${names.map((name) => is('findingCode', name)).join(' || ')})`;

/** Which states agents ran in, which of them somebody approved, and what differs. */
export function changeControl(): Dashboard {
  return dashboard({
    uid: DASHBOARD.changeControl,
    title: 'Agent custody: change control',
    description:
      'Which states each agent ran in and since when, who approved which of them under what ticket, what differs from the approved state, and what became of its memory between sessions.',
    variables: [tempo(), prometheus(), agent()],
    sections: [
      {
        title: 'In force',
        panels: [
          figure(
            {
              title: 'Sessions that deviated',
              description: 'Sessions on record, of all agents, that ran in a state nobody approved or against a decision.',
              unit: 'short',
              width: 6,
              height: 8,
            },
            { bound: 1, color: 'red' },
          )
            .datasource(PROMETHEUS)
            .withTarget(latest(`sum(${METRIC.sessions}{authority="deviated"})`, 'deviated')),
          figure(
            {
              title: 'Register not in force',
              description: 'Collectors whose register file cannot be used: they judge by the last one that could.',
              unit: 'short',
              width: 6,
              height: 8,
            },
            { bound: 1, color: 'red' },
          )
            .datasource(PROMETHEUS)
            .withTarget(latest(`count(${METRIC.registerReloadOk} == 0) or vector(0)`, 'collectors')),
          bars({
            title: 'States in use',
            description:
              'Sessions started, by composite fingerprint: a new colour is a new state, an old one that ends is a state that went out of use.',
            unit: 'short',
            width: 12,
            height: 8,
          })
            .datasource(TEMPO)
            .withTarget(overTime(countedBy(where(is('kind', 'session.start'), among('agentId', 'agent')), 'fingerprint'))),
        ],
      },
      {
        title: 'What ran, and what was approved',
        panels: [
          spansTable({
            ...table('States seen', 'Each state that an agent started in within the time range: when first, when last, and how often.'),
            query: where(is('kind', 'session.start'), among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { width: 180 }],
              ['fingerprint', 'Composite', HASH],
              ['systemPrompt', 'System prompt', HASH],
              ['tools', 'Tools', HASH],
              ['memory', 'Memory', HASH],
              ['model', 'Model', HASH],
            ],
            grouped: { by: ['agentId', 'fingerprint'], count: 'Sessions' },
            traces: 500,
            empty: 'No session was started in this time',
          }),
          approvedStates(
            table(
              'Approved states in force',
              'The register as it is in force now: which component digests are approved, by whom, under what ticket, from when until when. An empty cell is a component that the entry leaves free.',
            ),
          ),
          spansTable({
            ...table(
              'Changes of the register',
              'Entries that were written or withdrawn within the time range, as the collector announced them.',
            ),
            query: where(APPROVALS, among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { width: 180 }],
              ['systemPrompt', 'System prompt', HASH],
              ['tools', 'Tools', HASH],
              ['memory', 'Memory', HASH],
              ['model', 'Model', HASH],
              ['registerBy', 'Approved by', { width: 180 }],
              ['registerTicket', 'Ticket', { width: 120 }],
              ['registerFrom', 'From', { width: 190 }],
              ['registerUntil', 'Until', { width: 190 }],
              ['registerWithdrawn', 'Withdrawn', { width: 190 }],
            ],
            empty: 'The register did not change in this time',
          }),
        ],
      },
      {
        title: 'What differs',
        panels: [
          spansTable({
            ...table(
              'Deviations from the approved state',
              'Sessions that began in a state nobody approved, or came into one. The detail names the components that differ; the span id leads to the start or to the change.',
            ),
            query: where(FINDINGS, codes('unapproved_fingerprint', 'fingerprint_drift'), among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { width: 180 }],
              ['findingCode', 'Finding', { width: 200 }],
              ['findingSeverity', 'Severity', WORD],
              ['findingDetail', 'What differs', { long: true }],
              ['findingSeq', 'At link', { number: true, width: 80 }],
              ['findingSessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'No deviation in this time',
          }),
          spansTable({
            ...table(
              'Changes within a session',
              'What an agent changed while it ran: a filled cell is a component that is another one from here on.',
            ),
            query: where(is('kind', 'fingerprint.change'), among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { width: 180 }],
              ['systemPrompt', 'System prompt', HASH],
              ['tools', 'Tools', HASH],
              ['memory', 'Memory', HASH],
              ['model', 'Model', HASH],
              ['fingerprintPrevious', 'State before', HASH],
              ['fingerprint', 'State after', HASH],
              ['sessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'No agent changed its state while it ran',
          }),
        ],
      },
      {
        title: 'Memory between sessions',
        panels: [
          spansTable({
            ...table(
              'Memory at each start',
              'Sessions that share a memory, in order: a digest that differs from the one at the end of the session before is memory that changed while nobody was recorded.',
            ),
            query: where(is('kind', 'session.start'), present('memoryStore'), among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { width: 180 }],
              ['memoryStore', 'Store', { width: 200 }],
              ['memory', 'Memory', HASH],
              ['sessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'No session of this time names a memory that it shares',
          }),
          spansTable({
            ...table(
              'Memory that changed unrecorded',
              'Findings of the collector: memory at a start that is not what the last session left.',
              7,
            ),
            query: where(FINDINGS, codes('memory_drift'), among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { width: 180 }],
              ['findingDetail', 'What differs', { long: true }],
              ['findingSessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'None in this time',
          }),
          lines({
            title: 'Sessions by authority',
            description: 'Sessions on record, of all agents: approved, deviated, or of agents that the register does not know.',
            unit: 'short',
            width: 24,
            height: 7,
          })
            .datasource(PROMETHEUS)
            .withTarget(series(`sum by (authority) (${METRIC.sessions})`, '{{authority}}')),
        ],
      },
    ],
  });
}
