import type { Finding, LinkCopy } from '@agent-custody/chain';
import type { RecordedLink } from '../../ledger/ledger.js';
import { type Divergence, toldOf } from '../../verify/compare.js';
import { unforwardedIn } from '../../verify/waiting.js';
import type { Look } from './look.js';
import { spansAgain } from './span-again.js';
import type { PendingReadBack } from './store.js';
import type { ReadBackResult, ReconcilerOptions } from './types.js';

/** What one look found, for the next to find again. */
export type Suspicion = ReadonlySet<string>;

/** What a look came to. */
export interface Outcome {
  readonly result: ReadBackResult;
  readonly suspicion?: Suspicion;
  readonly sentAgain: number;
}

type ConcludeOptions = Pick<ReconcilerOptions, 'ledger' | 'engine' | 'afterMs' | 'log'> & {
  readonly settleMs: number;
  readonly nowMs: number;
};

/** Of the outbox, what is looked through before something is called lost: with more in it, there is time to wait for it. */
const OUTBOX_SPANS = 20_000;
const OUTBOX_BYTES = 16 << 20;
/** A session that stays different is looked at less and less often, and at last no more: the finding stands. */
const MOST_LOOKS = 12;
const LONGEST_MS = 86_400_000;

/**
 * Decides what a look means, and puts it on record: the finding, the spans that are forwarded again, the memory that they were, and
 * when to look next, in one transaction.
 *
 * @throws LedgerError
 */
export function concludeLook(pending: PendingReadBack, look: Look, suspicion: Suspicion | undefined, options: ConcludeOptions): Outcome {
  const { ledger, settleMs, nowMs } = options;
  const { session, looks } = pending;
  const open = ledger.findings(session).filter(({ code, healed }) => code === 'tempo_divergence' && !healed);
  if (look.divergences.length === 0) return allThere(pending, look, open, options);
  const seen = look.divergences.filter((divergence) => suspicion?.has(keyOf(divergence)));
  const confirmed = seen.length === 0 ? [] : gone(seen, options);
  const suspected = new Set(look.divergences.map(keyOf));
  if (confirmed === undefined || confirmed.length === 0) {
    // What stays undecided (Tempo takes nothing, the outbox grows) is looked at less and less often.
    const wait = suspicion === undefined ? settleMs : settleMs * 2 ** Math.min(looks, 6);
    ledger.readBacks.postpone(session, nowMs + wait, suspicion === undefined ? looks : looks + 1);
    return { result: 'undecided', suspicion: suspected, sentAgain: 0 };
  }
  const sentAgain = report(pending, look, confirmed, open, options);
  return { result: 'diverged', suspicion: suspected, sentAgain };
}

function keyOf({ kind, seq, lost }: Divergence): string {
  return [kind, seq, ...lost.map(({ hash }) => hash)].join(' ');
}

/** Those whose links wait nowhere; undefined when more waits than is looked through. */
function gone(divergences: readonly Divergence[], { ledger }: ConcludeOptions): readonly Divergence[] | undefined {
  if (ledger.outboxSize().spans > OUTBOX_SPANS) return undefined;
  const waiting = unforwardedIn(
    ledger,
    divergences.flatMap(({ lost }) => lost),
    OUTBOX_BYTES,
  );
  return waiting && divergences.filter(({ lost }) => !lost.some((link) => waiting.has(link)));
}

function allThere({ session, links }: PendingReadBack, look: Look, open: readonly Finding[], options: ConcludeOptions): Outcome {
  const { ledger, engine, log } = options;
  // What Tempo does not show cannot be said to be back.
  const healed = look.partial ? [] : open.map(({ seq }) => seq);
  const row = ledger.session(session);
  // Links that came while Tempo was read have made it due again.
  const changed = row?.links !== links;
  const note = (): void => {
    if (changed) return;
    if (row?.waiting === false && open.length === healed.length) ledger.readBacks.drop(session);
    else ledger.readBacks.rest(session);
  };
  if (healed.length > 0) log.info({ session, links: healed.length }, 'Tempo holds again what it had lost');
  engine.readBack({ session, diverged: [], healed, again: [], note });
  return { result: 'same', sentAgain: 0 };
}

function report(
  { session, looks }: PendingReadBack,
  look: Look,
  confirmed: readonly Divergence[],
  open: readonly Finding[],
  options: ConcludeOptions,
): number {
  const { ledger, engine, afterMs, nowMs, log } = options;
  const told = toldOf(confirmed, look);
  const different = new Set(look.divergences.map(({ seq }) => seq));
  const healed = look.partial ? [] : open.filter(({ seq }) => !different.has(seq)).map(({ seq }) => seq);
  const again = lostOnce(session, confirmed, options);
  const copies = again.map(({ link }) => link);
  const requests = spansAgain(again);
  const next = copies.length > 0 ? { after: afterMs, looks: 0 } : { after: Math.min(afterMs * 2 ** looks, LONGEST_MS), looks: looks + 1 };
  engine.readBack({
    session,
    diverged: told.filter(({ seq }) => !open.some((finding) => finding.seq === seq)),
    healed,
    again: requests,
    note: () => {
      for (const { seq, hash } of copies) ledger.readBacks.noteSentAgain(session, seq, hash);
      if (next.looks > MOST_LOOKS) ledger.readBacks.rest(session);
      else ledger.readBacks.postpone(session, nowMs + next.after, next.looks);
    },
  });
  log.warn({ session, links: confirmed.length, sentAgain: copies.length }, 'Tempo does not hold a session as it is on record');
  return copies.length;
}

/** What is lost and was not forwarded again before. An edited link is not: a second copy would not undo the edit. */
function lostOnce(session: string, divergences: readonly Divergence[], { ledger, engine }: ConcludeOptions): readonly RecordedLink[] {
  const lost = divergences.filter(({ kind }) => kind === 'lost').flatMap((divergence) => divergence.lost);
  const wanted = new Set(lost.filter(({ seq, hash }) => !ledger.readBacks.wasSentAgain(session, seq, hash)).map(identityOf));
  if (wanted.size === 0) return [];
  return engine.links(session).filter(({ link }) => wanted.has(identityOf(link)));
}

const identityOf = ({ hash, preimage }: LinkCopy): string => `${hash} ${preimage}`;
