import { type ActionStatus, ATTR, type Encoding, FINGERPRINT_PREFIX, type Hashing, type LinkCopy } from '@agent-custody/chain';
import type { Ledger } from '../ledger/index.js';
import { reread } from '../verify/reread.js';

interface Recorded {
  readonly seq: number;
  /** Unix nanoseconds. */
  readonly time: bigint;
  /** Unix ms: what the decision was made by. */
  readonly atMs: number;
}

/** What was decided, as it stands on record. */
interface RecordedDecision {
  readonly decision: string;
  readonly rule: string;
  /** What a policy that only observed would have decided then. */
  readonly observed: string | undefined;
  /** The fingerprint of the policy in force; undefined when there was none. */
  readonly policy: string | undefined;
}

/** One tool call as it stands on record. */
export interface RecordedAction extends Recorded, RecordedDecision {
  readonly type: 'action';
  readonly id: string;
  readonly tool: string;
  readonly toolType: string | undefined;
  readonly callId: string | undefined;
  /** The salted commitment: different for every call, whatever its arguments. */
  readonly digest: string;
  readonly encoding: Encoding;
  /** Canonical JSON; undefined when the content was not disclosed. */
  readonly arguments: string | undefined;
}

/** An agent that an action started, or was not let start. */
export interface RecordedSpawn extends Recorded, RecordedDecision {
  readonly type: 'spawn';
  /** The action; undefined: the application itself started it, and nobody was asked. */
  readonly inside: string | undefined;
  /** The session of the agent that was started. */
  readonly child: string | undefined;
  /** The agent that was not. */
  readonly refused: string | undefined;
}

export interface RecordedOutcome extends Recorded {
  readonly type: 'outcome';
  readonly id: string;
  readonly status: ActionStatus;
}

export interface RecordedBound extends Recorded {
  readonly type: 'start' | 'end';
}

export type RecordedEvent = RecordedAction | RecordedSpawn | RecordedOutcome | RecordedBound;

/** What tells where a session belongs. */
export interface SessionHead {
  readonly session: string;
  readonly agent: string;
  /** The process that wrote it; undefined when it does not say. */
  readonly process: string | undefined;
  /** Of its first link on record, Unix nanoseconds. */
  readonly time: bigint;
}

export interface RecordedSession {
  readonly session: string;
  readonly agent: string;
  readonly principal: string | undefined;
  readonly process: string | undefined;
  readonly parent: string | undefined;
  /** Which sessions are one to information flow with it. */
  readonly family: string | undefined;
  /** In the order of recording. */
  readonly events: readonly RecordedEvent[];
  /** Links that do not recompute, or whose content does not match: left out. */
  readonly unsound: number;
  /** Numbers below the highest one held of which no sound link is on record. */
  readonly missing: number;
  /** Links that another sound one disputes their number with; the last that came is among the events. */
  readonly disputed: number;
}

const PAGE = 500;

/** The sessions of a ledger, those first seen first. */
export function sessionHeads(ledger: Ledger, hashing: Hashing): readonly SessionHead[] {
  const sessions: string[] = [];
  for (let page = ledger.sessionsPage({ limit: PAGE }); ; page = ledger.sessionsPage({ limit: PAGE, cursor: page.next })) {
    sessions.push(...page.items.map(({ session }) => session));
    if (page.next === undefined) return sessions.reverse().flatMap((session) => headOf(ledger, session, hashing) ?? []);
  }
}

/** Undefined when no sound link of it is on record. */
export function headOf(ledger: Pick<Ledger, 'links'>, session: string, hashing: Hashing): SessionHead | undefined {
  for (const stored of ledger.links(session, 1)) {
    const link = soundLink(stored, hashing);
    if (link) return { session, agent: textOf(link, ATTR.agentId), process: optionalText(link, ATTR.processId), time: BigInt(link.time) };
  }
  return undefined;
}

/** Read anew: what does not recompute says nothing about what ran. */
function soundLink(stored: LinkCopy, hashing: Hashing): LinkCopy | undefined {
  const reading = reread(stored, hashing);
  return reading.type === 'link' && reading.link.recomputes && reading.link.disclosure !== 'mismatch' ? reading.link : undefined;
}

/** One session as its sound links tell it. */
export function recordedSession(ledger: Pick<Ledger, 'links'>, session: string, hashing: Hashing): RecordedSession {
  const links = new Map<number, LinkCopy>();
  let [unsound, disputed, highest] = [0, 0, 0];
  for (const stored of ledger.links(session, 1)) {
    highest = Math.max(highest, stored.seq);
    const link = soundLink(stored, hashing);
    if (link === undefined) unsound++;
    else if ((links.get(link.seq)?.hash ?? link.hash) !== link.hash) disputed++;
    if (link) links.set(link.seq, link);
  }
  const inOrder = [...links.values()].sort((one, other) => one.seq - other.seq);
  const [first] = inOrder;
  const start = first?.kind === 'session.start' ? first : undefined;
  let policy: string | undefined;
  return {
    session,
    agent: first === undefined ? '' : textOf(first, ATTR.agentId),
    principal: start && optionalText(start, ATTR.principal),
    process: start && optionalText(start, ATTR.processId),
    parent: start && optionalText(start, ATTR.parentSessionId),
    family: start && optionalText(start, ATTR.familyId),
    events: inOrder.flatMap((link) => {
      if (link.kind === 'session.start' || link.kind === 'fingerprint.change') policy = optionalText(link, POLICY) ?? policy;
      return eventOf(link, policy) ?? [];
    }),
    unsound,
    missing: highest - links.size,
    disputed,
  };
}

const POLICY = `${FINGERPRINT_PREFIX}policy`;

function eventOf(link: LinkCopy, policy: string | undefined): RecordedEvent | undefined {
  const time = BigInt(link.time);
  const common = { seq: link.seq, time, atMs: Number(time / 1_000_000n) };
  switch (link.kind) {
    case 'session.start':
      return { type: 'start', ...common };
    case 'session.end':
      return { type: 'end', ...common };
    case 'action.intent':
      return intentOf(link, common, decisionOf(link, policy));
    case 'child.spawn': {
      const inside = optionalText(link, ATTR.actionParentId);
      return {
        type: 'spawn',
        ...common,
        ...decisionOf(link, policy),
        inside,
        child: textOf(link, ATTR.childSessionId),
        refused: undefined,
      };
    }
    case 'action.outcome':
      return { type: 'outcome', ...common, id: textOf(link, ATTR.actionId), status: textOf(link, ATTR.actionStatus) as ActionStatus };
    default:
      return undefined;
  }
}

/** A start of an agent that was allowed is a link of its own, and says no more. */
function decisionOf(link: LinkCopy, policy: string | undefined): RecordedDecision {
  return {
    decision: optionalText(link, ATTR.policyDecision) ?? 'allow',
    rule: optionalText(link, ATTR.policyRule) ?? 'none',
    observed: optionalText(link, ATTR.policyObserved),
    policy,
  };
}

function intentOf(link: LinkCopy, common: Recorded, decision: RecordedDecision): RecordedAction | RecordedSpawn {
  const refused = optionalText(link, ATTR.childAgentId);
  if (refused !== undefined) {
    return { type: 'spawn', ...common, ...decision, inside: optionalText(link, ATTR.actionParentId), child: undefined, refused };
  }
  return {
    type: 'action',
    ...common,
    ...decision,
    id: textOf(link, ATTR.actionId),
    tool: textOf(link, ATTR.toolName),
    toolType: optionalText(link, ATTR.toolType),
    callId: optionalText(link, ATTR.toolCallId),
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
