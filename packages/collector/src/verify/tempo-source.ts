import { ATTR, type SessionReport } from '@agent-custody/chain';
import type { SecondsRange, TempoReader } from '../tempo/client.js';
import type { CutContent } from '../tempo/cut.js';
import { TempoError } from '../tempo/errors.js';
import { tracesIn } from '../tempo/windows.js';
import { type Compared, compareSessions } from './comparison.js';
import type { Evidence } from './evidence.js';
import { Judge, type Judgement, type JudgeOptions, nothingOf, withFindings } from './judge.js';
import { StoredSessions } from './stored-sessions.js';

/** Which sessions are judged. */
export type TempoScope =
  /** Those with a span from `sinceMs` (Unix ms) on. */
  | { readonly type: 'since'; readonly sinceMs: number }
  /** One, looked for back to `sinceMs`. */
  | { readonly type: 'session'; readonly session: string; readonly sinceMs: number };

export interface TempoSourceOptions extends JudgeOptions {
  /** What the store keeps of a value, bytes. */
  readonly attributeBytes: number;
  /** How long a link may take until it can be found, ms: what is younger is not missed. */
  readonly settleMs: number;
  readonly atRest: boolean;
  /** Traces that one search is asked for (default 500). */
  readonly searchLimit?: number;
  /** What the store is held against, link by link. */
  readonly evidence?: Evidence | undefined;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Told what is going on, for a person who waits. */
  readonly progress?: (text: string) => void;
}

/** A judgement of what a trace store holds. */
export interface TempoJudgement {
  readonly judgement: Judgement;
  /** Content that the store cut, by session: not verified, and no finding. */
  readonly cut: ReadonlyMap<string, readonly CutContent[]>;
  /** What could not be read or decided, for people; with any of it not everything was judged. */
  readonly problems: readonly string[];
}

/** How far back the other traces of a session are looked for, s: as long as Tempo keeps any by default. */
const KEPT_SECONDS = 14 * 86_400;
/** What one search covers when it asks for one session: within the 168 h that Tempo searches at once by default. */
const LONG_SECONDS = 7 * 86_400 - 3_600;

/**
 * Judges the sessions that a Tempo holds: every hash is recomputed from the attributes that it gives. With `evidence` it is held
 * against the record as well. What is read: the traces that a search finds, those of a session that has links elsewhere, those of the
 * sessions that one names as its parent or child (or they would be missed wrongly), and those that the record names.
 *
 * @throws TempoError when Tempo cannot be read, and what the evidence throws
 */
export async function judgeTempo(tempo: TempoReader, scope: TempoScope, options: TempoSourceOptions): Promise<TempoJudgement> {
  const reader = new TempoSource(tempo, scope, options);
  await reader.find();
  const compared = options.evidence === undefined ? [] : await reader.compare(options.evidence);
  return reader.conclude(compared);
}

class TempoSource {
  private readonly judge: Judge;
  private readonly stored: StoredSessions;
  private readonly asOfMs: number;
  private readonly nowMs: number;
  /** The sessions that are told about. */
  private readonly wanted = new Set<string>();
  /** As on record, of sessions that the store may hold nothing of. */
  private readonly agents = new Map<string, string>();
  private readonly problems: string[] = [];

  constructor(
    private readonly tempo: TempoReader,
    private readonly scope: TempoScope,
    private readonly options: TempoSourceOptions,
  ) {
    this.nowMs = options.now();
    this.asOfMs = this.nowMs - options.settleMs;
    // The memory rule needs every session of a store in a row: those of the range are, one and its kin are not.
    this.judge = new Judge({ ...options, remembers: (session) => scope.type === 'since' && this.wanted.has(session) });
    const { attributeBytes: limit, hashing } = options;
    this.stored = new StoredSessions(this.judge, { asOfMs: this.asOfMs, limit, hashing });
  }

  /** Reads what belongs to the sessions that are judged. */
  async find(): Promise<void> {
    const { scope, stored } = this;
    if (scope.type === 'session') {
      await this.search(ofSession(scope.session), this.range(0), LONG_SECONDS);
      await this.search(announcing(scope.session), this.range(0), LONG_SECONDS);
      this.wanted.add(scope.session);
    } else {
      await this.search(ANY_LINK, this.range(0));
      for (const session of stored.sessions()) this.wanted.add(session);
      for (const session of this.wanted) {
        if (stored.hasHoles(session)) await this.search(ofSession(session), this.range(KEPT_SECONDS), LONG_SECONDS);
      }
    }
    for (const session of this.wanted) {
      const { parents, children } = stored.kinOf(session);
      for (const kin of [...parents, ...children]) {
        if (!stored.has(kin)) await this.search(ofSession(kin), this.range(KEPT_SECONDS), LONG_SECONDS);
      }
    }
  }

  async compare(evidence: Evidence): Promise<readonly Compared[]> {
    const { scope, stored, options } = this;
    const sessions = scope.type === 'session' ? [scope.session] : evidence.sessions(scope.sinceMs);
    for await (const session of sessions) {
      this.wanted.add(session);
      const links = (await evidence.links(session)) ?? [];
      const agent = links[0]?.attributes[ATTR.agentId];
      if (typeof agent === 'string') this.agents.set(session, agent);
      // By id: the search may not know the newest yet, and whoever deletes a trace deletes it from the search.
      const traces = new Set(links.map(({ traceId }) => traceId).filter((id) => TRACE_ID.test(id) && !stored.hasRead(id)));
      await this.fetch(traces);
    }
    const { settleMs, now } = options;
    const sleep = (ms: number): Promise<void> => {
      this.say(`waiting ${Math.ceil(ms / 1000)} s for what is on its way to Tempo`);
      return options.sleep(ms);
    };
    const fetch = (ids: Iterable<string>): Promise<void> => this.fetch([...ids].filter((id) => TRACE_ID.test(id)));
    return compareSessions(this.wanted, { evidence, judge: this.judge, stored, fetch, settleMs, now, sleep });
  }

  conclude(compared: readonly Compared[]): TempoJudgement {
    const { judge, stored, options, wanted } = this;
    for (const { session, divergences, undecided } of compared) {
      for (const divergence of divergences) judge.diverged({ session, ...divergence }, this.asOfMs);
      if (undecided) {
        this.problems.push(
          `session ${session}: links are not in Tempo of which ${options.evidence?.name} cannot say whether they were forwarded; they were not compared`,
        );
      }
    }
    for (const trace of stored.partial) this.problems.push(`trace ${trace}: Tempo gives only a part of it; what is missing may be there`);
    const { sessions, atLarge } = judge.conclude(options.atRest ? Number.POSITIVE_INFINITY : this.asOfMs);
    const reports = sessions.filter((report) => wanted.has(report.session)).map((report) => this.known(report));
    const cut = new Map([...stored.cut].filter(([session]) => wanted.has(session)));
    return { judgement: { sessions: reports, atLarge: this.scope.type === 'session' ? [] : atLarge }, cut, problems: this.problems };
  }

  /** Nothing received is never intact; who it would be of is on record. */
  private known(report: SessionReport): SessionReport {
    if (report.links > 0) return report;
    const { session, traceId, findings } = report;
    return withFindings(nothingOf(session, { agent: this.agents.get(session) ?? report.agent, traceId }), findings);
  }

  private async search(query: string, range: SecondsRange, longest?: number): Promise<void> {
    this.say(`searching Tempo; ${this.stored.traces} traces read`);
    const { searchLimit: limit } = this.options;
    const how = { ...(limit !== undefined && { limit }), ...(longest !== undefined && { longest }) };
    for await (const found of tracesIn(this.tempo, query, range, how)) {
      if (found.type === 'traces') await this.fetch(found.ids.filter((id) => !this.stored.hasRead(id)));
      else {
        const at = new Date(found.at * 1000).toISOString();
        this.problems.push(`more traces at ${at} than Tempo shows in one search: some were not read (its search.max_result_limit)`);
      }
    }
  }

  private async fetch(ids: Iterable<string>): Promise<void> {
    for (const id of ids) {
      try {
        this.stored.take(id, await this.tempo.trace(id));
      } catch (error) {
        // One trace that is too large must not keep the auditor from all others.
        if (!(error instanceof TempoError) || error.code !== 'too_large') throw error;
        this.problems.push(`trace ${id}: ${error.message}`);
        this.stored.take(id, { spans: [], partial: true });
      }
      this.say(`${this.stored.traces} traces, ${this.stored.sessions().length} sessions read from Tempo`);
    }
  }

  private range(moreSeconds: number): SecondsRange {
    const end = Math.ceil(this.nowMs / 1000) + 1;
    return { start: Math.max(1, Math.min(Math.floor(this.scope.sinceMs / 1000) - moreSeconds, end - 1)), end };
  }

  private say(text: string): void {
    this.options.progress?.(text);
  }
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const ANY_LINK = '{ span.custody.link.seq >= 1 }';

/** @param session 32 hex: nothing of it needs to be escaped */
const ofSession = (session: string): string => `{ span.custody.session.id = "${session}" }`;
const announcing = (session: string): string => `{ span.custody.child.session.id = "${session}" }`;
