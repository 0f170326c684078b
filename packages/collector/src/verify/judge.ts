import {
  createVerifier,
  FINDING_RULES,
  type Finding,
  type Hashing,
  type Limits,
  type LinkCopy,
  type Reading,
  type Records,
  type Register,
  reportOf,
  type SessionReport,
  step,
  type VerifierState,
} from '@agent-custody/chain';
import { type Kin, type Ledger, openSqliteLedger } from '../ledger/index.js';

export interface JudgeOptions {
  readonly limits?: Partial<Limits>;
  readonly register?: Register | undefined;
  readonly hashing: Hashing;
  /**
   * Which sessions the memory rule may look at (default: all). It compares with the last session of a store, so it must not see
   * one behind which others were left out.
   */
  readonly remembers?: (session: string) => boolean;
}

/** What was found in everything that was read. */
export interface Judgement {
  /** In the order in which sessions first appeared. */
  readonly sessions: readonly SessionReport[];
  /** Malformed links that state no session. */
  readonly atLarge: readonly Finding[];
}

/**
 * The verifier of the collector, run over what is on record somewhere: a file or a ledger. What it reads it recomputes.
 *
 * @example
 * const judge = new Judge({ hashing: nodeHashing });
 * for (const view of spansOfJson(request)) judge.take(readSpan(view, nodeHashing), 0);
 * const { sessions } = judge.conclude(Infinity);
 */
export class Judge {
  /** In memory, where it takes a fraction of what objects would: a file may hold a million links. */
  private readonly records: Ledger = openSqliteLedger(':memory:');
  private readonly state: VerifierState;
  private readonly seen = new Set<string>();
  private readonly atLarge: Finding[] = [];

  constructor(options: JudgeOptions) {
    this.state = createVerifier({
      records: options.remembers === undefined ? this.records : withoutSharers(this.records, options.remembers),
      // How many links wait behind a hole depends on their order alone; with all of them in memory there is nothing to bound.
      limits: { heldLinks: Number.POSITIVE_INFINITY, ...options.limits },
      hashing: options.hashing,
      ...(options.register && { register: options.register }),
    });
  }

  /** @param at when it arrived, ms, on the scale of {@link conclude} */
  take(reading: Reading, at: number): void {
    if (reading.type === 'none') return;
    const { findings } = step(this.state, { ...reading, at });
    this.atLarge.push(...findings.filter((finding) => finding.session === ''));
    const session = reading.type === 'link' ? reading.link.session : reading.session;
    if (session !== '') this.seen.add(session);
  }

  /** Another store was compared, and does not hold this link as it is on record. */
  diverged(divergence: Pick<Finding, 'session' | 'seq' | 'detail' | 'traceId' | 'spanId'>, at: number): void {
    const { session, seq, detail, traceId, spanId } = divergence;
    step(this.state, { type: 'divergence', session, seq, detail, healed: false, traceId, spanId, at });
    this.seen.add(session);
  }

  /** Takes a link of a session that is not judged here, for those that are to look up. */
  takeKin(kin: Kin): void {
    this.records.keepKin(kin);
  }

  /** Judges by this register from now on. */
  useRegister(register: Register): void {
    this.state.register = register;
  }

  /** Every copy taken of a session's links, ascending by seq. */
  links(session: string): Iterable<LinkCopy> {
    return this.records.links(session, 1);
  }

  /**
   * Passes judgement and lets go of everything: nothing can be taken in afterwards.
   *
   * @param at until when time has passed, ms; Infinity judges at rest
   */
  conclude(at: number): Judgement {
    step(this.state, { type: 'tick', at });
    const sessions = [...this.seen].map((id) => reportOf(this.state, id)).filter((report) => report !== undefined);
    this.records.close();
    return { sessions, atLarge: this.atLarge };
  }
}

function withoutSharers(ledger: Ledger, seen: (session: string) => boolean): Records {
  return {
    keep: (link) => ledger.keep(link),
    copies: (session, seq) => ledger.copies(session, seq),
    links: (session, from) => ledger.links(session, from),
    action: (session, actionId) => ledger.action(session, actionId),
    spawnsOf: (child) => ledger.spawnsOf(child),
    childrenOf: (parent) => ledger.childrenOf(parent),
    sharers: (agentId, memoryStore) => ledger.sharers(agentId, memoryStore).filter(({ session }) => seen(session)),
    findings: (session) => ledger.findings(session),
  };
}

/**
 * Every report, the spans that state no session as one of session '': nothing that was found may be missing from what is printed.
 */
export function reportsOf(judgement: Judgement): readonly SessionReport[] {
  if (judgement.atLarge.length === 0) return judgement.sessions;
  return [...judgement.sessions, withFindings(nothingOf(''), judgement.atLarge)];
}

/** The report of a session of which no link is held: nothing received is never intact. */
export function nothingOf(session: string, known: Partial<SessionReport> = {}): SessionReport {
  const { agent = '', agentName = '', principal = '', owner = '', fingerprint = '', traceId = '' } = known;
  const verdict = { integrity: 'unknown', completeness: 'open', authority: 'unknown' } as const;
  return { session, agent, agentName, principal, owner, fingerprint, traceId, ...verdict, links: 0, findings: [] };
}

/** The report with further findings on record, and the verdict that they all give together (SPEC.md, "Verdict of a session"). */
export function withFindings(report: SessionReport, more: readonly Finding[]): SessionReport {
  const known = new Set(report.findings.map(identity));
  const added = more.filter((finding) => finding.session === '' || !known.has(identity(finding)));
  if (added.length === 0) return report;
  const against = (what: string) => added.some((finding) => !finding.healed && FINDING_RULES[finding.code].against === what);
  return {
    ...report,
    integrity: against('integrity') ? 'broken' : report.integrity,
    completeness: against('completeness') ? 'incomplete' : report.completeness,
    authority: against('authority') ? 'deviated' : report.authority,
    findings: [...report.findings, ...added].sort((a, b) => a.seq - b.seq || (a.code < b.code ? -1 : 1)),
  };
}

function identity(finding: Finding): string {
  return `${finding.code}@${finding.seq}`;
}
