import { ATTR, type Hashing, LINK_KINDS, type LinkCopy, readSpan, step } from '@agent-custody/chain';
import type { Ledger } from '../ledger/ledger.js';
import type { Caller } from '../receive/types.js';
import type { ForwardPart, Scanned, ScannedSpan } from '../scan/types.js';
import { type Outgoing, withStatus } from './outgoing.js';
import type { Residents } from './residents.js';
import type { SessionBook } from './sessions.js';
import type { Tally } from './tally.js';

/** What one transaction works with. */
export interface IntakeContext {
  readonly ledger: Ledger;
  readonly hashing: Hashing;
  readonly residents: Residents;
  readonly book: SessionBook;
  readonly outgoing: Outgoing;
  readonly tally: Tally;
  /** Monotonic ms. */
  readonly at: number;
}

/** What of a request was not taken. */
export interface Refused {
  readonly spans: number;
  readonly message: string | undefined;
}

const KINDS: ReadonlySet<string> = new Set(LINK_KINDS);

/**
 * Verifies, records and queues the spans of one request, in order.
 *
 * A request whose answer was lost comes again: its links are duplicates then and go no further. Of spans that are no links (and of
 * malformed ones) nothing is kept to know them by, so they go out twice, as OTLP allows.
 */
export function takeIn(scanned: Scanned, caller: Caller, context: IntakeContext): Refused {
  const strangers = new Set<string>();
  let foreign = 0;
  let unidentified = 0;
  for (const [index, span] of scanned.spans.entries()) {
    const group = scanned.groups[span.group];
    if (group === undefined) continue;
    const part: ForwardPart = { group, span: span.bytes, from: scanned, index };
    if (span.isLinkClaim) {
      const stranger = takeClaim(span, part, caller, context);
      if (stranger === undefined) continue;
      foreign++;
      if (strangers.size < 3) strangers.add(stranger.slice(0, 64));
    } else if (span.validIds) context.outgoing.send(part);
    // A store refuses a whole request for one span without ids: it must not get into the outbox.
    else unidentified++;
  }
  return { spans: foreign + unidentified, message: refusal(foreign, strangers, unidentified) };
}

function refusal(foreign: number, strangers: ReadonlySet<string>, unidentified: number): string | undefined {
  const parts: string[] = [];
  if (foreign > 0) {
    const names = [...strangers].map((name) => `'${name}'`).join(', ');
    parts.push(
      `${foreign} span(s) are of agents that this token is not for (${names}): bind the token to them or send them with their own`,
    );
  }
  if (unidentified > 0) parts.push(`${unidentified} span(s) have no valid trace and span id: 16 and 8 bytes, not all zero`);
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** Takes a span that claims to be a link. Answers the agent id when the caller may not speak for it. */
function takeClaim(span: ScannedSpan, part: ForwardPart, caller: Caller, context: IntakeContext): string | undefined {
  const reading = readSpan(span.view, context.hashing);
  switch (reading.type) {
    case 'none':
      if (span.validIds) context.outgoing.send(part);
      return undefined;
    case 'malformed': {
      const stranger = strangerIn(statedAgents(span), reading.session, caller, context);
      if (stranger !== undefined) return stranger;
      const { residents, book, tally, at } = context;
      if (reading.session !== '') {
        residents.need(reading.session);
        residents.touch(reading.session, at);
        book.saw(reading.session, reading, 0);
      }
      tally.found(step(residents.verifier, { ...reading, at }));
      if (span.validIds) context.outgoing.send(withStatus(part, 'broken'));
      return undefined;
    }
    case 'link': {
      const { link } = reading;
      const agent = link.attributes[ATTR.agentId];
      const stranger = strangerIn([typeof agent === 'string' ? agent : ''], link.session, caller, context);
      if (stranger === undefined) takeLink(link, part, context);
      return stranger;
    }
    default:
      return reading satisfies never;
  }
}

function takeLink(link: LinkCopy, part: ForwardPart, { ledger, residents, book, outgoing, tally, at }: IntakeContext): void {
  // It was on record, and was judged, for as long as it was to be kept. What goes beyond that is news, and is taken as such.
  if (link.seq <= (ledger.prunedSession(link.session)?.highestSeq ?? 0)) {
    tally.duplicates++;
    return;
  }
  residents.need(link.session);
  const keptBefore = residents.kept;
  const result = step(residents.verifier, { type: 'link', link, at });
  tally.found(result);
  const { status } = result;
  if (status === undefined) return;
  // An edited copy that comes again is no duplicate to the verifier, but Tempo has it: sent once more it would count twice.
  if (status === 'duplicate' || (residents.kept === keptBefore && isOnRecord(link, ledger))) {
    tally.duplicates++;
    return;
  }
  residents.touch(link.session, at);
  book.saw(link.session, link, residents.kept === keptBefore ? 0 : link.seq);
  tally.link(KINDS.has(link.kind) ? link.kind : 'unknown', status);
  if (status === 'held') outgoing.hold(link.session, link.seq, part);
  else outgoing.send(withStatus(part, status));
}

function isOnRecord(link: LinkCopy, ledger: Ledger): boolean {
  return ledger.copies(link.session, link.seq).some((copy) => copy.hash === link.hash && copy.preimage === link.preimage);
}

/**
 * The agent that a caller may not speak for: the one that the span names, or the one whose session it is. The latter stops a
 * token's holder from spoiling another agent's chain by naming itself in a link of it.
 */
function strangerIn(named: readonly string[], session: string, caller: Caller, { book }: IntakeContext): string | undefined {
  const { agents } = caller;
  if (agents === 'all') return undefined;
  const stranger = named.find((agent) => !agents.has(agent));
  if (stranger !== undefined) return stranger;
  const owner = session === '' ? '' : (book.row(session)?.agent ?? '');
  return owner === '' || agents.has(owner) ? undefined : owner;
}

/** Every agent id that a malformed span states; one that states none speaks for nobody that a token could be for. */
function statedAgents(span: ScannedSpan): readonly string[] {
  const stated = span.view.attributes.filter(([key]) => key === ATTR.agentId).map(([, value]) => (typeof value === 'string' ? value : ''));
  return stated.length === 0 ? [''] : stated;
}
