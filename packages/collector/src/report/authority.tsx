import type { RegisterEntry } from '@agent-custody/chain';
import { printable } from '../printable.js';
import { day, moment, short } from './format.js';
import type { AuditedState, AuditReport } from './model.js';
import { Id, Said, Section, Table, Trace, VerdictTag } from './parts.js';

interface Props {
  readonly report: AuditReport;
}

export function ChangeControl({ report }: Props) {
  return (
    <Section no={5} title="Change control" wide>
      <p>
        A state is the fingerprint of what an agent ran with: system prompt, tool list, memory, and what else it measures. Each row is one
        state, in order of its first use; digests are shortened to twelve characters.
      </p>
      <Table
        head={['Agent', 'State', 'Components', 'First and last seen (UTC)', { number: 'Sessions' }, 'Approved by']}
        none="No state is on record for the period."
        rows={report.states.map((state) => (
          <tr>
            <td>
              <Said none="unknown">{state.agent}</Said>
            </td>
            <td class="pair">
              <Id>{short(state.fingerprint)}</Id>
            </td>
            <td>
              {Object.entries(state.components).map(([name, digest]) => (
                <div class="pair">
                  {printable(name)} <Id>{short(digest)}</Id>
                </div>
              ))}
            </td>
            <td class="t">
              {moment(state.firstMs)}
              <br />
              {moment(state.lastMs)}
            </td>
            <td class="n">{state.sessions}</td>
            <td>
              <Approved by={state.approvedBy} />
            </td>
          </tr>
        ))}
      />
      <h3>Entries of the register for the period</h3>
      <Table
        head={['Agent', 'Approved by', 'Ticket', 'From', 'Until', 'Withdrawn', 'Components']}
        none={report.register === undefined ? 'No register was named (--register).' : 'None.'}
        rows={report.entries.map(entryRow)}
      />
    </Section>
  );
}

function Approved({ by }: { readonly by: AuditedState['approvedBy'] }) {
  if (by === undefined) return <>not judged: no entry for the agent</>;
  const [entry] = by;
  if (entry === undefined) return <VerdictTag value="deviated" />;
  return (
    <>
      <Said>{entry.by}</Said>, <Said>{entry.ticket}</Said>
      {by.length > 1 && ` and ${by.length - 1} more`}
    </>
  );
}

function entryRow({ agent, by, ticket, from, until, withdrawn, components }: RegisterEntry) {
  return (
    <tr>
      <td>
        <Said>{agent}</Said>
      </td>
      <td>
        <Said>{by}</Said>
      </td>
      <td>
        <Said>{ticket}</Said>
      </td>
      <td class="pair">{day(Date.parse(from))}</td>
      <td class="pair">{until === null ? '–' : day(Date.parse(until))}</td>
      <td class="pair">{withdrawn === null ? '–' : day(Date.parse(withdrawn))}</td>
      <td>
        {Object.entries(components).map(([name, digest]) => (
          <div class="pair">
            {printable(name)} <Id>{short(digest)}</Id>
          </div>
        ))}
      </td>
    </tr>
  );
}

export function Approvals({ report }: Props) {
  const { approvals, denied, grafanaUrl } = report;
  return (
    <Section no={6} title="Approvals and denied actions">
      <h3>Actions that a human was asked about</h3>
      <Table
        head={['When (UTC)', 'Agent', 'Tool', 'Decision', 'Approver', 'Session and link', 'Trace']}
        none="None."
        rows={approvals.map((approval) => (
          <tr>
            <td class="t">{moment(approval.atMs)}</td>
            <td>
              <Said none="unknown">{approval.agent}</Said>
            </td>
            <td>
              <Said>{approval.tool}</Said>
            </td>
            <td>
              <Said>{approval.decision}</Said>
            </td>
            <td>
              <Said none="not named">{approval.approver}</Said>
            </td>
            <td>
              <Id>{approval.session}</Id>, {approval.seq}
            </td>
            <td>
              <Trace grafanaUrl={grafanaUrl} {...approval} />
            </td>
          </tr>
        ))}
      />
      <h3>Actions that were denied</h3>
      <Table
        head={['When (UTC)', 'Agent', 'Tool', 'Denied by', 'Rule', 'What became of it', 'Session and link', 'Trace']}
        none="None."
        rows={denied.map((action) => (
          <tr>
            <td class="t">{moment(action.atMs)}</td>
            <td>
              <Said none="unknown">{action.agent}</Said>
            </td>
            <td>
              <Said>{action.tool}</Said>
            </td>
            <td>
              <Said>{action.by}</Said>
            </td>
            <td>
              <Said>{action.rule}</Said>
            </td>
            <td>{action.status === 'denied' ? 'did not run' : <Ran status={action.status} />}</td>
            <td>
              <Id>{action.session}</Id>, {action.seq}
            </td>
            <td>
              <Trace grafanaUrl={grafanaUrl} {...action} />
            </td>
          </tr>
        ))}
      />
    </Section>
  );
}

function Ran({ status }: { readonly status: string }) {
  if (status === '') return <>no outcome on record</>;
  return (
    <span class="tag bad">
      ran: <Said>{status}</Said>
    </span>
  );
}
