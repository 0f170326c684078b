import { canonicalize } from '@agent-custody/chain';
import type { Agreement, Approval, DecisionWay } from '../../approvals/index.js';
import { printable, printableLines } from '../../printable.js';
import type { ChainRow } from '../chain-view.js';
import type { Viewer } from '../sign-in.js';
import { ApprovalState } from './approvals.js';
import { Chain } from './chain.js';
import { Moment, renderPage, Verbatim } from './layout.js';

export interface ApprovalPageProps {
  readonly viewer: Viewer;
  readonly approval: Approval;
  /** Why this viewer cannot decide. */
  readonly objection: string | undefined;
  /** The session so far, or the end of it. */
  readonly chain: readonly ChainRow[];
  /** The first seq of it. */
  readonly from: number;
  readonly intent: Agreement;
  /** Why the last decision was refused. */
  readonly problem?: string | undefined;
}

/** One request with all that a human needs to decide about it. */
export function approvalPage({ viewer, approval, objection, chain, from, intent, problem }: ApprovalPageProps): string {
  const { request, state } = approval;
  const summary = `It is ${state}${approval.decisions.length > 0 ? `; decided by ${approval.decisions.length}` : ''}.`;
  return renderPage({
    title: `${printable(request.tool)}: ${state === 'pending' ? 'may it run?' : state}`,
    viewer,
    section: 'approvals',
    children: (
      <>
        <div data-live={`approval ${request.id}`} data-state={`${state} ${approval.decisions.length}`} data-summary={summary}>
          {problem !== undefined && (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
          <Facts approval={approval} intent={intent} />
          <h2>Arguments</h2>
          {request.arguments === undefined ? (
            <p>The agent does not disclose them; decide by the digest, or ask whoever runs the agent.</p>
          ) : (
            <Verbatim text={pretty(request.arguments)} />
          )}
          <h2>Reason given by the agent</h2>
          {request.reason === undefined ? <p>None.</p> : <Verbatim text={printableLines(request.reason)} />}
          {(state !== 'pending' || approval.decisions.length > 0) && <Decisions approval={approval} />}
          {state === 'pending' && <DecisionForm viewer={viewer} approval={approval} objection={objection} intent={intent} />}
        </div>
        <section aria-labelledby="session">
          <h2 id="session">The session so far</h2>
          <p>
            <a href={`/console/sessions/${request.session}`}>Session {request.session.slice(0, 8)}</a>,{' '}
            {from > 1 ? `links ${from} to ${request.seq}` : `up to link ${request.seq}`}, which this is about.
          </p>
          <Chain rows={chain} />
        </section>
      </>
    ),
  });
}

function Facts({ approval, intent }: Pick<ApprovalPageProps, 'approval' | 'intent'>) {
  const { request, state, expiresAtMs, requestedAtMs, decisions } = approval;
  const { approvers, count, self_approval: self } = request.requirement;
  const words = {
    agrees: 'on record, and about this very call',
    differs: 'what is on record there is another call, of another agent, or for somebody else; it cannot be approved: find out why',
    not_yet: 'not on record yet: it may be on its way',
  };
  return (
    <dl class="facts">
      <Fact name="State">
        <ApprovalState state={state} />
        {request.requirement.count > 1 &&
          ` ${decisions.filter(({ decision }) => decision === 'approved').length} of ${count} have approved`}
      </Fact>
      <Fact name="Agent">{printable(request.agent)}</Fact>
      <Fact name="On behalf of">{request.principal === undefined ? 'nobody is named' : printable(request.principal)}</Fact>
      <Fact name="Rule">
        {printable(request.rule)}
        {request.message !== undefined && `: ${printable(request.message)}`}
      </Fact>
      <Fact name="Who may decide">
        {approvers === undefined ? 'whoever may sign in' : approvers.map(printable).join(', ')}
        {self ? '' : ', not the person it runs for'}
      </Fact>
      <Fact name="Asked">
        <Moment ms={requestedAtMs} />
      </Fact>
      <Fact name="Expires">
        <Moment ms={expiresAtMs} />
      </Fact>
      <Fact name="Intent">
        <span class={intent === 'differs' ? 'bad-text' : undefined}>{words[intent]}</span>
      </Fact>
      <Fact name="Digest of the arguments">
        <code class="hash">{request.arguments_digest}</code>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function DecisionForm({ viewer, approval, objection, intent }: Pick<ApprovalPageProps, 'viewer' | 'approval' | 'objection' | 'intent'>) {
  const { id, arguments_digest: digest, tool } = approval.request;
  if (viewer.may === 'read') return <p>You may read and not decide: sign in as an approver.</p>;
  if (objection !== undefined) return <p class="note">You cannot decide about this: {objection}.</p>;
  return (
    <form class="decide" method="post" action={`/console/approvals/${id}/decision`} aria-label="Decision">
      <input type="hidden" name="csrf" value={viewer.csrf} />
      <input type="hidden" name="arguments_digest" value={digest} />
      <label for="comment">Comment (kept on record)</label>
      <textarea id="comment" name="comment" rows={3} maxLength={4096} />
      <div class="buttons">
        {intent !== 'differs' && (
          <button type="submit" name="decision" value="approved" class="approve">
            {`Approve ${printable(tool)}`}
          </button>
        )}
        <button type="submit" name="decision" value="denied" class="deny">
          {`Deny ${printable(tool)}`}
        </button>
      </div>
    </form>
  );
}

const WAYS: Readonly<Record<DecisionWay, string>> = {
  console: 'console',
  token: 'token',
  local: 'from this machine, without a sign-in',
  webhook: 'signed message',
};

function Decisions({ approval }: { readonly approval: Approval }) {
  if (approval.decisions.length === 0) return <p>Nobody decided in time, or the agent has given it up.</p>;
  return (
    <>
      <h2>Decisions</h2>
      <ul>
        {approval.decisions.map(({ decision, approver, way, comment, atMs }) => (
          <li key={approver}>
            <strong>{decision}</strong> by {printable(approver)} ({WAYS[way]}), <Moment ms={atMs} />
            {comment !== '' && <blockquote>{printableLines(comment)}</blockquote>}
          </li>
        ))}
      </ul>
      <Use approval={approval} />
    </>
  );
}

/** What became of an approval that was given. */
function Use({ approval: { state, claim, decisions, request } }: { readonly approval: Approval }) {
  if (state === 'approved') return <p>{claim === undefined ? 'Not used yet.' : 'Used: the action ran, or began to.'}</p>;
  const given = decisions.filter(({ decision }) => decision === 'approved').length;
  if (state !== 'expired') return null;
  return (
    <p>
      {given >= request.requirement.count
        ? 'Not used in time: the action did not run.'
        : 'Not enough people decided in time, or the agent has given it up.'}
    </p>
  );
}

/** Nested deeper, indentation is longer than what it shows: a few kilobytes of brackets would make gigabytes. */
const DEEPEST = 64;

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}

/**
 * Canonical JSON on one line is hard to read. All else is shown as it is: of a key that is there twice, or a number that no number
 * type holds, another reader makes something else than what would be shown here.
 */
function pretty(text: string): string {
  // Brackets in texts count too: then it is shown as it is, which is never wrong.
  if (depthOf(text) > DEEPEST) return printable(text);
  try {
    const value: unknown = JSON.parse(text);
    if (canonicalize(value) === text) return printableLines(JSON.stringify(value, null, 2));
  } catch {
    // No JSON, or none that has one meaning.
  }
  return printable(text);
}
