import { ATTR } from '@agent-custody/chain';
import { METRIC } from '@agent-custody/collector';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from '../panels/dashboard.js';
import { approvalsInConsole, toChangeControl, toOverview, toSession } from '../panels/links.js';
import { type About, bars, figure, lines } from '../panels/look.js';
import { HASH, spansTable, WORD } from '../panels/table.js';
import { latest, overTime, PROMETHEUS, series, TEMPO } from '../panels/targets.js';
import { absent, among, countedBy, FINDINGS, is, VERDICTS, variable, where } from '../traceql.js';
import { DASHBOARD } from '../uids.js';
import { agent, consoleUrl, principal, prometheus, tempo, verdict } from '../variables.js';
import { decisions } from './decisions.js';

const sessions = (title: string, description: string, condition: string, alarm?: { bound: number; color: string }) =>
  figure({ title, description, unit: 'short', width: 4, height: 4 }, alarm)
    .datasource(PROMETHEUS)
    .withTarget(latest(`sum(${METRIC.sessions}${condition})`, title));

const half = (title: string, description: string, unit: string): About => ({ title, description, unit, width: 12, height: 8 });
const wide = (title: string, description: string, height = 9): About => ({ title, description, unit: 'string', width: 24, height });

/** Which agents ran, for whom, in which state; what they did and who approved it; whether the record is whole. */
export function overview(): Dashboard {
  return dashboard({
    uid: DASHBOARD.overview,
    title: 'Agent custody: overview',
    description:
      'Which agents ran, for whom and in which approved state; what they did and who approved it; whether the record is whole. Figures count every session on record; tables and graphs cover the time range. The ledger is the evidence, this is a view of it.',
    variables: [tempo(), prometheus(), agent(), principal(), verdict(), consoleUrl()],
    elsewhere: [approvalsInConsole],
    sections: [
      {
        title: 'Is the record whole, and was it allowed',
        panels: [
          sessions('Sessions', 'Runs of agents on record in the ledger, whatever their verdict.', ''),
          sessions(
            'Broken',
            'Sessions whose record is not what was written: an edited, forged or forked chain. None is ever harmless.',
            '{integrity="broken"}',
            { bound: 1, color: 'red' },
          ),
          sessions(
            'Incomplete',
            'Sessions of which something is missing: a gap, a start or an end that never came.',
            '{completeness="incomplete"}',
            { bound: 1, color: 'orange' },
          ),
          sessions('Open', 'Sessions that have not ended and of which nothing is missing so far.', '{completeness="open"}'),
          sessions('Deviated', 'Sessions that ran in a state nobody approved, or against a decision.', '{authority="deviated"}', {
            bound: 1,
            color: 'red',
          }),
          sessions(
            'Not judged for authority',
            'Sessions of agents that the register of approved states has no entry for.',
            '{authority="unknown"}',
            { bound: 1, color: 'yellow' },
          ),
        ],
      },
      {
        title: 'Where it breaks',
        panels: [
          spansTable({
            ...wide(
              'Broken chains',
              'Critical findings, the newest first. The span id leads into the trace at the very span; the session id to its whole chain. Findings that state no session are listed on the dashboard of the collector.',
            ),
            query: where(FINDINGS, is('findingSeverity', 'critical'), among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { link: toChangeControl, width: 180 }],
              ['findingCode', 'Finding', { width: 190 }],
              ['findingSeverity', 'Severity', WORD],
              ['findingSeq', 'At link', { number: true, width: 80 }],
              ['findingDetail', 'What is wrong', { long: true }],
              ['findingSessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'No critical finding in this time',
          }),
          bars(
            half(
              'Findings by code',
              'New findings as the collector counts them, by what they are. One is counted once, also when it heals later. A diamond leads to the trace of one.',
              'short',
            ),
          )
            .datasource(PROMETHEUS)
            .withTarget(series(`sum by (code) (increase(${METRIC.findings}[$__rate_interval])) > 0`, '{{code}}').exemplar(true)),
          lines(
            half(
              'Approved and deviated sessions',
              'Sessions on record by authority: all states approved, some not, or no entry in the register to hold them against.',
              'short',
            ),
          )
            .datasource(PROMETHEUS)
            .withTarget(series(`sum by (authority) (${METRIC.sessions})`, '{{authority}}')),
        ],
      },
      {
        title: 'Which agents ran, for whom',
        panels: [
          spansTable({
            ...wide(
              'Sessions started',
              'Each run: the agent, on whose behalf, who answers for it, and the composite fingerprint of its state. Filtered by principal: sessions that name none are in the last table of this section.',
            ),
            query: where(is('kind', 'session.start'), among('agentId', 'agent'), among('principal', 'principal')),
            columns: [
              ['agentId', 'Agent', { link: toOverview, width: 180 }],
              ['agentVersion', 'Version', { width: 100 }],
              ['principal', 'On behalf of', { width: 220 }],
              ['owner', 'Owner', { width: 180 }],
              ['fingerprint', 'Fingerprint', HASH],
              ['status', 'Link', WORD],
              ['sessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'No session was started in this time',
          }),
          spansTable({
            ...wide(
              'Sessions by verdict',
              'What each session was judged to be the last time that its verdict changed, among the verdicts chosen above.',
            ),
            query: where(VERDICTS, variable('verdict'), among('agentId', 'agent')),
            columns: [
              ['sessionId', 'Session', { ...HASH, link: toSession('traceIdHidden (last)') }],
              ['agentId', 'Agent', { width: 180 }],
              ['principal', 'On behalf of', { width: 220 }],
              ['verdictIntegrity', 'Integrity', WORD],
              ['verdictCompleteness', 'Completeness', WORD],
              ['verdictAuthority', 'Authority', WORD],
              ['verdictLinks', 'Links', { number: true, width: 80 }],
            ],
            grouped: { by: ['sessionId'] },
            empty: 'No verdict in this time',
          }),
          spansTable({
            ...wide(
              'Agents with no owner or no principal',
              'Sessions that do not say who answers for the agent, or on whose behalf it runs: accounts without an owner. The empty column is what is missing.',
              7,
            ),
            query: where(is('kind', 'session.start'), `(${absent('owner')} || ${absent('principal')})`, among('agentId', 'agent')),
            columns: [
              ['agentId', 'Agent', { link: toOverview, width: 180 }],
              ['owner', 'Owner', { width: 220 }],
              ['principal', 'On behalf of', { width: 220 }],
              ['sessionId', 'Session', { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) }],
            ],
            empty: 'Every session names its owner and its principal',
          }),
        ],
      },
      {
        title: 'What they did',
        panels: [
          bars(
            half('Actions by decision', 'Tool calls that agents announced, by what the policy in force decided before they ran.', 'short'),
          )
            .datasource(TEMPO)
            .withTarget(overTime(countedBy(where(is('kind', 'action.intent'), among('agentId', 'agent')), 'policyDecision'))),
          bars(half('Actions by tool', 'Tool calls that agents announced, by tool.', 'short'))
            .datasource(TEMPO)
            .withTarget(overTime(countedBy(where(is('kind', 'action.intent'), among('agentId', 'agent')), 'toolName'))),
        ],
      },
      decisions(),
    ],
  });
}
