import { FINDING_RULES, type Verdict } from '@agent-custody/chain';
import { exceptionCounts, reservations } from './conclusions.js';
import { duration, moment, percent, plural } from './format.js';
import type { AuditReport } from './model.js';
import { Said, SeverityTag, Table, VerdictTag } from './parts.js';

/** The first page: what an auditor takes away when there is no time for the rest. */
export function Summary({ report }: { readonly report: AuditReport }) {
  const { sessions, agents, exceptions, continuity } = report;
  const open = exceptions.filter(({ finding }) => !finding.healed);
  const actions = agents.reduce((sum, agent) => sum + agent.actions, 0);
  return (
    <div class="first">
      <header>
        <h1>Record of AI agent sessions</h1>
        <div class="sub">
          {moment(report.sinceMs)} to {moment(report.untilMs)} UTC
        </div>
        <dl class="facts">
          <dt>Evidence</dt>
          <dd>
            <Said>{report.ledger}</Said>
          </dd>
          <dt>Register of approved states</dt>
          <dd>
            <Said none="none named: approval of states was not judged here">{report.register ?? ''}</Said>
          </dd>
          <dt>Made</dt>
          <dd>
            {moment(report.madeAtMs)} UTC by agent-custody {report.version}; every hash and digest of the ledger was computed anew for it
          </dd>
        </dl>
      </header>
      <Population report={report} />
      <div class="figures">
        <Figure value={String(sessions.length)} what={`sessions of ${plural(agents.length, 'agent')}`} />
        <Figure value={String(actions)} what="actions announced" />
        <Figure value={String(sessions.filter(({ integrity }) => integrity === 'broken').length)} what="sessions with broken integrity" />
        <Figure value={String(open.length)} what="exceptions" />
        <Figure value={percent(continuity.receivingMs, continuity.periodMs)} what="of the period receiving" />
      </div>
      <div class="columns">
        <Verdicts sessions={sessions} />
        <div>
          <h3>Exceptions by kind</h3>
          <Table
            head={['Finding', 'Severity', { number: 'Number' }]}
            none="None."
            rows={exceptionCounts(report)
              .slice(0, 12)
              .map(({ code, count }) => (
                <tr>
                  <td>{code}</td>
                  <td>
                    <SeverityTag severity={FINDING_RULES[code].severity} />
                  </td>
                  <td class="n">{count}</td>
                </tr>
              ))}
          />
        </div>
      </div>
      <p class="note">
        Contents: 1 Basis and method · 2 Population and its completeness · 3 Exceptions · 4 Agents · 5 Change control · 6 Approvals and
        denied actions · 7 Agents without owner or principal · 8 Removals · 9 Controls supported · 10 All sessions
      </p>
    </div>
  );
}

function Population({ report }: { readonly report: AuditReport }) {
  const reasons = reservations(report);
  if (reasons.length === 0) {
    return (
      <div class="conclusion">
        <strong>The population of sessions is complete, as far as the ledger can show.</strong>
        <p>
          The collector was receiving for the whole period ({duration(report.continuity.periodMs)}), no link is missing, every session that
          ended did so in order, and nothing left the ledger but by removals on record.
        </p>
      </div>
    );
  }
  return (
    <div class="conclusion reserved">
      <strong>The population of sessions is not shown to be complete.</strong>
      <ul>
        {reasons.map((reason) => (
          <li>{reason}</li>
        ))}
      </ul>
    </div>
  );
}

function Figure({ value, what }: { readonly value: string; readonly what: string }) {
  return (
    <div>
      <b>{value}</b>
      <span>{what}</span>
    </div>
  );
}

const JUDGED: readonly { readonly of: keyof Verdict; readonly values: readonly Verdict[keyof Verdict][]; readonly asks: string }[] = [
  { of: 'integrity', asks: 'Nothing was altered', values: ['intact', 'broken', 'unknown'] },
  { of: 'completeness', asks: 'Nothing is missing', values: ['complete', 'incomplete', 'open'] },
  { of: 'authority', asks: 'It ran as approved', values: ['approved', 'deviated', 'unknown'] },
];

function Verdicts({ sessions }: { readonly sessions: readonly Verdict[] }) {
  return (
    <div>
      <h3>Sessions by verdict</h3>
      <table>
        <tbody>
          {JUDGED.flatMap(({ of, asks, values }) =>
            values.map((value, index) => (
              <tr>
                <td>{index === 0 ? asks : ''}</td>
                <td>
                  <VerdictTag value={value} />
                </td>
                <td class="n">{sessions.filter((session) => session[of] === value).length}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  );
}
