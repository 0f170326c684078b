import { createHash } from 'node:crypto';
import type { NewNotice } from '../ledger/ledger.js';
import { printableLines } from '../printable.js';
import type { Approval } from './model.js';

/** Under which the notices of approvals are kept in the ledger until they are told. */
export const APPROVALS_SINK = 'approvals';

/** How the receiver wants to be told: our own JSON, or what Slack's incoming webhooks (and those that copy them) take. */
export const NOTICE_FORMATS = ['generic', 'slack'] as const;
export type NoticeFormat = (typeof NOTICE_FORMATS)[number];

/** Characters in one field of a message for a chat, of which Slack takes 2 000 and refuses the whole message beyond; all is on the page. */
const SHOWN = 1_800;

/**
 * What a webhook is told of a request that is new, decided or expired.
 *
 * @param publicUrl where people reach the collector
 * @param atMs Unix ms
 * @example noticeOf(approval, 'generic', 'https://custody.example.com', Date.now())
 */
export function noticeOf(approval: Approval, format: NoticeFormat, publicUrl: string, atMs: number): NewNotice {
  const { request, state, decisions } = approval;
  const identity = `agent-custody/approval\n${request.id}\n${state}\n${decisions.length}`;
  const body = format === 'slack' ? slackBody(approval, pageOf(approval, publicUrl)) : genericBody(approval, publicUrl, atMs);
  return {
    sink: APPROVALS_SINK,
    key: `msg_${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`,
    body: JSON.stringify(body),
  };
}

function pageOf({ request }: Approval, publicUrl: string): string {
  return `${publicUrl}/console/approvals/${request.id}`;
}

function genericBody(approval: Approval, publicUrl: string, atMs: number): unknown {
  const { request, state, decisions, expiresAtMs } = approval;
  const { salt: _salt, ...shown } = request;
  const type = state === 'pending' && decisions.length === 0 ? 'requested' : state === 'pending' ? 'progressed' : state;
  return {
    type: `approval.${type}`,
    timestamp: new Date(atMs).toISOString(),
    data: {
      ...shown,
      state,
      expires_at: new Date(expiresAtMs).toISOString(),
      decisions: decisions.map(({ decision, approver, way, atMs: at }) => ({ decision, approver, way, at: new Date(at).toISOString() })),
      page: pageOf(approval, publicUrl),
      /** Where a signed message with the decision goes. */
      decide: `${publicUrl}/api/v1/approvals/${request.id}/decision`,
    },
  };
}

/** Block Kit. What agents write is text here, never markup: a link in a reason must not become one to click on. */
function slackBody(approval: Approval, page: string): unknown {
  const { request, state, decisions } = approval;
  const who = decisions.map(({ decision, approver }) => `${decision} by ${approver}`).join(', ');
  const title =
    state === 'pending'
      ? `Approval needed: ${request.agent} wants to call ${request.tool}`
      : `${request.tool}: ${state}${who && ` (${who})`}`;
  const shownTitle = cut(title);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Agent', request.agent],
    ['On behalf of', request.principal],
    ['Tool', request.tool],
    ['Rule', request.rule],
    ['Reason given', request.reason],
    ['Expires', new Date(approval.expiresAtMs).toISOString()],
  ];
  const arguments_ = request.arguments === undefined ? 'not disclosed: see the digest on the page' : cut(request.arguments);
  return {
    // What shows in a notification, where `<!channel>` would call everybody.
    text: shownTitle.replace(/[&<>]/g, (character) => ESCAPED[character] ?? ''),
    blocks: [
      { type: 'section', text: plain(shownTitle) },
      { type: 'section', fields: facts.flatMap(([name, value]) => (value === undefined ? [] : [plain(cut(`${name}\n${value}`))])) },
      { type: 'section', text: plain(`Arguments\n${arguments_}`) },
      { type: 'actions', elements: [{ type: 'button', text: plain(state === 'pending' ? 'Review' : 'Open'), url: page }] },
    ],
  };
}

function plain(text: string): unknown {
  return { type: 'plain_text', text, emoji: false };
}

/** Nothing that repaints or reverses what is read, and no longer than a chat takes. */
function cut(text: string): string {
  const shown = printableLines(text);
  return shown.length <= SHOWN ? shown : `${shown.slice(0, SHOWN).toWellFormed()}… (${text.length} characters in all)`;
}

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
