import type { Finding, LinkStatus, Release, StepResult } from '@agent-custody/chain';
import type { SessionUpdate } from './sessions.js';
import type { EngineMetrics, Log, ReportedFinding } from './types.js';

/** What a transaction brought about: counted once it is committed, forgotten when it is rolled back. */
export class Tally {
  /** As the verifier gave them: after a restart it may say again what is on record. */
  readonly findings: Finding[] = [];
  /** Those that were not on record, or not so. */
  readonly reported: ReportedFinding[] = [];
  readonly sessions: SessionUpdate[] = [];
  readonly released: Release[] = [];
  readonly touched = new Set<string>();
  duplicates = 0;
  received = 0;
  private readonly links = new Map<string, { readonly kind: string; readonly status: LinkStatus; count: number }>();

  found(result: StepResult): void {
    this.findings.push(...result.findings);
    this.released.push(...result.released);
    for (const session of result.touched) this.touched.add(session);
  }

  link(kind: string, status: LinkStatus): void {
    const key = `${kind} ${status}`;
    const entry = this.links.get(key);
    if (entry === undefined) this.links.set(key, { kind, status, count: 1 });
    else entry.count++;
  }

  report(metrics: EngineMetrics, log: Log): void {
    if (this.received > 0) metrics.spansReceived(this.received);
    for (let i = 0; i < this.duplicates; i++) metrics.duplicate();
    for (const { kind, status, count } of this.links.values()) for (let i = 0; i < count; i++) metrics.link(kind, status);
    for (const { finding, first } of this.reported) {
      const { session, code, severity, seq, healed, traceId } = finding;
      if (first) metrics.finding(finding);
      // Not the detail: it may quote what an agent wrote.
      if (healed) log.info({ session, code, severity, seq, traceId }, `finding ${code} healed`);
      else log.warn({ session, code, severity, seq, traceId }, `finding ${code}`);
    }
  }
}
