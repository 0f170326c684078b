import { ATTR } from '@agent-custody/chain';
import { type Dashboard, PanelBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { approvedStates } from '../panels/approved-states.js';
import { dashboard } from '../panels/dashboard.js';
import { sessionInConsole, toChangeControl, toSession } from '../panels/links.js';
import { type About, words } from '../panels/look.js';
import { HASH, spansTable, WORD } from '../panels/table.js';
import { spans, TEMPO, trace as traceOf } from '../panels/targets.js';
import { FINDINGS, is, span, VERDICTS, variable, where } from '../traceql.js';
import { DASHBOARD } from '../uids.js';
import { agent, consoleUrl, prometheus, range, session, tempo, trace } from '../variables.js';

const table = (title: string, description: string, height: number, width = 24): About => ({
  title,
  description,
  unit: 'string',
  width,
  height,
});
/** As wide in both tables, so that what was seen stands above what was approved. */
const DIGEST = { width: 240, long: true };
const THIS = is('sessionId', variable('session'));

/** One session from end to end: the verdict, the state it ran in, every step of its chain, and what is wrong with it. */
export function sessionPage(): Dashboard {
  return dashboard({
    uid: DASHBOARD.session,
    title: 'Agent custody: session',
    description:
      'One session from end to end: the verdict, the state that it ran in and what approves it, every step of its chain in order, what is wrong, and the trace. Opened by the session ids of the other dashboards and of alerts.',
    variables: [tempo(), prometheus(), session(), trace(), agent(), range(), consoleUrl()],
    elsewhere: [sessionInConsole],
    sections: [
      {
        title: 'Verdict',
        panels: [
          words(
            {
              title: 'Verdict',
              description:
                'As last judged: is the record as it was written (integrity), is it all there (completeness), was it allowed (authority). An open session is judged on what has come so far.',
              unit: 'string',
              width: 12,
              height: 6,
            },
            new RegExp(`^${ATTR.verdictIntegrity.replaceAll('.', '\\.').replace('integrity', '(integrity|completeness|authority)')}$`),
          )
            .datasource(TEMPO)
            .withTransformation({ id: 'sortBy', options: { fields: {}, sort: [{ field: 'time', desc: false }] } })
            .withTarget(
              spans(
                `${where(VERDICTS, THIS)} | select(${[span('verdictIntegrity'), span('verdictCompleteness'), span('verdictAuthority')].join(', ')})`,
                20,
              ),
            ),
          spansTable({
            ...table(
              'Who ran, for whom',
              'The start of the session: agent, on whose behalf, who answers for it, and the session that started it if there was one.',
              6,
              12,
            ),
            query: where(is('kind', 'session.start'), THIS),
            columns: [
              ['agentId', 'Agent', { link: toChangeControl }],
              ['agentVersion', 'Version', { width: 90 }],
              ['principal', 'On behalf of'],
              ['owner', 'Owner'],
              ['parentSessionId', 'Started by', { ...HASH, link: toSession() }],
            ],
            empty: 'The start of this session never came, or lies outside the time range',
          }),
        ],
      },
      {
        title: 'The state it ran in, and what approves it',
        panels: [
          spansTable({
            ...table(
              'Fingerprints at the start, and each change',
              'System prompt, tools and memory at the start; below it each change within the session, which shows only what changed.',
              6,
            ),
            query: where(`(${is('kind', 'session.start')} || ${is('kind', 'fingerprint.change')})`, THIS),
            columns: [
              ['seq', 'Link', { number: true, width: 110 }],
              ['kind', 'Kind', { width: 170 }],
              ['systemPrompt', 'System prompt', DIGEST],
              ['tools', 'Tools', DIGEST],
              ['memory', 'Memory', DIGEST],
              ['fingerprint', 'Composite', HASH],
            ],
            order: { by: 'seq' },
            empty: 'The start of this session never came, or lies outside the time range',
          }),
          approvedStates(
            table(
              'What approves them',
              'Entries of the register that are in force now for this agent. A state is approved when every component that an entry names is the same; an empty cell is a component that the entry leaves free. The columns stand under those of the table above.',
              6,
            ),
          ),
        ],
      },
      {
        title: 'The chain',
        panels: [
          spansTable({
            ...table(
              'The chain, in order',
              'Every link: what was about to be done and why, what was decided by which rule (and what a policy that observes would have decided), who approved, how it ended. Each names the hash of the one before: where "Previous" is not the hash above it, the chain breaks. A hundred links at a time; "Links" above turns the page.',
              16,
            ),
            query: where(THIS, variable('links')),
            columns: [
              ['seq', 'Link', { number: true, width: 70 }],
              ['kind', 'Kind', { width: 130 }],
              ['toolName', 'Tool', { width: 140 }],
              ['reason', 'Stated reason', { width: 260, long: true }],
              ['policyDecision', 'Decision', WORD],
              ['policyObserved', 'Would be', WORD],
              ['policyRule', 'Rule', { width: 120 }],
              ['approvalDecision', 'Answer', WORD],
              ['approvalApprover', 'Approver', { width: 140 }],
              ['actionStatus', 'Ended', WORD],
              ['prev', 'Previous', HASH],
              ['hash', 'Hash', HASH],
              ['status', 'Link', WORD],
            ],
            order: { by: 'seq' },
            empty: 'No link of this session in this range of links and time',
          }),
          spansTable({
            ...table(
              'Who decided',
              'Answers of people to actions of this session that needed one: to which tool, whose, and for which arguments. One that was used for other arguments is a critical finding.',
              6,
            ),
            query: where(is('kind', 'approval'), THIS),
            named: 'What',
            columns: [
              ['seq', 'Link', { number: true, width: 80 }],
              ['approvalDecision', 'Answer', WORD],
              ['approvalApprover', 'Approver', { width: 220 }],
              ['actionId', 'Action', { long: true }],
              ['argumentsDigest', 'For arguments', DIGEST],
            ],
            order: { by: 'seq' },
            empty: 'Nothing in this session waited for a person',
          }),
          spansTable({
            ...table(
              'Findings',
              'What is wrong with this session, in the order of its links. The span id leads into the trace at the very span. What came after all is listed a second time as healed, by its name.',
              8,
            ),
            query: where(FINDINGS, is('findingSessionId', variable('session'))),
            named: 'Told as',
            columns: [
              ['findingSeq', 'At link', { number: true, width: 80 }],
              ['findingCode', 'Finding', { width: 200 }],
              ['findingSeverity', 'Severity', WORD],
              ['findingDetail', 'What is wrong', { long: true }],
            ],
            order: { by: 'findingSeq' },
            empty: 'Nothing was found wrong with this session',
          }),
        ],
      },
      {
        title: 'The trace',
        panels: [
          new PanelBuilder()
            .type('traces')
            .title('Trace')
            .description(
              'The whole trace, the application’s own spans included. Filled by the links that lead here; a span id in the chain opens it too.',
            )
            .unit('ns')
            .span(24)
            .height(18)
            .datasource(TEMPO)
            .withTarget(traceOf(variable('trace'))),
        ],
      },
    ],
  });
}
