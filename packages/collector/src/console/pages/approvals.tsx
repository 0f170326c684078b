import type { Approval } from '../../approvals/index.js';
import { printable } from '../../printable.js';
import type { Viewer } from '../sign-in.js';
import { Badge, Moment, renderPage } from './layout.js';

const TONES = { pending: 'warn', approved: 'good', denied: 'bad', expired: 'plain' } as const;

export function ApprovalState({ state }: Pick<Approval, 'state'>) {
  return <Badge word={state} tone={TONES[state]} />;
}

interface ApprovalsPageProps {
  readonly viewer: Viewer;
  /** Oldest first; not all of them when too many wait. */
  readonly pending: readonly Approval[];
  /** How many wait. */
  readonly waiting: number;
  readonly recent: readonly Approval[];
  readonly next: string | undefined;
}

/** What waits, and what was decided lately. */
export function approvalsPage({ viewer, pending, waiting, recent, next }: ApprovalsPageProps): string {
  const past = recent.filter(({ state }) => state !== 'pending');
  return renderPage({
    title: 'Approvals',
    viewer,
    section: 'approvals',
    children: (
      <div data-live="approvals" data-summary={`${waiting} waiting for a decision.`}>
        <section aria-labelledby="pending">
          <h2 id="pending">{`Waiting for a decision (${waiting})`}</h2>
          {pending.length === 0 ? (
            <p class="empty">Nothing waits.</p>
          ) : (
            <ApprovalTable approvals={pending} caption="Requests that wait, oldest first" />
          )}
          {waiting > pending.length && (
            <p class="note">{`${waiting - pending.length} more, later ones, are shown once these are decided.`}</p>
          )}
        </section>
        <section aria-labelledby="past">
          <h2 id="past">Decided and expired</h2>
          {past.length === 0 ? <p class="empty">None yet.</p> : <ApprovalTable approvals={past} caption="Earlier requests, newest first" />}
          {next !== undefined && (
            <p>
              <a href={`/console/approvals?cursor=${encodeURIComponent(next)}`}>Earlier</a>
            </p>
          )}
        </section>
      </div>
    ),
  });
}

function ApprovalTable({ approvals, caption }: { readonly approvals: readonly Approval[]; readonly caption: string }) {
  return (
    <div class="scroll">
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Tool</th>
            <th scope="col">Agent</th>
            <th scope="col">On behalf of</th>
            <th scope="col">Rule</th>
            <th scope="col">State</th>
            <th scope="col">Asked</th>
            <th scope="col">Expires</th>
          </tr>
        </thead>
        <tbody>
          {approvals.map((approval) => (
            <Row key={approval.request.id} approval={approval} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ approval }: { readonly approval: Approval }) {
  const { request, state, requestedAtMs, expiresAtMs, decisions } = approval;
  return (
    <tr>
      <th scope="row">
        <a href={`/console/approvals/${request.id}`}>{printable(request.tool)}</a>
      </th>
      <td data-label="Agent">{printable(request.agent)}</td>
      <td data-label="On behalf of">{request.principal === undefined ? '–' : printable(request.principal)}</td>
      <td data-label="Rule">{printable(request.rule)}</td>
      <td data-label="State">
        <span>
          <ApprovalState state={state} />
          {decisions.length > 0 && <span class="note"> {decisions.map(({ approver }) => printable(approver)).join(', ')}</span>}
        </span>
      </td>
      <td data-label="Asked">
        <Moment ms={requestedAtMs} />
      </td>
      <td data-label="Expires">
        <Moment ms={expiresAtMs} />
      </td>
    </tr>
  );
}
