import type { Finding, FindingCode } from '@agent-custody/chain';
import type { ReportedFinding } from '../engine/types.js';
import { every } from '../ledger/every.js';
import type { Ledger } from '../ledger/ledger.js';
import { printable } from '../printable.js';

/** A finding that still counts, as alerts name it. */
export interface OpenFinding {
  readonly finding: Finding;
  /** When it was first reported, Unix ms. */
  readonly reportedAtMs: number;
}

/** An open finding with the agent whose session it is about, fit for a label: '' when none is known. */
export interface NamedFinding extends OpenFinding {
  readonly agent: string;
}

/** Sessions named per code: whoever floods one code cannot push out another, nor make series without bound. */
const SESSIONS_PER_CODE = 20;
/** How long a finding is named. It stays on record; an alert must end some day. */
const NAMED_FOR_MS = 86_400_000;
/** An agent chooses its id, and alerts carry it into chats and mails. */
const AGENT_LENGTH = 128;

/**
 * Which sessions something is wrong with: of each code the newest sessions, with the first finding of that code in each. So an
 * alert can name session and span although counters have no label for them.
 */
export class OpenFindings {
  private readonly byCode = new Map<FindingCode, Map<string, OpenFinding>>();

  /** @throws LedgerError when the findings on record cannot be read */
  constructor(
    private readonly ledger: Pick<Ledger, 'findingsPage' | 'findings' | 'session'>,
    nowMs: number,
  ) {
    this.load(nowMs - NAMED_FOR_MS);
  }

  /** Findings that were put on record, or healed. */
  reported(findings: readonly ReportedFinding[], atMs: number): void {
    for (const { finding } of findings) {
      if (finding.severity === 'info') continue;
      const sessions = this.sessionsOf(finding.code);
      const known = sessions.get(finding.session);
      if (finding.healed) this.healed(sessions, finding, known);
      else if (known === undefined) {
        sessions.set(finding.session, { finding, reportedAtMs: atMs });
        trim(sessions);
      }
    }
  }

  /** Those of the last day, by code. */
  named(nowMs: number): readonly NamedFinding[] {
    const out: NamedFinding[] = [];
    for (const sessions of this.byCode.values()) {
      for (const [session, open] of sessions) {
        if (open.reportedAtMs < nowMs - NAMED_FOR_MS) sessions.delete(session);
        else out.push({ ...open, agent: this.agentOf(session) });
      }
    }
    return out;
  }

  private healed(sessions: Map<string, OpenFinding>, finding: Finding, known: OpenFinding | undefined): void {
    if (known?.finding.seq !== finding.seq) return;
    // Another of the same code may have stood behind it all the while.
    const next = this.ledger.findings(finding.session).find(({ code, healed }) => code === finding.code && !healed);
    if (next === undefined) sessions.delete(finding.session);
    else sessions.set(finding.session, { ...known, finding: next });
  }

  private load(sinceMs: number): void {
    for (const { reportedAtMs, ...finding } of every((page) => this.ledger.findingsPage(page))) {
      if (reportedAtMs < sinceMs) break;
      if (finding.healed || finding.severity === 'info') continue;
      const sessions = this.sessionsOf(finding.code);
      if (sessions.size < SESSIONS_PER_CODE || sessions.has(finding.session)) sessions.set(finding.session, { finding, reportedAtMs });
    }
    // They come newest first; what is oldest must be the first to make room.
    for (const [code, sessions] of this.byCode) this.byCode.set(code, new Map([...sessions].reverse()));
  }

  private sessionsOf(code: FindingCode): Map<string, OpenFinding> {
    let sessions = this.byCode.get(code);
    if (sessions === undefined) this.byCode.set(code, (sessions = new Map()));
    return sessions;
  }

  private agentOf(session: string): string {
    return printable(this.ledger.session(session)?.agent ?? '').slice(0, AGENT_LENGTH);
  }
}

function trim(sessions: Map<string, OpenFinding>): void {
  for (const session of sessions.keys()) {
    if (sessions.size <= SESSIONS_PER_CODE) return;
    sessions.delete(session);
  }
}
