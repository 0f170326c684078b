import { ATTR, type Finding } from '@agent-custody/chain';
import type { RecordedLink } from '../ledger/ledger.js';
import { printable, printableLines } from '../printable.js';

/** One link as the page draws it. */
export interface LinkRow {
  readonly type: 'link';
  readonly seq: number;
  readonly kind: string;
  /** RFC 3339, with milliseconds. */
  readonly time: string;
  readonly tool: string;
  /** What else there is to say, by name: who approved, how it ended, which session was spawned. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly reason: string;
  readonly arguments: string;
  readonly result: string;
  readonly hash: string;
  readonly prev: string;
  readonly status: RecordedLink['status'];
  /** False when the link before it is there, and is not the one that it names as its predecessor. */
  readonly follows: boolean;
  readonly findings: readonly Finding[];
}

/** Numbers of which nothing is held. */
export interface HoleRow {
  readonly type: 'hole';
  readonly first: number;
  readonly last: number;
  readonly findings: readonly Finding[];
}

export type ChainRow = LinkRow | HoleRow;

const FACTS: readonly (readonly [string, string])[] = [
  ['decision', ATTR.policyDecision],
  ['would have been', ATTR.policyObserved],
  ['rule', ATTR.policyRule],
  ['agent not started', ATTR.childAgentId],
  ['approval', ATTR.approvalDecision],
  ['approver', ATTR.approvalApprover],
  ['outcome', ATTR.actionStatus],
  ['error', ATTR.errorType],
  ['principal', ATTR.principal],
  ['owner', ATTR.owner],
  ['parent', ATTR.parentSessionId],
  ['child', ATTR.childSessionId],
  ['lost', ATTR.lossReason],
  ['ended', ATTR.sessionOutcome],
];

/** Characters of each content that a page of many links shows; a bundle holds all of it. */
const SHOWN = 4_000;

/**
 * The chain in order, with what is missing between, and each finding at its place.
 *
 * @param from the first seq that is asked for
 */
export function rowsOf(links: readonly RecordedLink[], findings: readonly Finding[], from = 1): readonly ChainRow[] {
  const rows: ChainRow[] = [];
  let before: readonly RecordedLink[] = [];
  let current: RecordedLink[] = [];
  const bySeq = new Map<number, Finding[]>();
  for (const finding of findings) bySeq.set(finding.seq, [...(bySeq.get(finding.seq) ?? []), finding]);
  const at = (seq: number): readonly Finding[] => bySeq.get(seq) ?? [];
  const within = (first: number, last: number): readonly Finding[] => findings.filter(({ seq }) => first <= seq && seq <= last);
  for (const recorded of links) {
    const { seq } = recorded.link;
    const previous = rows.at(-1);
    const last = previous === undefined ? from - 1 : previous.type === 'link' ? previous.seq : previous.last;
    if (seq > last + 1) rows.push({ type: 'hole', first: last + 1, last: seq - 1, findings: within(last + 1, seq - 1) });
    if (current[0]?.link.seq !== seq) {
      before = seq === last + 1 ? current : [];
      current = [];
    }
    current.push(recorded);
    const follows = seq === from || before.length === 0 || before.some(({ link }) => link.hash === recorded.link.prev);
    rows.push(rowOf(recorded, follows, current.length === 1 ? at(seq) : []));
  }
  return rows;
}

function rowOf({ link, status }: RecordedLink, follows: boolean, findings: readonly Finding[]): LinkRow {
  const { attributes, content } = link;
  const text = (key: string, show = printable): string => {
    const value = attributes[key] ?? content[key];
    return value === undefined ? '' : show(typeof value === 'object' ? value.join(', ') : String(value));
  };
  return {
    type: 'link',
    seq: link.seq,
    kind: printable(link.kind),
    time: new Date(Number(BigInt(link.time) / 1_000_000n)).toISOString(),
    tool: text(ATTR.toolName),
    facts: FACTS.flatMap(([name, key]) => (text(key) === '' ? [] : [[name, text(key)] as const])),
    reason: text(ATTR.reason, printableLines),
    arguments: cut(text(ATTR.toolArguments)),
    result: cut(text(ATTR.toolResult)),
    hash: link.hash,
    prev: link.prev,
    status,
    follows,
    findings,
  };
}

function cut(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN).toWellFormed()}… (${text.length} characters in all)`;
}
