import { type Register, reportOf, step } from '@agent-custody/chain';
import type { Act, Pruning, VerdictCount } from '../ledger/ledger.js';
import type { Caller, IngestAnswer } from '../receive/types.js';
import type { Scanned } from '../scan/types.js';
import { type IntakeContext, takeIn } from './intake.js';
import { Outgoing } from './outgoing.js';
import { Residents } from './residents.js';
import { SessionBook } from './sessions.js';
import { findingSpan, registerKey, registerSpan, verdictSpan } from './spans.js';
import { Tally } from './tally.js';
import type { Clock, EngineOptions, ReadBack } from './types.js';
import { VerdictCounts } from './verdicts.js';

const DEFAULT_SESSIONS_IN_MEMORY = 10_000;

/** One request to be recorded. */
export interface Request {
  readonly scanned: Scanned;
  readonly caller: Caller;
}

/**
 * Records groups of requests, each in one transaction with links, findings, sessions and what goes out. A group is judged as of its
 * own moment: what was found on arrival is on record with what it was found in, whatever happens next.
 *
 * What is in memory is a view of what is on record. When a transaction fails the view may be ahead of it: it is thrown away, and
 * built again from the ledger before the next one.
 */
export class Recorder {
  private residents: Residents | undefined;
  private readonly book: SessionBook;
  private verdicts: VerdictCounts;
  private register: Register | undefined;
  private unannounced: Register | undefined;

  /** @throws LedgerError when the ledger cannot be read or written */
  constructor(
    private readonly options: EngineOptions,
    private readonly clock: Clock,
  ) {
    this.book = new SessionBook(options.ledger);
    this.verdicts = new VerdictCounts(options.ledger.verdictCounts());
    this.register = options.register;
    this.unannounced = options.register;
    this.load();
  }

  /** In force from now on; its entries are announced with the next group. */
  useRegister(register: Register): void {
    this.register = register;
    this.unannounced = register;
    if (this.residents !== undefined) this.residents.verifier.register = register;
  }

  verdictCounts(): readonly VerdictCount[] {
    return this.verdicts.all();
  }

  /**
   * Records a group and what time has brought; without requests it is a tick. Durable when it returns, with the answer to each
   * request.
   *
   * @throws LedgerError, or what a defect of the verifier throws: then nothing of the group is on record
   */
  record(group: readonly Request[]): readonly IngestAnswer[] {
    return this.guarded(() => this.transact(group));
  }

  /** Records what reading a session back from the trace store has shown. @throws LedgerError: then nothing of it is on record */
  readBack(readBack: ReadBack): void {
    this.guarded(() => this.transact([], readBack));
  }

  private guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.residents = undefined;
      this.book.forget();
      throw error;
    }
  }

  /**
   * Prunes sessions of which the last link came before `act.beforeMs`, `limit` at most.
   *
   * @returns undefined when there was none
   * @throws LedgerError: then none was pruned
   */
  prune(limit: number, act: Act & { readonly beforeMs: number }): Pruning | undefined {
    const { ledger } = this.options;
    const residents = this.load();
    const sessions = ledger.prunable(act.beforeMs, limit);
    if (sessions.length === 0) return undefined;
    const pruning = ledger.transaction(() => ledger.prune(sessions, act));
    for (const session of sessions) residents.leave(session);
    this.book.forget();
    this.verdicts = new VerdictCounts(ledger.verdictCounts());
    return pruning;
  }

  private transact(group: readonly Request[], readBack?: ReadBack): readonly IngestAnswer[] {
    const { ledger, hashing, log, metrics, forwarder } = this.options;
    const residents = this.load();
    const at = this.clock.monotonic();
    const nowMs = this.clock.now();
    const tally = new Tally();
    const outgoing = new Outgoing(ledger);
    const context: IntakeContext = { ledger, hashing, residents, book: this.book, outgoing, tally, at };
    const { answers, grown } = ledger.transaction(() => {
      const answers = group.map((request) => take(request, context));
      if (group.length === 0) residents.wakeDue(at);
      if (readBack !== undefined) takeReadBack(readBack, context);
      tally.found(step(residents.verifier, { type: 'tick', at }));
      for (const release of tally.released) outgoing.release(release);
      this.conclude(context, nowMs);
      if (group.length === 0 || residents.areCrowded) residents.trim(at, (session) => outgoing.releaseSession(session));
      if (forwarder === undefined) return { answers, grown: false };
      this.announce(outgoing, nowMs);
      return { answers, grown: outgoing.write() || (readBack?.again.length ?? 0) > 0 };
    });
    this.book.settle();
    if (forwarder !== undefined) this.unannounced = undefined;
    for (const { before, row } of tally.sessions) this.verdicts.moved(before, row);
    tally.report(metrics, log);
    this.options.listener?.committed(tally.reported, tally.sessions, nowMs);
    if (grown) forwarder?.wake();
    if (tally.reported.length > 0) this.options.notices?.wake();
    return answers;
  }

  /** Puts on record what was found and what the sessions are judged to be now, and says it. */
  private conclude({ ledger, hashing, tally, residents, outgoing, at }: IntakeContext, nowMs: number): void {
    for (const finding of tally.findings) {
      const recorded = ledger.recordFinding(finding, nowMs);
      if (recorded !== 'known') tally.reported.push({ finding, first: recorded === 'new' });
    }
    for (const session of tally.touched) {
      residents.judged(session, at);
      const report = reportOf(residents.verifier, session);
      if (report === undefined) continue;
      const update = this.book.update(report, residents.isWaiting(session), nowMs);
      tally.sessions.push(update);
      this.options.updates?.updated(update, nowMs);
      if (update.verdictChanged) outgoing.say(verdictSpan(update.row, nowMs, hashing));
    }
    // Now that the sessions are up to date: a finding's span names the agent, and may have to hang in the session's trace.
    for (const { finding } of tally.reported) {
      const session = finding.session === '' ? undefined : this.book.row(finding.session);
      outgoing.say(findingSpan(finding, session, nowMs, hashing));
      this.options.notices?.note(finding, session, nowMs);
    }
  }

  private announce(outgoing: Outgoing, nowMs: number): void {
    const { ledger, hashing } = this.options;
    for (const entry of this.unannounced?.entries ?? []) {
      if (ledger.noteRegisterEntry(registerKey(entry, hashing))) outgoing.say(registerSpan(entry, nowMs, hashing));
    }
  }

  /** Builds the verifier from the ledger when there is none. @throws LedgerError when the ledger is of no use */
  private load(): Residents {
    if (this.residents !== undefined) return this.residents;
    const { ledger, hashing, limits, sessionsInMemory, forwarder } = this.options;
    // Before all the reading: after a failure this is tried every second.
    ledger.probe();
    const bound = sessionsInMemory ?? DEFAULT_SESSIONS_IN_MEMORY;
    const residents = new Residents({ ledger, hashing, limits, bound }, this.register, this.clock.monotonic());
    // The verifier does not know any more that these wait: they go out as what they were, held.
    const held = ledger.heldSessions();
    if (held.length > 0) {
      const outgoing = new Outgoing(ledger);
      ledger.transaction(() => {
        for (const session of held) outgoing.releaseSession(session);
        outgoing.write();
      });
      forwarder?.wake();
    }
    this.residents = residents;
    return residents;
  }
}

function takeReadBack({ session, diverged, healed, again, note }: ReadBack, { ledger, residents, tally, at }: IntakeContext): void {
  const events = [
    ...diverged.map((place) => ({ ...place, healed: false })),
    ...healed.map((seq) => ({ seq, healed: true, detail: '', traceId: '', spanId: '' })),
  ];
  if (events.length > 0) residents.need(session);
  for (const { seq, detail, traceId, spanId, healed } of events) {
    tally.found(step(residents.verifier, { type: 'divergence', session, seq, detail, traceId, spanId, healed, at }));
  }
  for (const { request, spans } of again) ledger.enqueue(request, spans);
  note();
}

function take({ scanned, caller }: Request, context: IntakeContext): IngestAnswer {
  const { spans, message } = takeIn(scanned, caller, context);
  context.tally.received += scanned.spans.length - spans;
  return { type: 'accepted', rejectedSpans: spans, ...(message !== undefined && { message }) };
}
