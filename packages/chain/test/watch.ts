import {
  createVerifier,
  type Finding,
  type FindingCode,
  isSettled,
  type Limits,
  MemoryRecords,
  portableHashing,
  type Reading,
  type Register,
  readSpan,
  reportOf,
  resume,
  type SessionReport,
  type SpanView,
  type StepResult,
  step,
  type VerifierState,
  type WrittenLink,
} from '../src/index.js';

/** Records that also keep what was found, as a collector's ledger does: a session that comes back finds it there. */
export class Ledger extends MemoryRecords {
  private readonly found = new Map<string, Map<string, Finding>>();

  override findings(session?: string): readonly Finding[] {
    return [...(this.found.get(session ?? '')?.values() ?? [])];
  }

  record(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const known = this.found.get(finding.session) ?? new Map<string, Finding>();
      known.set(`${finding.code}@${finding.seq}`, finding);
      this.found.set(finding.session, known);
    }
  }
}

/** A collector in miniature: feeds a verifier, keeps all that it ever says, and can be stopped and started at any point. */
export class Watch {
  readonly ledger = new Ledger();
  /** Every finding ever reported, healings and repetitions included, in order. */
  readonly log: Finding[] = [];
  readonly released: string[] = [];
  state: VerifierState;
  private readonly sessions = new Set<string>();
  private readonly limits: Partial<Limits>;
  private readonly register: Register | undefined;

  constructor(limits: Partial<Limits> = {}, register?: Register) {
    this.limits = limits;
    this.register = register;
    this.state = this.open();
  }

  private open(): VerifierState {
    return createVerifier({ records: this.ledger, limits: this.limits, ...(this.register && { register: this.register }) });
  }

  arrive(view: SpanView, at: number): StepResult {
    return this.take(readSpan(view, portableHashing), at);
  }

  take(reading: Reading, at: number): StepResult {
    if (reading.type === 'none') throw new Error('the span claims nothing');
    if (reading.type === 'link') this.sessions.add(reading.link.session);
    else if (reading.session) this.sessions.add(reading.session);
    return this.note(step(this.state, reading.type === 'link' ? { type: 'link', link: reading.link, at } : { ...reading, at }));
  }

  diverge({ session, seq, traceId, spanId }: WrittenLink, healed: boolean, at: number): StepResult {
    return this.note(step(this.state, { type: 'divergence', session, seq, detail: 'not in the store', healed, traceId, spanId, at }));
  }

  tick(at: number): StepResult {
    return this.note(step(this.state, { type: 'tick', at }));
  }

  /** Killed and started again: memory is gone, records are not. */
  restart(at: number): void {
    const waiting = [...this.sessions].filter((id) => !isSettled(this.state, id));
    this.state = this.open();
    resume(this.state, waiting, at);
  }

  report(session: string): SessionReport {
    const report = reportOf(this.state, session);
    if (!report) throw new Error(`nothing of ${session} was received`);
    return report;
  }

  /** What counts against anything now, as `code@seq`. */
  active(session: string): string[] {
    return this.report(session)
      .findings.filter((finding) => !finding.healed && finding.severity !== 'info')
      .map((finding) => `${finding.code}@${finding.seq}`);
  }

  /** Active findings of all sessions, with the session. */
  allActive(): string[] {
    return [...this.sessions].flatMap((id) => this.active(id).map((finding) => `${id} ${finding}`)).sort();
  }

  healed(session: string, code: FindingCode): number[] {
    return this.report(session)
      .findings.filter((finding) => finding.code === code && finding.healed)
      .map((finding) => finding.seq);
  }

  private note(result: StepResult): StepResult {
    this.log.push(...result.findings);
    this.ledger.record(result.findings);
    for (const { session, seq, status } of result.released) this.released.push(`${session} ${seq} ${status}`);
    return result;
  }
}

/** Judges spans at rest: all limits have passed. */
export function watchAtRest(views: Iterable<SpanView>, register?: Register, limits: Partial<Limits> = {}): Watch {
  const watch = new Watch(limits, register);
  for (const view of views) watch.arrive(view, 0);
  watch.tick(Number.POSITIVE_INFINITY);
  return watch;
}
