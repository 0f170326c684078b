import type { Register, RegisterEntry } from '@agent-custody/chain';
import type { Ledger, SessionRow } from '../ledger/ledger.js';

/** How long an agent has not been heard of, and how long it may be. */
export interface AgentSilence {
  readonly agent: string;
  /** Unix ms; undefined when nothing of it is on record. */
  readonly lastHeardMs: number | undefined;
  /** Since it was last heard of, or since the collector listens if that is later, ms. */
  readonly silentMs: number;
  /** Beyond this it is missed, ms; undefined while its usual time is not known. */
  readonly limitMs: number | undefined;
}

export interface SilenceOptions {
  /** Limits that were set, by agent id, ms. */
  readonly expected: ReadonlyMap<string, number>;
  /** The least that a learned limit is, ms: the idle limit, within which a living session sends its heartbeats. */
  readonly leastMs: number;
  readonly startedMs: number;
}

interface History {
  /** From when on its silences are known. */
  sinceMs: number;
  lastMs: number;
  longestMs: number;
}

const DAY_MS = 86_400_000;
/** What is learned from: long enough to hold month ends, short enough to be read at a start. */
const LEARN_FROM_MS = 35 * DAY_MS;
const SESSIONS_READ = 200_000;
const PAGE = 1_000;
/** A week holds a weekend. */
const LEAST_HISTORY_MS = 7 * DAY_MS;
/** A silence must have had the time to happen a few times before it can be called the longest. */
const SILENCES_IN_HISTORY = 3;
/** Twice the longest silence so far: a usual time that is met to the minute would be no alarm but a nuisance. */
const SLACK = 2;

/**
 * Watches for agents that ought to run and are not heard of: those that the register approves now, and those that a limit was set
 * for. Without a set limit the usual time is learned: twice the longest silence of the past weeks, once at least a week and three
 * times that silence are on record. Time in which the collector was not listening never counts as an agent's silence.
 */
export class SilenceWatch {
  private readonly histories = new Map<string, History>();
  private register: Register | undefined;

  constructor(
    private readonly ledger: Pick<Ledger, 'sessionsPage'>,
    private readonly options: SilenceOptions,
  ) {
    this.learn([...options.expected.keys()], options.startedMs);
  }

  /** @throws LedgerError when the sessions on record cannot be read */
  registerChanged(register: Register, nowMs: number): void {
    this.register = register;
    const fresh = new Set(register.entries.map(({ agent }) => agent).filter((agent) => !this.histories.has(agent)));
    this.learn([...fresh], nowMs);
  }

  /** A session of which something came. */
  heard({ agent, lastSeenMs }: Pick<SessionRow, 'agent' | 'lastSeenMs'>): void {
    const history = this.histories.get(agent);
    if (history !== undefined) extend(history, lastSeenMs, lastSeenMs);
  }

  /** Entries of the register that are in force. */
  approved(nowMs: number): readonly RegisterEntry[] {
    return this.register?.entries.filter((entry) => isInForce(entry, nowMs)) ?? [];
  }

  silences(nowMs: number): readonly AgentSilence[] {
    const { expected, startedMs } = this.options;
    const approved = this.approved(nowMs).map(({ agent }) => agent);
    return [...new Set([...expected.keys(), ...approved])].map((agent) => {
      const history = this.histories.get(agent);
      const lastHeardMs = history !== undefined && history.lastMs > 0 ? history.lastMs : undefined;
      return {
        agent,
        lastHeardMs,
        silentMs: Math.max(0, nowMs - Math.max(lastHeardMs ?? 0, startedMs)),
        limitMs: expected.get(agent) ?? (history && learnedLimit(history, this.options.leastMs)),
      };
    });
  }

  /** Reads the silences of agents from the sessions on record, one pass for all of them. */
  private learn(agents: readonly string[], nowMs: number): void {
    if (agents.length === 0) return;
    const seen = new Map<string, { readonly firstMs: number; readonly lastMs: number }[]>(agents.map((agent) => [agent, []]));
    let read = 0;
    let cursor: string | undefined;
    do {
      const { items, next } = this.ledger.sessionsPage({ limit: PAGE, cursor });
      for (const row of items) seen.get(row.agent)?.push({ firstMs: row.firstSeenMs, lastMs: row.lastSeenMs });
      read += items.length;
      const oldest = items.at(-1);
      cursor = oldest !== undefined && oldest.firstSeenMs > nowMs - LEARN_FROM_MS && read < SESSIONS_READ ? next : undefined;
    } while (cursor !== undefined);
    for (const [agent, sessions] of seen) {
      const history: History = { sinceMs: sessions.at(-1)?.firstMs ?? 0, lastMs: 0, longestMs: 0 };
      for (const { firstMs, lastMs } of sessions.reverse()) extend(history, firstMs, lastMs);
      this.histories.set(agent, history);
    }
  }
}

function extend(history: History, fromMs: number, toMs: number): void {
  if (history.lastMs === 0) history.sinceMs = history.lastMs = fromMs;
  history.longestMs = Math.max(history.longestMs, fromMs - history.lastMs);
  history.lastMs = Math.max(history.lastMs, toMs);
}

function learnedLimit({ sinceMs, lastMs, longestMs }: History, leastMs: number): number | undefined {
  const known = lastMs - sinceMs;
  if (known < LEAST_HISTORY_MS || known < SILENCES_IN_HISTORY * longestMs) return undefined;
  return Math.max(leastMs, SLACK * longestMs);
}

function isInForce({ from, until, withdrawn }: RegisterEntry, nowMs: number): boolean {
  const past = (instant: string | null): boolean => instant !== null && Date.parse(instant) <= nowMs;
  return past(from) && !past(until) && !past(withdrawn);
}
