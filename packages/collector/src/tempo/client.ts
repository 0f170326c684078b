import { z } from 'zod';
import { TempoError } from './errors.js';
import { ask, originOf, type RequestOptions, type TempoAddress } from './request.js';
import { type StoredTrace, traceOf, traceOfV2 } from './trace-answer.js';

/** A stretch of time in whole Unix seconds, as Tempo takes it. */
export interface SecondsRange {
  readonly start: number;
  /** After `start`. */
  readonly end: number;
}

/** What a client of Tempo's query API can be asked: what the rest is written against. */
export interface TempoReader {
  /** Ids (32 hex) of at most `limit` traces that have a span for `query` and overlap the range; which ones is Tempo's choice. */
  search(query: string, range: SecondsRange, limit: number): Promise<readonly string[]>;
  /** A trace by id; one without spans when Tempo knows none. */
  trace(id: string): Promise<StoredTrace>;
}

const PROTOBUF = 'application/protobuf';

const searchSchema = z.looseObject({ traces: z.array(z.looseObject({ traceID: z.string().regex(/^[0-9a-fA-F]{1,32}$/) })).nullish() });
const buildSchema = z.looseObject({ version: z.string() });

/**
 * Reads Grafana Tempo 2.x and 3.x over HTTP.
 *
 * @example
 * const tempo = new TempoClient({ url: 'http://127.0.0.1:3200', org: 'team-a' });
 * const ids = await tempo.search('{ span.custody.link.seq >= 1 }', { start: 1795312000, end: 1795313000 }, 500);
 */
export class TempoClient implements TempoReader {
  /** Whether `/api/v2/traces` is there: it is since Tempo 2.6. */
  private hasV2 = true;

  constructor(
    private readonly address: TempoAddress,
    private readonly options: RequestOptions = {},
  ) {}

  /** @throws TempoError */
  async search(query: string, range: SecondsRange, limit: number): Promise<readonly string[]> {
    const parameters = new URLSearchParams({
      q: query,
      start: String(range.start),
      end: String(range.end),
      limit: String(limit),
      // Which trace it is is all that is asked: its spans are read by id, where none is left out.
      spss: '1',
    });
    const { body } = await ask(this.address, `/api/search?${parameters}`, 'application/json', [], this.options);
    const parsed = searchSchema.safeParse(jsonOf(body));
    if (!parsed.success) throw this.notTempo();
    // Leading zeros of an id are stripped in search answers.
    return (parsed.data.traces ?? []).map(({ traceID }) => traceID.toLowerCase().padStart(32, '0'));
  }

  /**
   * Asks version 2 of the API, which says when it gives only a part of a trace, and version 1 where there is no version 2.
   *
   * @throws TempoError
   */
  async trace(id: string): Promise<StoredTrace> {
    if (this.hasV2) {
      const answer = await ask(this.address, `/api/v2/traces/${id}`, PROTOBUF, [404], this.options);
      if (answer.status === 200) return this.read(answer.body, answer.contentType, traceOfV2);
    }
    const answer = await ask(this.address, `/api/traces/${id}`, PROTOBUF, [404], this.options);
    if (answer.status === 200) {
      this.hasV2 = false;
      return this.read(answer.body, answer.contentType, traceOf);
    }
    // Version 1 answers 404 for a trace that is not there, and so does any other server for anything.
    await this.version();
    this.hasV2 = false;
    return { spans: [], partial: false };
  }

  /**
   * The version of the Tempo that answers, such as `3.0.3`.
   *
   * @throws TempoError `not_tempo` when something else does
   */
  async version(): Promise<string> {
    const { body } = await ask(this.address, '/api/status/buildinfo', 'application/json', [], this.options);
    const parsed = buildSchema.safeParse(jsonOf(body));
    if (!parsed.success) throw this.notTempo();
    return parsed.data.version;
  }

  private read(body: Buffer, contentType: string, decode: (body: Buffer) => StoredTrace): StoredTrace {
    if (!/protobuf/.test(contentType)) {
      throw new TempoError(
        'unreadable',
        `${originOf(this.address)}: a trace was asked for in protobuf and came as '${contentType.slice(0, 60)}'; a proxy in front of Tempo must pass on the Accept header`,
      );
    }
    try {
      return decode(body);
    } catch (error) {
      throw new TempoError('unreadable', `${originOf(this.address)}: the answer is no trace in protobuf: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  private notTempo(): TempoError {
    return new TempoError(
      'not_tempo',
      `${originOf(this.address)}: the answer is not that of Tempo's query API; check the URL (port 3200 by default)`,
    );
  }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
