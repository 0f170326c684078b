import { FINDING_RULES } from '@agent-custody/chain';
import { MEANINGS } from '../cli/meanings.js';
import { rank } from './conclusions.js';
import { duration, moment, plural } from './format.js';
import type { AuditException, AuditReport } from './model.js';
import { Id, Said, Section, SeverityTag, Table, Trace, VerdictTag } from './parts.js';

interface Props {
  readonly report: AuditReport;
}

export function Method({ report }: Props) {
  return (
    <Section no={1} title="Basis and method">
      <p>
        Each session of an agent is a chain of links: every link holds the hash of the one before it, and an action is announced before it
        is carried out. The collector, a second party, keeps the links in a ledger. For this report the whole ledger was read, every hash
        and every digest of what it discloses computed anew, and each session judged by the rules of the format (SPEC.md). What the
        collector found when the links came is added: what was wrong once is never withdrawn, except that what had been missing may come
        later (healed).
      </p>
      <p>
        To repeat it: <code>agent-custody verify --ledger LEDGER{report.register === undefined ? '' : ' --register REGISTER'}</code>; for
        one session on another machine: <code>agent-custody export --ledger LEDGER --session ID --out FILE</code>, then{' '}
        <code>agent-custody verify --file FILE</code>.
      </p>
      <p>
        What the record cannot show: an action that an agent never reports; the truth of a reason that was stated; that an approval is the
        approver’s own word (it is the agent’s); and, without signatures, a session that was made up as a whole before the collector saw it.
        Times are those that agents state, unless it says “on record”, which is the collector’s clock.
      </p>
    </Section>
  );
}

const WHY = { stopped: 'stopped in order', died: 'ended without stopping', unknown: 'before the first run on record' } as const;

export function Completeness({ report }: Props) {
  const { continuity, sessions, exceptions } = report;
  const unclosed = exceptions.filter(({ finding }) => finding.code === 'unclosed' && !finding.healed).length;
  const open = sessions.filter(({ completeness }) => completeness === 'open').length;
  return (
    <Section no={2} title="Population and its completeness">
      <p>
        The population is every session of which the ledger received something between {moment(report.sinceMs)} and {moment(report.untilMs)}{' '}
        UTC: {plural(sessions.length, 'session')}, all listed in section 10. {open > 0 && `${plural(open, 'session')} had not ended yet. `}
        {unclosed > 0 && `${plural(unclosed, 'session')} fell silent without an end. `}
        The collector was receiving for {duration(continuity.receivingMs)} of {duration(continuity.periodMs)}.
      </p>
      <h3>Times in which nothing could be recorded</h3>
      <Table
        head={['From (UTC)', 'Until', 'For', 'The collector']}
        none="None of a minute or more."
        rows={continuity.outages.map(({ fromMs, untilMs, why }) => (
          <tr>
            <td class="t">{moment(fromMs)}</td>
            <td class="t">{moment(untilMs)}</td>
            <td class="t">{duration(untilMs - fromMs)}</td>
            <td>{WHY[why]}</td>
          </tr>
        ))}
      />
      <p class="note">
        Agents keep what they cannot deliver and send it when the collector is back. A collector that was killed may have been receiving for
        up to a minute longer than it is listed.
      </p>
    </Section>
  );
}

export function Exceptions({ report }: Props) {
  const sorted = [...report.exceptions].sort(
    (a, b) => rank(a.finding.code) - rank(b.finding.code) || (a.reportedAtMs ?? 0) - (b.reportedAtMs ?? 0),
  );
  const open = sorted.filter(({ finding }) => !finding.healed);
  const healed = sorted.filter(({ finding }) => finding.healed);
  const head = ['Finding', 'Agent, session and link', 'What was found', 'On record (UTC)', 'Trace'];
  return (
    <Section no={3} title="Exceptions" wide>
      <Table head={head} none="No finding about any session of the period." rows={open.map((one) => exceptionRow(one, report))} />
      {healed.length > 0 && (
        <>
          <h3>Healed: what had been missing came later</h3>
          <Table head={head} none="" rows={healed.map((one) => exceptionRow(one, report))} />
        </>
      )}
    </Section>
  );
}

function exceptionRow({ finding, agent, reportedAtMs }: AuditException, { grafanaUrl, madeAtMs }: AuditReport) {
  const { code, session, seq, detail, traceId, spanId, healed } = finding;
  return (
    <tr class={healed ? 'healed' : undefined}>
      <td>
        <SeverityTag severity={FINDING_RULES[code].severity} />
        <br />
        {code}
      </td>
      <td>
        <Said none="no agent named">{agent}</Said>
        <br />
        {session === '' ? 'no session stated' : <Id>{session}</Id>}
        {seq > 0 && `, link ${seq}`}
      </td>
      <td>
        {MEANINGS[code]}.<br />
        <span class="note">
          <Said>{detail}</Said>
        </span>
      </td>
      <td class="t">{reportedAtMs === undefined ? 'by this report’s check' : moment(reportedAtMs)}</td>
      <td>
        <Trace grafanaUrl={grafanaUrl} traceId={traceId} spanId={spanId} atMs={reportedAtMs ?? madeAtMs} />
      </td>
    </tr>
  );
}

export function Agents({ report }: Props) {
  return (
    <Section no={4} title="Agents">
      <Table
        head={[
          'Agent',
          'Owner',
          'On behalf of',
          { number: 'Sessions' },
          { number: 'Actions' },
          { number: 'Links' },
          { number: 'Broken' },
          { number: 'Incomplete' },
          { number: 'Deviated' },
        ]}
        none="No agent was active in the period."
        rows={report.agents.map(({ agent, owners, principals, sessions, actions, links, verdicts }) => (
          <tr>
            <td>
              <Said none="unknown">{agent}</Said>
            </td>
            <td>
              <Names names={owners} />
            </td>
            <td>
              <Names names={principals} />
            </td>
            <td class="n">{sessions}</td>
            <td class="n">{actions}</td>
            <td class="n">{links}</td>
            <td class="n">{verdicts.filter(({ integrity }) => integrity === 'broken').length}</td>
            <td class="n">{verdicts.filter(({ completeness }) => completeness === 'incomplete').length}</td>
            <td class="n">{verdicts.filter(({ authority }) => authority === 'deviated').length}</td>
          </tr>
        ))}
      />
    </Section>
  );
}

/** Names shown of an agent with very many. */
const NAMES = 8;

function Names({ names }: { readonly names: readonly string[] }) {
  const stated = names.filter((name) => name !== '');
  const shown = [...stated.slice(0, NAMES), ...(names.includes('') ? ['none stated'] : [])];
  return (
    <>
      <Said>{shown.join(', ')}</Said>
      {stated.length > NAMES && ` and ${stated.length - NAMES} more`}
    </>
  );
}

export function Unowned({ report }: Props) {
  const rows = report.agents.filter(({ withoutOwner, withoutPrincipal }) => withoutOwner > 0 || withoutPrincipal > 0);
  return (
    <Section no={7} title="Agents without owner or principal">
      <Table
        head={['Agent', { number: 'Sessions' }, { number: 'without an owner' }, { number: 'without a principal' }]}
        none="Every session names who answers for its agent and on whose behalf it acts."
        rows={rows.map(({ agent, sessions, withoutOwner, withoutPrincipal }) => (
          <tr>
            <td>
              <Said none="unknown">{agent}</Said>
            </td>
            <td class="n">{sessions}</td>
            <td class="n">{withoutOwner}</td>
            <td class="n">{withoutPrincipal}</td>
          </tr>
        ))}
      />
    </Section>
  );
}

/** Sessions listed; beyond it the file would be of no use on paper, and `verify --json` has them all. */
const LISTED = 20_000;

export function AllSessions({ report }: Props) {
  const { sessions } = report;
  return (
    <Section no={10} title="All sessions" wide>
      {sessions.length > LISTED && (
        <p>
          The first {LISTED} of {sessions.length}; <code>agent-custody verify --ledger LEDGER --json</code> lists all.
        </p>
      )}
      <Table
        head={['First seen (UTC)', 'Session', 'Agent', 'On behalf of', { number: 'Links' }, 'Verdict']}
        none="No session was active in the period."
        rows={sessions.slice(0, LISTED).map((session) => (
          <tr>
            <td class="t">{session.firstSeenMs === 0 ? 'never' : moment(session.firstSeenMs)}</td>
            <td>
              <Id>{session.session}</Id>
            </td>
            <td>
              <Said none="unknown">{session.agent}</Said>
            </td>
            <td>
              <Said>{session.principal}</Said>
            </td>
            <td class="n">{session.links}</td>
            <td>
              <VerdictTag value={session.integrity} /> <VerdictTag value={session.completeness} /> <VerdictTag value={session.authority} />
            </td>
          </tr>
        ))}
      />
    </Section>
  );
}
