import { type ActionStatus, ATTR, type Encoding, type Hashing, type LinkCopy } from '@agent-custody/chain';
import type { Ledger, SessionRow } from '../ledger/index.js';
import { reread } from '../verify/reread.js';

/** One tool call as it stands on record. */
export interface RecordedAction {
  readonly type: 'action';
  readonly id: string;
  readonly seq: number;
  /** Unix ms. */
  readonly atMs: number;
  readonly tool: string;
  readonly toolType: string | undefined;
  readonly callId: string | undefined;
  readonly decision: string;
  readonly rule: string;
  /** What a policy that only observed would have decided then. */
  readonly observed: string | undefined;
  /** The salted commitment: different for every call, whatever its arguments. */
  readonly digest: string;
  readonly encoding: Encoding;
  /** Canonical JSON; undefined when the content was not disclosed. */
  readonly arguments: string | undefined;
}

export interface RecordedOutcome {
  readonly type: 'outcome';
  readonly id: string;
  readonly atMs: number;
  readonly status: ActionStatus;
}

export interface RecordedSession {
  readonly session: string;
  readonly agent: string;
  readonly principal: string | undefined;
  /** In the order of recording. */
  readonly events: readonly (RecordedAction | RecordedOutcome)[];
  /** Links that do not recompute, or whose content does not match: left out. */
  readonly unsound: number;
}

const PAGE = 500;

/** The sessions of a ledger, those first seen first. Links are read anew: what does not recompute says nothing about what ran. */
export function* recordedSessions(ledger: Ledger, hashing: Hashing): Generator<RecordedSession> {
  for (const row of oldestFirst(ledger)) yield recordedSession(ledger, row.session, hashing);
}

function oldestFirst(ledger: Ledger): readonly SessionRow[] {
  const rows: SessionRow[] = [];
  for (let page = ledger.sessionsPage({ limit: PAGE }); ; page = ledger.sessionsPage({ limit: PAGE, cursor: page.next })) {
    rows.push(...page.items);
    if (page.next === undefined) return rows.reverse();
  }
}

/** One session as its sound links tell it. */
export function recordedSession(ledger: Ledger, session: string, hashing: Hashing): RecordedSession {
  const links = new Map<number, LinkCopy>();
  let unsound = 0;
  for (const stored of ledger.links(session, 1)) {
    const reading = reread(stored, hashing);
    if (reading.type === 'link' && reading.link.recomputes && reading.link.disclosure !== 'mismatch')
      links.set(reading.link.seq, reading.link);
    else unsound++;
  }
  const inOrder = [...links.values()].sort((one, other) => one.seq - other.seq);
  const start = inOrder.find(({ kind }) => kind === 'session.start');
  return {
    session,
    agent: inOrder[0] === undefined ? '' : textOf(inOrder[0], ATTR.agentId),
    principal: start && optionalText(start, ATTR.principal),
    events: inOrder.flatMap((link) => eventOf(link) ?? []),
    unsound,
  };
}

function eventOf(link: LinkCopy): RecordedAction | RecordedOutcome | undefined {
  const common = { id: textOf(link, ATTR.actionId), atMs: Number(BigInt(link.time) / 1_000_000n) };
  if (link.kind === 'action.outcome') return { type: 'outcome', ...common, status: textOf(link, ATTR.actionStatus) as ActionStatus };
  if (link.kind !== 'action.intent') return undefined;
  return {
    type: 'action',
    ...common,
    seq: link.seq,
    tool: textOf(link, ATTR.toolName),
    toolType: optionalText(link, ATTR.toolType),
    callId: optionalText(link, ATTR.toolCallId),
    decision: textOf(link, ATTR.policyDecision),
    rule: optionalText(link, ATTR.policyRule) ?? 'none',
    observed: optionalText(link, ATTR.policyObserved),
    digest: textOf(link, ATTR.argumentsDigest),
    encoding: textOf(link, ATTR.argumentsEncoding) as Encoding,
    arguments: link.disclosure === 'verified' ? link.content[ATTR.toolArguments] : undefined,
  };
}

function textOf(link: LinkCopy, key: string): string {
  return optionalText(link, key) ?? '';
}

function optionalText({ attributes }: LinkCopy, key: string): string | undefined {
  const value = attributes[key];
  return value === undefined ? undefined : String(value);
}
